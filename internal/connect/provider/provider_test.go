package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
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

func TestCatalogue_HasTheRows(t *testing.T) {
	t.Parallel()
	c := load(t)
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

func TestLoad_RefusesABrokenFileWithLineAndReason(t *testing.T) {
	t.Parallel()
	load(t, file(t, nil))
	for situation, test := range map[string]struct{ file, want string }{
		"nothing":             {" \n", "empty"},
		"no JSON":             {"nonsense", "line 1"},
		"cut off":             {"[\n{\n\"slug\":", "line 2: unexpected EOF"},
		"not JSON in line 3":  {"[\n{\n\"slug\": no}]", "line 3"},
		"no end":              {"[\n", "does not end"},
		"more behind it":      {string(file(t, nil)) + "[]", "behind the end"},
		"a number":            {"[7]", "want object"},
		"unknown member":      {string(file(t, rowJSON{"colour": "red"})), "colour"},
		"member in capitals":  {string(file(t, rowJSON{"Apex": []string{"ALIAS"}})), "Apex"},
		"slug":                {string(file(t, rowJSON{"slug": "My Slug"})), "slug: "},
		"no name":             {string(file(t, rowJSON{"name": " "})), "name: "},
		"pattern":             {string(file(t, rowJSON{"detect": rowJSON{"nsPatterns": []string{"($"}}})), "missing closing )"},
		"pattern without end": {string(file(t, rowJSON{"detect": rowJSON{"nsPatterns": []string{"^ns[0-9]"}}})), "detect.nsPatterns.0"},
		"pattern for all":     {string(file(t, rowJSON{"detect": rowJSON{"nsPatterns": []string{".*$"}}})), "any name server"},
		"long pattern":        {string(file(t, rowJSON{"detect": rowJSON{"nsPatterns": []string{strings.Repeat("(a*)*", 100) + "$"}}})), "maxLength"},
		"suffix":              {string(file(t, rowJSON{"detect": rowJSON{"nsSuffixes": []string{"com"}}})), "detect.nsSuffixes.0"},
		"plain http":          {string(file(t, rowJSON{"consoleUrl": "http://console.example/"})), "consoleUrl"},
		"placeholder":         {string(file(t, rowJSON{"consoleUrl": "https://console.example/{account}"})), "{account}"},
		"domain as its host":  {string(file(t, rowJSON{"consoleUrl": "https://{domain}/"})), "host of its own"},
		"password":            {string(file(t, rowJSON{"consoleUrl": "https://a:b@console.example/"})), "host of its own"},
		"script":              {string(file(t, rowJSON{"consoleUrl": "javascript:alert(1)"})), "consoleUrl"},
		"claims another's":    {string(file(t, rowJSON{"detect": rowJSON{"nsSuffixes": []string{"domaincontrol.com"}}})), "godaddy"},
		"apex":                {string(file(t, rowJSON{"apex": []string{"MAGIC"}})), "apex.0"},
		"date":                {string(file(t, rowJSON{"verifiedAt": "yesterday"})), "verifiedAt"},
		"no such day":         {string(file(t, rowJSON{"verifiedAt": "2026-02-30"})), "verifiedAt"},
		"guide":               {string(file(t, rowJSON{"guide": rowJSON{"de": []string{"x"}}})), "guide: "},
		"empty step":          {string(file(t, rowJSON{"guide": rowJSON{"en": []string{" "}}})), "guide.en.0"},
		"dialect":             {string(file(t, rowJSON{"form": rowJSON{"apexName": "@", "relativeNames": true, "appendsZone": true, "trailingDot": "PERHAPS"}})), "form.trailingDot"},
		"doubled":             {string(file(t, rowJSON{"form": rowJSON{"apexName": "@", "relativeNames": false, "appendsZone": true, "trailingDot": "ALLOWED"}})), "form.relativeNames"},
		"ttl":                 {string(file(t, rowJSON{"form": rowJSON{"apexName": "@", "relativeNames": true, "appendsZone": true, "trailingDot": "ALLOWED", "ttl": rowJSON{"minimum": 600, "default": 300}}})), "below the minimum"},
		"shares":              {string(file(t, rowJSON{"detect": rowJSON{"nsSuffixes": []string{"dns.mine.example"}, "sharesWith": []string{"ns1"}}})), "does not say so"},
		"twice":               {"[" + strings.Trim(string(file(t, nil)), "[]\n") + ",\n" + strings.Trim(string(file(t, nil)), "[]\n") + "]", "line 2: provider \"mine\": the slug stands twice"},
	} {
		_, err := Load([]byte(test.file))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", situation, err, test.want)
		} else if len(err.Error()) > 1200 {
			t.Errorf("%s: %d bytes of error", situation, len(err.Error()))
		}
	}
}

// rowJSON is one row of a file, or a part of one.
type rowJSON = map[string]any

// file is a sound file of one provider, "mine", with some members changed.
func file(t *testing.T, change rowJSON) []byte {
	t.Helper()
	one := rowJSON{
		"slug": "mine", "name": "Mine", "detect": rowJSON{"nsSuffixes": []string{"dns.mine.example"}}, "apex": []string{"ADDRESS"},
		"form": rowJSON{"apexName": "@", "relativeNames": true, "appendsZone": false, "trailingDot": "ALLOWED"},
	}
	maps.Copy(one, change)
	b, err := json.Marshal([]rowJSON{one})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLoad_HostileFilesAreBounded(t *testing.T) {
	t.Parallel()
	for situation, hostile := range map[string][]byte{
		"too long":      bytes.Repeat([]byte(" "), MaxFile+1),
		"too deep":      bytes.Repeat([]byte("["), MaxFile-1),
		"deep member":   []byte(`[{"slug":` + strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat(`}`, 20_000) + `}]`),
		"too many":      many(t, MaxRows+1),
		"long words":    file(t, rowJSON{"name": strings.Repeat("x", 100_000)}),
		"long slug":     file(t, rowJSON{"slug": strings.Repeat("x", 100_000)}),
		"many suffixes": file(t, rowJSON{"detect": rowJSON{"nsSuffixes": strings.Split(strings.Repeat("a.example ", 5000), " ")}}),
		"nested braces": file(t, rowJSON{"consoleUrl": "https://x.example/" + strings.Repeat("{", 400)}),
	} {
		if _, err := Load(hostile); err == nil || len(err.Error()) > 1200 {
			t.Errorf("%s: %v", situation, err)
		}
	}
	load(t, many(t, MaxRows))
}

func many(t *testing.T, n int) []byte {
	t.Helper()
	var rows []json.RawMessage
	for i := range n {
		name := fmt.Sprintf("p%d", i)
		one := file(t, rowJSON{"slug": name, "detect": rowJSON{"nsSuffixes": []string{name + ".example"}}})
		rows = append(rows, one[1:len(one)-1])
	}
	b, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "providers.json")
	if _, err := ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for size, good := range map[int]bool{MaxFile: true, MaxFile + 1: false} {
		if err := os.WriteFile(path, bytes.Repeat([]byte(" "), size), 0o600); err != nil {
			t.Fatal(err)
		}
		if raw, err := ReadFile(path); (err == nil) != good || good && len(raw) != size {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if err := os.WriteFile(path, append([]byte("\ufeff"), bytes.Trim(file(t, nil), "[]")...), 0o600); err != nil {
		t.Fatal(err)
	}
	if raw, err := ReadFile(path); err != nil || load(t, raw).BySlug("mine") == nil {
		t.Errorf("one row without a list, behind a byte order mark: %v", err)
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

func FuzzLoad(f *testing.F) {
	f.Add(LabRows)
	f.Fuzz(func(t *testing.T, file []byte) {
		if c, err := Load(file); (c == nil) == (err == nil) {
			t.Fatal(err)
		}
	})
}
