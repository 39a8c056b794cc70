package provider

import "testing"

func TestForm(t *testing.T) {
	t.Parallel()
	c, err := Load(LabRows)
	if err != nil {
		t.Fatal(err)
	}
	for slug := range forms {
		if c.bySlug[slug] == nil {
			t.Errorf("form.json names %q, which the catalogue does not know", slug)
		}
	}
	label := func(slug string, part FormPart, typ string) string {
		if l := c.bySlug[slug].Dialect.Form.Label(part, typ); l != nil {
			return *l
		}
		return ""
	}
	for _, tt := range []struct{ slug, typ, want string }{
		{"cloudflare", "CNAME", "Target"}, {"cloudflare", "TXT", "Content"}, {"porkbun", "A", "Answer / Value"}, {"plain", "CNAME", "Value"}, {"njalla", "CNAME", ""},
	} {
		if got := label(tt.slug, ValueField, tt.typ); got != tt.want {
			t.Errorf("%s calls the value of a %s %q, want %q", tt.slug, tt.typ, got, tt.want)
		}
	}
	for name, f := range map[string]Form{
		"unknown field":  {"name": "Name", "value": "Value", "colour": "Colour"},
		"capitals":       {"name": "Name", "value": "Value", "TTL": "TTL"},
		"empty label":    {"name": " ", "value": "Value"},
		"without a name": {"value": "Value"},
		"a novel":        {"name": "Name", "value": string(make([]byte, longestLabel+1))},
	} {
		if f.lint() == nil {
			t.Errorf("%s passes", name)
		}
	}
}
