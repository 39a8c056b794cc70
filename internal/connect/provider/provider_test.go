package provider

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/kit/locale/localetest"
)

func load(t *testing.T, extra ...[]byte) *Catalogue {
	t.Helper()
	c, err := Load(extra...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serversOf makes name servers as the row describes them.
func serversOf(p *Provider) []string {
	var out []string
	for _, s := range p.nsSuffixes {
		out = append(out, "ns1."+s, "NS2."+s+".")
	}
	for _, n := range p.nsPatterns {
		text := n.re.String()
		text = regexp.MustCompile(`\(([^|)]*)[^)]*\)`).ReplaceAllString(text, "$1") // the first alternative
		text = regexp.MustCompile(`\[[^\]]*\][*+]?`).ReplaceAllStringFunc(text, func(class string) string { return class[1:2] })
		text = strings.NewReplacer("^", "", "$", "", `\.`, ".").Replace(text)
		if strings.HasPrefix(text, ".") {
			text = "ns1" + text
		}
		out = append(out, text)
	}
	return out
}

func TestCatalogue_HasTheRows(t *testing.T) {
	t.Parallel()
	c := load(t)
	if n := len(c.All("")); n < 60 {
		t.Errorf("%d providers, want at least 60", n)
	}
	if p := c.BySlug("cloudflare"); p == nil || p.ID != "pvd_cloudflare" || !p.SupportsAlias() || *p.ConsoleURL("acme.com") != "https://dash.cloudflare.com/?to=/:account/acme.com/dns/records" {
		t.Errorf("%+v", c.BySlug("cloudflare"))
	}
	if c.BySlug("nobody") != nil || c.BySlug("plain") != nil {
		t.Error("a provider that should not be there")
	}
	if found := c.All("HETZ"); len(found) != 1 || found[0].Slug != "hetzner" {
		t.Errorf("search: %v", found)
	}
	if slug, ok := SlugOf("pvd_ovh"); slug != "ovh" || !ok {
		t.Error("slug of a node id")
	}
	if _, ok := SlugOf("con_ovh"); ok {
		t.Error("another kind of id passed for a provider")
	}
}

func TestDetect_EveryRowByItsNameServers(t *testing.T) {
	t.Parallel()
	c := load(t, LabRows)
	for _, p := range c.All("") {
		servers := serversOf(p)
		if len(servers) == 0 {
			continue
		}
		m := c.Detect(Evidence{NameServers: servers})
		if m.Provider != p && !slices.Contains(m.Alternatives, p) {
			t.Errorf("%s: servers %q lead to %+v", p.Slug, servers, m.Provider)
			continue
		}
		if want := map[bool]float64{true: 0.6, false: 0.9}[p.VerifiedAt == nil]; m.Mixed || math.Abs(m.Confidence-want) > 0.001 || m.Evidence[0].Kind != EvidenceNSSuffix {
			t.Errorf("%s: mixed %v, confidence %v, evidence %v", p.Slug, m.Mixed, m.Confidence, m.Evidence)
		}
		other := c.BySlug("hover")
		if p == other {
			other = c.BySlug("gandi")
		}
		mixed := c.Detect(Evidence{NameServers: append(servers, serversOf(other)...)})
		both := append([]*Provider{mixed.Provider}, append(mixed.Others, mixed.Alternatives...)...)
		if !mixed.Mixed || !slices.Contains(both, p) || !slices.Contains(both, other) {
			t.Errorf("%s with %s: mixed %v, %d others", p.Slug, other.Slug, mixed.Mixed, len(mixed.Others))
		}
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
		{"parking", Evidence{NameServers: []string{"ns1.sedoparking.com", "ns2.sedoparking.com"}}, "sedo", 0.6, false},
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

func TestLoad_RefusesABrokenFileWithLineAndReason(t *testing.T) {
	t.Parallel()
	var good []map[string]any
	if err := json.Unmarshal(LabRows, &good); err != nil {
		t.Fatal(err)
	}
	with := func(key string, value any) string {
		one := map[string]any{}
		for k, v := range good[0] {
			one[k] = v
		}
		one["slug"], one["nsSuffixes"], one["soa"] = "mine", []string{"dns.mine.example"}, []string{}
		one[key] = value
		b, _ := json.Marshal([]any{one})
		return string(b)
	}
	load(t, []byte(with("name", "Mine")))
	for situation, test := range map[string]struct{ file, want string }{
		"no JSON":             {"nonsense", "line 1"},
		"no list":             {"{}", "line 1"},
		"cut off":             {"[\n{\n\"slug\":", "line 3"},
		"no end":              {"[\n", "does not end"},
		"unknown member":      {with("colour", "red"), "colour"},
		"slug":                {with("slug", "My Slug"), "slug"},
		"no name":             {with("name", " "), "no name"},
		"pattern":             {with("nsPatterns", []string{"("}), "pattern"},
		"pattern without end": {with("nsPatterns", []string{"^ns[0-9]"}), "no end"},
		"suffix":              {with("nsSuffixes", []string{"com"}), "suffix"},
		"plain http":          {with("consoleUrl", "http://console.example/"), "https"},
		"placeholder":         {with("consoleUrl", "https://console.example/{account}"), "{account}"},
		"script":              {with("consoleUrl", "javascript:alert(1)"), "https"},
		"claims another's":    {with("nsSuffixes", []string{"domaincontrol.com"}), "godaddy"},
		"apex":                {with("apex", []string{"MAGIC"}), "MAGIC"},
		"date":                {with("verifiedAt", "yesterday"), "verifiedAt"},
		"guide":               {with("guide", map[string]any{"de": []string{"x"}}), "English"},
		"dialect":             {with("dialect", map[string]any{"trailingDot": "PERHAPS"}), "PERHAPS"},
		"shares":              {with("sharesWith", []string{"ns1"}), "does not say so"},
	} {
		if _, err := Load([]byte(test.file)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", situation, err, test.want)
		}
	}
	twice := append(bytes.TrimSuffix(bytes.TrimSpace(LabRows), []byte("]")), append([]byte(","), bytes.TrimPrefix(bytes.TrimSpace(LabRows), []byte("["))...)...)
	if _, err := Load(twice); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("twice: %v", err)
	}
}

func TestLoad_ALaterRowReplacesTheEarlier(t *testing.T) {
	t.Parallel()
	c := load(t, LabRows, []byte(strings.Replace(string(LabRows), "Plain DNS", "Plainer DNS", 1)))
	if c.BySlug("plain").Name != "Plainer DNS" {
		t.Error(c.BySlug("plain").Name)
	}
}

func TestGuide(t *testing.T) {
	t.Parallel()
	c := load(t, LabRows)
	for _, p := range append(c.All(""), nil) {
		for _, tag := range []string{"en", "de", "de-AT", "fr", "ar", "it", ""} {
			steps := p.Guide(tag, "acme.com")
			if len(steps) < 5 {
				t.Errorf("%v %s: %d steps", p, tag, len(steps))
			}
			for _, s := range steps {
				if s.Text == "" || strings.ContainsAny(s.Text, "{}") {
					t.Errorf("%v %s: step %q", p, tag, s.Text)
				}
			}
		}
	}
	godaddy := c.BySlug("godaddy")
	if s := godaddy.Guide("de_CH", ""); s[0].URL != nil || !strings.HasPrefix(s[0].Text, "Melden Sie sich bei GoDaddy") {
		t.Errorf("%+v", s[0])
	}
	if s := godaddy.Guide("en", "acme.com"); s[0].URL == nil || !strings.Contains(*s[0].URL, "acme.com") {
		t.Errorf("%+v", s[0])
	}
	localetest.Check(t, guides)
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

func FuzzLoad(f *testing.F) {
	f.Add(LabRows)
	f.Fuzz(func(t *testing.T, file []byte) {
		if c, err := Load(file); (c == nil) == (err == nil) {
			t.Fatal(err)
		}
	})
}
