package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/lab"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	w := lab.Start(t)
	w.Register("net.lab", "flat").Set("token", "A", "127.0.0.1")
	w.Zone("acme.lab").Set("good", "CNAME", "token.net.lab").Set("old", "CNAME", "www.elsewhere.lab").Set("_nameplate.good", "TXT", "np-verify=abc")
	w.Register("half.lab", "plain")
	w.Zone("half.lab").On("ns1").Set("shop", "CNAME", "token.net.lab")
	recursor := w.Addresses.Recursors[0]
	settings := []string{
		"--profile", "lab", "--dns.root_hints", "a.root-servers.lab=" + w.Addresses.Root.Addr().String(), "--dns.port", fmt.Sprint(w.Addresses.DNSPort),
		"--dns.resolvers", "res1=" + recursor.String(), "--http.listen", "127.0.0.1:8080", "--edge.http", "127.0.0.1:80", "--edge.https", "127.0.0.1:443", "--edge.dns", "127.0.0.1:53",
		"--psl.extra", "lab,co.lab",
	}
	run := func(args ...string) (string, int) {
		var out, errs bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // for a watch that does not end
		defer cancel()
		if !slices.Contains(args, "--lang") {
			args = append(args, "--lang", "en") // whatever the environment speaks
		}
		code := start(ctx, append(append([]string{"check"}, args...), settings...), &out, &errs)
		return out.String() + errs.String(), code
	}
	for _, c := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"good.acme.lab", "--target", "token.net.lab", "--proof", "np-verify=abc"}, 0, []string{"✓ everything stands", "DNS at        Plain DNS ·", ". › lab › acme.lab", "✓ ns1.plain-dns.lab", "res1         has it already"}},
		{[]string{"acme.lab"}, 0, []string{"here is what the DNS says", "127.0.0.200", "10 mail.acme.lab", "any CA may issue", "not signed"}},
		{[]string{"new.acme.lab", "--target", "token.net.lab"}, 3, []string{"● not there yet", "What to type at Plain DNS", "CNAME   new    token.net.lab", "type only new"}},
		{[]string{"old.acme.lab", "--target", "token.net.lab"}, 4, []string{"✗ something is in the way", "there is  www.elsewhere.lab", "wrong_value", "1. "}},
		{[]string{"shop.half.lab", "--target", "token.net.lab"}, 3, []string{"on some servers   1 of 2 servers", "record_partial"}},
		{[]string{"www.signed.lab"}, 0, []string{"the chain holds down from the root"}},
		{[]string{"www.bogus.lab"}, 4, []string{"broken: the registry has a DS, and the zone has no keys", "dnssec_bogus"}},
		{[]string{"www.gone.lab", "--target", "token.net.lab"}, 4, []string{"is not registered", "not_registered"}},
		{[]string{"www.broken.lab", "--target", "token.net.lab"}, 4, []string{"does not know the zone", "lame_delegation"}},
		{[]string{"old.acme.lab", "--target", "token.net.lab", "--trace"}, 4, []string{"↳ ns1.plain-dns.lab", "CNAME old.acme.lab → NOERROR aa www.elsewhere.lab", "Every question"}},
		{[]string{"new.acme.lab", "--target", "token.net.lab", "--lang", "de-CH"}, 3, []string{"● noch nicht da", "Was bei Plain DNS einzugeben ist", "DNS bei       Plain DNS ·"}},
		{[]string{"old.acme.lab", "--target", "token.net.lab", "--lang", "fr"}, 4, []string{"✗ quelque chose gêne", "présent   www.elsewhere.lab", "a une autre valeur", "wrong_value", "1. "}},
		{[]string{"shop.half.lab", "--target", "token.net.lab", "--lang", "ar"}, 3, []string{"● في الطريق", "على بعض الخوادم   1 من أصل 2 من الخوادم", "سجل \u2068shop.half.lab\u2069 موجود على 1 من أصل 2"}},
		{[]string{"a..lab", "--lang", "fr"}, 2, []string{"Deux points se suivent"}},
		{[]string{"good.acme.lab", "--lang", "it"}, 2, []string{"--lang is one of ar, de, en, fr"}},
		{[]string{"a..lab"}, 2, []string{"Two dots stand side by side"}},
		{nil, 2, []string{"say which domain"}},
		{[]string{"good.acme.lab", "--watch", "--every", "1s"}, 2, []string{"2s at least"}},
		{[]string{"good.acme.lab", "--watch", "--target", "token.net.lab"}, 0, []string{"everything stands"}},
		{[]string{"--help"}, 0, []string{"nameplate check shop.example.com", "Exit codes"}},
	} {
		out, code := run(c.args...)
		if code != c.code {
			t.Errorf("%v ends with %d, want %d:\n%s", c.args, code, c.code, out)
			continue
		}
		for _, want := range c.says {
			if !strings.Contains(out, want) {
				t.Errorf("%v does not say %q:\n%s", c.args, want, out)
			}
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%v writes escape sequences into a file", c.args)
		}
	}
	if out, _ := run("good.acme.lab", "--color", "always"); !strings.Contains(out, "\x1b[1m") {
		t.Error("no colours")
	}
	out, code := run("old.acme.lab", "--target", "token.net.lab", "--json", "--trace")
	var d struct {
		Verdict  string
		Records  []struct{ Status, Expected string }
		Findings []struct {
			Code     string
			Steps    []string
			Evidence []string
		}
		Observations []struct{ ID, Source string }
	}
	if err := json.Unmarshal([]byte(out), &d); err != nil || code != 4 {
		t.Fatalf("%v, ends with %d: %s", err, code, out)
	}
	if d.Verdict != "CONFLICTING" || d.Records[0].Status != "WRONG_VALUE" || d.Findings[0].Code != "wrong_value" || len(d.Findings[0].Evidence) == 0 || len(d.Observations) < 10 {
		t.Errorf("%+v", d)
	}
	for anchor, state := range map[string]string{w.Anchor(): "SIGNED_OK", "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D": "UNKNOWN"} {
		out, _ := run("www.signed.lab", "--json", "--dns.trust_anchors", anchor)
		if !strings.Contains(out, `"dnssec":"`+state+`"`) {
			t.Errorf("under the anchor %s the zone is not %s: %s", anchor, state, out)
		}
	}
	for name, anchors := range map[string]string{"None": "20326 8 2", "Broken": w.Anchor() + ",x", "Unchecked": "1 99 2 " + strings.Repeat("ab", 32), "Flood": strings.Repeat(w.Anchor()+",", 9)} {
		if out, code := run("www.signed.lab", "--dns.trust_anchors", anchors); code != 2 && code != 1 || !strings.Contains(out, "dns.trust_anchors") {
			t.Errorf("%s ends with %d: %s", name, code, out)
		}
	}
	if len(w.Recursor(1).Log("new.acme.lab.")) != 0 {
		t.Error("a resolver was asked before the authorities had the record")
	}
}
