package provider

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/providers.md")

func TestDocument(t *testing.T) {
	t.Parallel()
	const page = "../../../docs/providers.md"
	c := load(t)
	want := c.Document()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil || string(got) != want {
		t.Errorf("docs/providers.md is not what the catalogue says: make generate (%v)", err)
	}
	columns := 0
	for line := range strings.Lines(want) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if columns == 0 {
			columns = n
		}
		if n != columns {
			t.Errorf("%d cells instead of %d: %s", n-1, columns-1, line)
		}
	}
	for _, p := range c.All("") {
		if !strings.Contains(want, p.Name) || len(p.NameServers()) > 0 && !strings.Contains(want, "`"+strings.ReplaceAll(p.NameServers()[0], "|", `\|`)+"`") {
			t.Errorf("%s is not in it", p.Slug)
		}
	}
}

// The row that the page gives as an example is one that works.
func TestDocument_ItsExampleIsSound(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(introduction, "```json\n")
	example, _, ok := strings.Cut(rest, "```")
	c := load(t, []byte(example))
	p := c.BySlug("example-dns")
	if !ok || p == nil || p.Confidence != trustRead || p.Dialect.Fields.Name == nil || *p.Dialect.Fields.Name != "Host" || p.CheckedAt == nil || *p.ConsoleURL("a.no") != "https://panel.example.net/zones/a.no" {
		t.Errorf("%+v", p)
	}
}

// An editor that knows JSON Schema can use ours: it says its dialect, and everything in it is described or refers to what is.
func TestRowSchema(t *testing.T) {
	t.Parallel()
	var s struct {
		Schema     string `json:"$schema"`
		Properties map[string]struct {
			Description string `json:"description"`
			Ref         string `json:"$ref"`
			Properties  map[string]struct {
				Description string `json:"description"`
			} `json:"properties"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(RowSchema, &s); err != nil || s.Schema != "https://json-schema.org/draft/2020-12/schema" {
		t.Fatalf("%q %v", s.Schema, err)
	}
	for name, member := range s.Properties {
		if member.Description != "" || member.Ref != "" {
			continue
		}
		if len(member.Properties) == 0 {
			t.Errorf("%s has no description", name)
		}
		for sub, m := range member.Properties {
			if m.Description == "" {
				t.Errorf("%s.%s has no description", name, sub)
			}
		}
	}
}
