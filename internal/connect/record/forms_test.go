package record

import (
	"strconv"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/connect/provider"
)

// asForm does what a provider's form does with what is typed into it, and answers the name and the value that get into the zone.
func asForm(d *provider.Dialect, kind RecordType, name, value, zone string) (fqdn, data string) {
	switch bare := strings.TrimSuffix(name, "."); {
	case name == "" || name == "@":
		fqdn = zone
	case strings.HasSuffix(name, "."):
		fqdn = bare
	case !d.RelativeNames && !d.AppendsZone && (bare == zone || strings.HasSuffix(bare, "."+zone)):
		fqdn = bare
	default:
		fqdn = bare + "." + zone // a short name, or a full one that gets doubled
	}
	switch pointing := kind != TXT; {
	case pointing && d.TrailingDot == provider.Refused && strings.HasSuffix(value, "."):
		data = "refused"
	case pointing && d.TrailingDot == provider.Needed && !strings.HasSuffix(value, "."):
		data = value + "." + zone
	case pointing:
		data = strings.TrimSuffix(value, ".")
	case d.TXTQuotes != nil && *d.TXTQuotes == provider.QuotesNeeded && !strings.HasPrefix(value, `"`):
		data, _, _ = strings.Cut(value, " ")
	case d.TXTQuotes != nil && *d.TXTQuotes == provider.QuotesRefused:
		data = value
	default:
		data = strings.Trim(value, `"`)
	}
	return fqdn, data
}

// What we show for each provider of the catalogue, typed into its form, makes the record that we want: no name doubled, no dot lost, no text cut.
func TestForms_WhatWeShowMakesTheRecordThatWeWant(t *testing.T) {
	t.Parallel()
	catalogue, err := provider.Load(provider.LabRows)
	if err != nil {
		t.Fatal(err)
	}
	const zone, target, text = "acme.example", "tok.edge.example", "np-verify=abc with a space"
	tried := 0
	for _, p := range catalogue.All("") {
		d := &p.Dialect
		for _, fqdn := range []string{zone, "www." + zone, "a.b.shop." + zone, "*." + zone, "*.shop." + zone, "_nameplate." + zone} {
			cname, txt := &Record{Type: CNAME, FQDN: fqdn, Value: target, TTL: 300}, &Record{Type: TXT, FQDN: fqdn, Value: text, TTL: 300}
			Present([]*Record{cname, txt}, View{Zone: zone, Dialect: d, Locale: "en"})
			for r, want := range map[*Record]string{cname: target, txt: text} {
				tried++
				if name, data := asForm(d, r.Type, r.Display().Name, r.Display().Value, zone); name != fqdn || data != want {
					t.Errorf("%s: %s %s: typing %q and %q makes %s %q", p.Slug, r.Type, fqdn, r.Display().Name, r.Display().Value, name, data)
				}
				if ttl, _ := strconv.Atoi(r.Display().TTL); d.TTL.Minimum != nil && ttl < int(*d.TTL.Minimum) || ttl < 300 {
					t.Errorf("%s: TTL %s", p.Slug, r.Display().TTL)
				}
				if !strings.HasPrefix(r.Display().BindLine, fqdn+". "+r.Display().TTL+" IN ") {
					t.Errorf("%s: %s", p.Slug, r.Display().BindLine)
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d lines were tried", tried)
	}
}

// The exact words for one provider of each kind of form.
func TestForms_ByExample(t *testing.T) {
	t.Parallel()
	catalogue, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	for slug, want := range map[string][6]string{ // apex, www, deep, wildcard, target, TTL
		"godaddy":           {"@", "www", "a.shop", "*", "tok.edge.example", "600"},
		"ovh":               {"", "www", "a.shop", "*", "tok.edge.example.", "300"},
		"123-reg":           {"@", "www", "a.shop", "*", "tok.edge.example.", "300"},
		"wedos":             {"", "www", "a.shop", "*", "tok.edge.example", "300"},
		"aruba":             {"acme.example", "www.acme.example", "a.shop.acme.example", "*.acme.example", "tok.edge.example", "300"},
		"google-cloud-dns":  {"", "www", "a.shop", "*", "tok.edge.example.", "300"},
		"luadns":            {"acme.example", "www.acme.example.", "a.shop.acme.example.", "*.acme.example.", "tok.edge.example.", "300"},
		"network-solutions": {"@", "www", "a.shop", "*", "tok.edge.example.", "300"},
		"desec":             {"@", "www", "a.shop", "*", "tok.edge.example.", "3600"},
		"cloudflare":        {"@", "www", "a.shop", "*", "tok.edge.example", "300"},
	} {
		p := catalogue.BySlug(slug)
		if p == nil {
			t.Fatalf("no row %s", slug)
		}
		for i, fqdn := range []string{"acme.example", "www.acme.example", "a.shop.acme.example", "*.acme.example"} {
			r := &Record{Type: CNAME, FQDN: fqdn, Value: "tok.edge.example", TTL: 300}
			Present([]*Record{r}, View{Zone: "acme.example", Dialect: &p.Dialect})
			if got := r.Display(); got.Name != want[i] || got.Value != want[4] || got.TTL != want[5] {
				t.Errorf("%s: %s is shown as %q %q %s", slug, fqdn, got.Name, got.Value, got.TTL)
			}
		}
	}
	r53 := &Record{Type: TXT, FQDN: "_nameplate.acme.example", Value: `np-verify=a"b`, TTL: 300}
	Present([]*Record{r53}, View{Zone: "acme.example", Dialect: &catalogue.BySlug("route53").Dialect})
	if r53.Display().Value != `"np-verify=a\"b"` {
		t.Errorf("text at Route 53: %s", r53.Display().Value)
	}
}
