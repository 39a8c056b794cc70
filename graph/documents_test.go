package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/document"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// manifest lists texts by their digests.
func manifest(texts ...string) []byte {
	list := map[string]string{}
	for _, text := range texts {
		sum := sha256.Sum256([]byte(text))
		list[hex.EncodeToString(sum[:])] = text
	}
	raw, _ := json.Marshal(list)
	return raw
}

func TestManifests_AreCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	s := served()
	if _, err := loadDocuments(s, consoleJSON, widgetJSON); err != nil {
		t.Fatal(err)
	}
	none := manifest()
	levels := func(n int) string {
		return `query q { connection(id: "x") ` + strings.Repeat("{ application { connections(first: 1) { nodes ", n) + "{ id }" + strings.Repeat(" } } }", n) + " }"
	}
	for name, c := range map[string]struct {
		console, widget []byte
		want            string
	}{
		"Sound":         {manifest(levels(2)), manifest(levels(2)), ""},
		"NotItsDigest":  {[]byte(`{"ab":"{ health { name } }"}`), none, "not the digest"},
		"UnknownField":  {manifest("{ nothing }"), none, "Cannot query field"},
		"Unreadable":    {manifest("{ health"), none, "Expected"},
		"Conflict":      {manifest("{ health { name name: build } }"), none, "conflict"},
		"Dear":          {manifest("query q($n: Int = 1) { connections(organizationId: \"x\", first: $n) { nodes { checks { nodes { id } } } } }"), none, "The query costs 2201"},
		"Deep":          {manifest(levels(4)), none, "14 levels deep"},
		"DeepForWidget": {none, manifest(levels(3)), "11 levels deep"},
		"WideForWidget": {none, manifest("{" + strings.Repeat(" health { name }", 6) + " }"), "6 root fields"},
	} {
		_, err := loadDocuments(s, c.console, c.widget)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func find(d *documents, kind authz.Kind, query, id string) (document.Document, error) {
	p := &graphql.RawParams{Query: query}
	if id != "" {
		p.Extensions = map[string]any{"documentId": id}
	}
	return d.find(authz.With(context.Background(), authz.Principal{Kind: kind}), p)
}

// The trees of trusted documents are made at the start, and those of free text when it first comes; what was refused leaves nothing.
func TestDocuments_AreReadOnce(t *testing.T) {
	t.Parallel()
	d, err := loadDocuments(served(), consoleJSON, widgetJSON)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range d.console {
		if got, err := find(d, authz.USER, "", id); err != nil || got.Tree != want.Tree {
			t.Fatalf("%s: %v", id, err)
		}
	}
	first, err := find(d, authz.API_KEY, hundred, "")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := find(d, authz.MACHINE, hundred, ""); err != nil || again.Tree != first.Tree {
		t.Errorf("the text was read again: %v", err)
	}
	for _, c := range hostile() {
		var in struct{ Query string }
		json.Unmarshal([]byte(c.body()), &in)
		if _, err := find(d, authz.API_KEY, in.Query, ""); err == nil {
			continue
		}
		if _, kept := d.recent.Get(in.Query); kept {
			t.Errorf("a refused text is kept: %.100s", in.Query)
		}
	}
}
