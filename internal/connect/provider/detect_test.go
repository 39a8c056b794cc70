package provider

import (
	"math"
	"regexp"
	"slices"
	"testing"
)

// serverOf is a name server as one rule of a row describes it.
func serverOf(t *testing.T, rule string) string {
	t.Helper()
	if !regexp.MustCompile(`[$\\]`).MatchString(rule) {
		return "NS2." + rule + "."
	}
	text := regexp.MustCompile(`\(([^|()]*)[^()]*\)\??`).ReplaceAllString(rule, "$1") // the first alternative
	text = regexp.MustCompile(`\(([^|()]*)[^()]*\)\??`).ReplaceAllString(text, "$1")
	text = regexp.MustCompile(`\[[^\]]*\][*+]?`).ReplaceAllStringFunc(text, func(class string) string { return class[1:2] })
	if text[0] == '\\' {
		text = "ns1" + text
	}
	text = regexp.MustCompile(`[\^$\\]`).ReplaceAllString(text, "")
	if re := regexp.MustCompile(rule); !re.MatchString(text) {
		t.Fatalf("the test cannot make a name for %s: %q", rule, text)
	}
	return text
}

func serversOf(t *testing.T, p *Provider) (out []string) {
	t.Helper()
	for _, rule := range p.NameServers() {
		out = append(out, serverOf(t, rule))
	}
	return out
}

// Each rule by itself finds its own provider, and nobody else's: of two rows that matched the same server one would be wrong.
func TestDetect_EveryRuleFindsItsProviderAlone(t *testing.T) {
	t.Parallel()
	c := load(t, LabRows)
	rules := 0
	for _, p := range c.All("") {
		for _, rule := range p.NameServers() {
			rules++
			server := serverOf(t, rule)
			m := c.Detect(Evidence{NameServers: []string{server}})
			found := append([]*Provider{m.Provider}, m.Alternatives...)
			if !slices.Contains(found, p) || m.Mixed || m.Confidence != min(weightNSAll, p.Confidence) || m.Evidence[0].Kind != EvidenceNSSuffix {
				t.Errorf("%s: %s leads to %v, mixed %v, confidence %v", p.Slug, server, m.Provider, m.Mixed, m.Confidence)
			}
			for _, other := range c.All("") {
				if other != p && other.claim(canonical(server)) > 0 && !slices.Contains(c.shares[p.Slug], other.Slug) {
					t.Errorf("%s: %s is also claimed by %s", p.Slug, server, other.Slug)
				}
			}
			for _, below := range []string{canonical(server) + ".evil.example", "evil" + canonical(server)[1:] + "x"} {
				if m := c.Detect(Evidence{NameServers: []string{below}}); m.Provider == p {
					t.Errorf("%s: %s passes for its server", p.Slug, below)
				}
			}
		}
	}
	if rules < 200 {
		t.Errorf("only %d rules were tried", rules)
	}
}

// CN-2: a synthetic set of name servers for each row, and mixed sets.
func TestDetect_EveryRowByItsNameServers(t *testing.T) {
	t.Parallel()
	c := load(t, LabRows)
	rows := 0
	for _, p := range c.All("") {
		servers := serversOf(t, p)
		if len(servers) == 0 {
			continue
		}
		rows++
		m := c.Detect(Evidence{NameServers: servers})
		if m.Provider != p && !slices.Contains(m.Alternatives, p) || m.Mixed {
			t.Errorf("%s: servers %q lead to %+v, mixed %v", p.Slug, servers, m.Provider, m.Mixed)
			continue
		}
		other := c.BySlug("hover")
		if p == other {
			other = c.BySlug("gandi")
		}
		mixed := c.Detect(Evidence{NameServers: append(servers, serversOf(t, other)...)})
		both := append([]*Provider{mixed.Provider}, append(mixed.Others, mixed.Alternatives...)...)
		if !mixed.Mixed || !slices.Contains(both, p) || !slices.Contains(both, other) {
			t.Errorf("%s with %s: mixed %v, %d others", p.Slug, other.Slug, mixed.Mixed, len(mixed.Others))
		}
		for _, mailbox := range p.soa {
			m := c.Detect(Evidence{NameServers: []string{"ns1.acme.example"}, SOARName: mailbox + "."})
			if m.Provider != p || m.Confidence != weightSOA || m.Evidence[0].Kind != EvidenceSOA {
				t.Errorf("%s: mailbox %s leads to %+v at %v", p.Slug, mailbox, m.Provider, m.Confidence)
			}
		}
	}
	if rows < 100 {
		t.Errorf("%d rows with name servers", rows)
	}
}

// A row deserves the trust that its sources bear, and never more than 60 % before somebody tried it.
func TestDetect_TrustsARowAsMuchAsItsSources(t *testing.T) {
	t.Parallel()
	c := load(t, LabRows)
	seen := map[float64]int{}
	for _, p := range c.All("") {
		want := trustKnown
		switch {
		case p.VerifiedAt != nil:
			want = trustTried
		case p.Bears(Detection):
			want = trustRead
		}
		seen[p.Confidence]++
		if p.Confidence != want || (p.CheckedAt == nil) != (len(p.Sources) == 0) {
			t.Errorf("%s: confidence %v, want %v; checked %v with %d sources", p.Slug, p.Confidence, want, p.CheckedAt, len(p.Sources))
		}
	}
	if seen[trustTried] != 4 { // the lab's; nobody has tried the others yet
		t.Errorf("by confidence: %v", seen)
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	c := load(t, LabRows)
	for _, test := range []struct {
		situation  string
		e          Evidence
		slug       string
		confidence float64
		mixed      bool
	}{
		{"nobody knows it", Evidence{NameServers: []string{"ns1.acme.com", "ns2.acme.com"}}, "", 0, false},
		{"no servers", Evidence{}, "", 0, false},
		{"empty names", Evidence{NameServers: []string{"", ".", " "}}, "", 0, false},
		{"verified", Evidence{NameServers: []string{"ns1.plain-dns.lab.", "ns2.plain-dns.lab."}}, "plain", 0.9, false},
		{"servers and mailbox", Evidence{NameServers: []string{"ns1.plain-dns.lab"}, SOARName: "hostmaster.plain-dns.lab."}, "plain", 0.94, false},
		{"a name that only ends alike", Evidence{NameServers: []string{"ns1.notplain-dns.lab"}}, "", 0, false},
		{"half of the servers", Evidence{NameServers: []string{"ns1.plain-dns.lab", "ns1.acme.com"}}, "plain", 0.5, true},
		{"two providers", Evidence{NameServers: []string{"ns1.plain-dns.lab", "ns1.flat-dns.lab"}}, "flat", 0.5, true},
		{"servers of one's own name, mailbox", Evidence{NameServers: []string{"ns1.acme.com"}, SOARName: "dns.cloudflare.com."}, "cloudflare", 0.4, false},
		{"servers of one's own name, master", Evidence{NameServers: []string{"ns1.acme.com"}, SOAMName: "ns-1.awsdns-2.org."}, "route53", 0.4, false},
		{"shared servers told apart", Evidence{NameServers: []string{"dns1.p01.nsone.net"}, SOAMName: "dns1.p01.nsone.net.", SOARName: `domains\+netlify.netlify.com.`}, "netlify", 0.6, false},
		{"shared servers told apart the other way", Evidence{NameServers: []string{"dns1.p01.nsone.net"}, SOAMName: "dns1.p01.nsone.net.", SOARName: "hostmaster.nsone.net."}, "ns1", 0.6, false},
		{"route 53 over four domains", Evidence{NameServers: []string{"ns-1.awsdns-01.com", "ns-2.awsdns-02.net", "ns-3.awsdns-03.org", "ns-4.awsdns-04.co.uk"}}, "route53", 0.6, false},
		{"below somebody's domain", Evidence{NameServers: []string{"ns-1.awsdns-01.com.evil.example"}}, "", 0, false},
		{"parking", Evidence{NameServers: []string{"ns1.sedoparking.com", "ns2.sedoparking.com"}}, "sedo", 0.5, false},
		{"case and dots", Evidence{NameServers: []string{"NS1.PLAIN-DNS.LAB."}}, "plain", 0.9, false},
	} {
		m := c.Detect(test.e)
		slug := ""
		if m.Provider != nil {
			slug = m.Provider.Slug
		}
		if slug != test.slug || math.Abs(m.Confidence-test.confidence) > 0.001 || m.Mixed != test.mixed || m.Evidence == nil {
			t.Errorf("%s: %q %v mixed %v, %v", test.situation, slug, m.Confidence, m.Mixed, m.Evidence)
		}
	}
	if m := c.Detect(Evidence{NameServers: []string{"ns-cloud-a1.googledomains.com"}}); len(m.Alternatives) != 1 {
		t.Errorf("shared servers that nothing tells apart: %d alternatives", len(m.Alternatives))
	}
}

func FuzzDetect(f *testing.F) {
	c, err := Load(LabRows)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("ns1.plain-dns.lab", "x", "y")
	f.Fuzz(func(t *testing.T, server, mname, rname string) {
		m := c.Detect(Evidence{NameServers: []string{server, mname}, SOAMName: mname, SOARName: rname})
		if m.Confidence < 0 || m.Confidence > 1 || (m.Provider == nil) != (len(m.Evidence) == 0) {
			t.Fatalf("%+v", m)
		}
	})
}
