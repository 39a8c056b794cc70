package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/app"
)

func TestCatalogue_CheckAndSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	row := `{"slug": "mine", "name": "Mine", "apex": ["ADDRESS"], "detect": {"nsSuffixes": ["dns.mine.example"]}, "form": {"apexName": "@", "relativeNames": true, "appendsZone": false, "trailingDot": "ALLOWED"}%s}`
	good := write("good.json", strings.Replace(row, "%s", `, "verifiedAt": "2020-01-02"`, 1))
	bad := write("bad.json", "[\n"+strings.Replace(row, "%s", `, "colour": "red"`, 1)+"]")
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"Schema":     {[]string{"schema"}, 0, []string{"https://json-schema.org/draft/2020-12/schema"}},
		"OwnRows":    {[]string{"check"}, 0, []string{"all sound", "afrihost", "no source"}},
		"GoodFile":   {[]string{"check", good}, 0, []string{"all sound", "mine", "last looked at on 2020-01-02"}},
		"BadFile":    {[]string{"check", bad}, 1, []string{"line 2", "mine", "colour"}},
		"NoFile":     {[]string{"check", filepath.Join(dir, "none.json")}, 1, []string{"none.json"}},
		"NotSaid":    {nil, 2, []string{"say what"}},
		"SaidTwice":  {[]string{"schema", "schema"}, 2, []string{"say what"}},
		"OtherThing": {[]string{"paint"}, 2, []string{"say what"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if code := start(t.Context(), append([]string{"admin", "catalogue"}, test.args...), &out, &out); code != test.code {
				t.Errorf("exit code %d, want %d: %s", code, test.code, out.String())
			}
			for _, want := range test.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in it: %s", want, out.String())
				}
			}
		})
	}
	var out bytes.Buffer
	if err := checkCatalogue(nil, &out, time.Now().AddDate(50, 0, 0)); err != nil || !strings.Contains(out.String(), "cloudflare") {
		t.Errorf("in 50 years nothing is old: %v", err)
	}
}

// nameplate check knows the providers of an installation's own file, as the server does.
func TestCheckEngine_ReadsTheProvidersOfTheInstallation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "providers.json")
	s := app.Settings{Profile: "lab", ProviderFile: path}
	if _, err := checkEngine(s); err == nil || !strings.Contains(err.Error(), "provider.catalogue") {
		t.Errorf("a file that is not there: %v", err)
	}
	text := `[{"slug": "mine", "name": "Mine", "apex": ["ADDRESS"], "form": {"apexName": "@", "relativeNames": true, "appendsZone": false, "trailingDot": "ALLOWED"}}]`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := checkEngine(s); err != nil || e.Catalogue.BySlug("mine") == nil || e.Catalogue.BySlug("plain") == nil {
		t.Errorf("its row is missing: %v", err)
	}
}
