package provider

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// files hold our own rows, one provider each.
//
//go:embed catalogue/*.json
var files embed.FS

// LabRows are the providers of the lab. Only the lab profile loads them.
//
//go:embed lab.json
var LabRows []byte

// Bounds on what an operator's file may hold.
const (
	MaxFile = 1 << 20 // bytes
	MaxRows = 1000
)

// Catalogue is a set of providers that passed the lint. It never changes; a new file makes a new one.
type Catalogue struct {
	rows   []*Provider // by name
	bySlug map[string]*Provider
	shares map[string][]string // slugs whose name servers are the same
}

// Load reads our own rows and then extra files, in order: each a list of rows, or one row. A row with a slug that is
// there already replaces it. A file with any fault is refused as a whole, with line and reason.
func Load(extra ...[]byte) (*Catalogue, error) {
	c := &Catalogue{bySlug: map[string]*Provider{}, shares: map[string][]string{}}
	if err := c.readOwn(); err != nil {
		return nil, err
	}
	for i, file := range extra {
		if err := c.read(file); err != nil {
			return nil, fmt.Errorf("read provider catalogue %d: %w", i+1, err)
		}
	}
	for _, p := range c.bySlug {
		c.rows = append(c.rows, p)
	}
	slices.SortFunc(c.rows, func(a, b *Provider) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	if err := c.lint(); err != nil {
		return nil, fmt.Errorf("read provider catalogue: %w", err)
	}
	return c, nil
}

// ReadFile is an operator's file, at most MaxFile bytes of it.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(raw) > MaxFile {
		err = tooLong
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return raw, nil
}

var tooLong = fmt.Errorf("the file is longer than %d bytes", MaxFile)

func (c *Catalogue) readOwn() error {
	entries, err := files.ReadDir("catalogue")
	if err != nil {
		return err
	}
	for _, e := range entries {
		raw, err := files.ReadFile("catalogue/" + e.Name())
		if err != nil {
			return err
		}
		p, shares, err := parse(raw)
		if err == nil && p.Slug+".json" != e.Name() {
			err = fmt.Errorf("provider %q must stand in %s.json", p.Slug, p.Slug)
		}
		if err != nil {
			return fmt.Errorf("read catalogue/%s: %w", e.Name(), err)
		}
		c.bySlug[p.Slug], c.shares[p.Slug] = p, shares
	}
	return nil
}

func (c *Catalogue) read(file []byte) error {
	if len(file) > MaxFile {
		return tooLong
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	d := json.NewDecoder(bytes.NewReader(file))
	line := func(offset int64) int { return 1 + bytes.Count(file[:min(offset, int64(len(file)))], []byte("\n")) }
	list := bytes.HasPrefix(bytes.TrimSpace(file), []byte("["))
	if list {
		_, _ = d.Token()
	}
	seen := map[string]bool{}
	for d.More() {
		start := line(begin(file, d.InputOffset()))
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
				start = line(syntax.Offset)
			}
			return fmt.Errorf("line %d: %w", start, err)
		}
		p, shares, err := parse(raw)
		switch {
		case err != nil:
		case seen[p.Slug]:
			err = fmt.Errorf("provider %q: the slug stands twice in this file", p.Slug)
		case len(seen) == MaxRows:
			err = fmt.Errorf("the file holds more than %d providers", MaxRows)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", start, err)
		}
		seen[p.Slug] = true
		c.bySlug[p.Slug], c.shares[p.Slug] = p, shares
		if !list {
			break
		}
	}
	switch {
	case !list && len(seen) == 0:
		return errors.New("line 1: the file is empty; it must hold a provider or a list of them")
	case list:
		if t, err := d.Token(); err != nil || t != json.Delim(']') {
			return fmt.Errorf("line %d: the list does not end with ]", line(int64(len(file))))
		}
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("line %d: something follows behind the end", line(d.InputOffset()))
	}
	return nil
}

// begin is where the next value begins: behind the comma and the spaces at offset.
func begin(file []byte, offset int64) int64 {
	rest := file[offset:]
	return offset + int64(len(rest)-len(bytes.TrimLeft(rest, ", \t\r\n")))
}

// lint holds what one row cannot know: two providers that claim the same name servers must say so.
func (c *Catalogue) lint() error {
	owner := map[string]string{}
	for _, p := range c.rows {
		for _, other := range c.shares[p.Slug] {
			if c.bySlug[other] == nil || !slices.Contains(c.shares[other], p.Slug) {
				return fmt.Errorf("provider %q: shares its name servers with %q, which does not say so", p.Slug, other)
			}
		}
		for _, claim := range p.NameServers() {
			if other := owner[claim]; other != "" && !slices.Contains(c.shares[p.Slug], other) {
				return fmt.Errorf("provider %q: claims the name servers of %q (%s)", p.Slug, other, claim)
			}
			owner[claim] = p.Slug
		}
	}
	return nil
}

// All answers the providers by name; with text, those whose name or slug contains it, and whose name server it is.
func (c *Catalogue) All(text string) []*Provider {
	text = strings.ToLower(strings.TrimSpace(text))
	server := canonical(text)
	out := []*Provider{}
	for _, p := range c.rows {
		if strings.Contains(strings.ToLower(p.Name), text) || strings.Contains(p.Slug, text) || p.claim(server) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// BySlug answers nil for an unknown one.
func (c *Catalogue) BySlug(slug string) *Provider { return c.bySlug[slug] }
