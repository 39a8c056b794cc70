package provider

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed catalogue.json
var embedded []byte

// LabRows are the providers of the lab. Only the lab profile loads them.
//
//go:embed lab.json
var LabRows []byte

// Catalogue is a set of providers that passed the lint. It never changes; a new file makes a new one.
type Catalogue struct {
	rows   []*Provider // by name
	bySlug map[string]*Provider
	shares map[string][]string // slugs whose name servers are the same
}

// row is a provider as the file writes it.
type row struct {
	Slug          string               `json:"slug"`
	Name          string               `json:"name"`
	NSSuffixes    []string             `json:"nsSuffixes"` // "ns.cloudflare.com" covers every name below it
	NSPatterns    []string             `json:"nsPatterns"` // for what suffixes cannot say
	SOA           []string             `json:"soa"`        // the mailbox in the zone's SOA is, or lies below, one of these names
	Apex          []ApexMethod         `json:"apex"`
	Dialect       Dialect              `json:"dialect"`
	ConsoleURL    string               `json:"consoleUrl"`
	Guide         map[string][]string  `json:"guide"` // what is special here, per language
	DomainConnect DomainConnectSupport `json:"domainConnect"`
	VerifiedAt    string               `json:"verifiedAt"` // the day somebody tried it at the provider, or empty
	Parking       bool                 `json:"parking,omitempty"`
	SharesWith    []string             `json:"sharesWith,omitempty"`
}

// pattern is one way to recognise a name server. weight is the number of its fixed characters: of two that match, the
// more particular one wins.
type pattern struct {
	re     *regexp.Regexp
	weight int
}

const unverifiedCap = 0.6

// Load reads the embedded catalogue and then extra ones, in order; a row with a slug that is there already replaces
// it. A file with any fault is refused as a whole, with line and reason.
func Load(extra ...[]byte) (*Catalogue, error) {
	c := &Catalogue{bySlug: map[string]*Provider{}, shares: map[string][]string{}}
	for i, file := range append([][]byte{embedded}, extra...) {
		if err := c.read(file); err != nil {
			return nil, fmt.Errorf("read provider catalogue %d: %w", i, err)
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

func (c *Catalogue) read(file []byte) error {
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	line := func() int { return 1 + bytes.Count(file[:min(d.InputOffset(), int64(len(file)))], []byte("\n")) }
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return fmt.Errorf("line %d: a list of providers must begin with [", line())
	}
	seen := map[string]bool{}
	for d.More() {
		start := line() + 1
		var r row
		if err := d.Decode(&r); err != nil {
			if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
				return fmt.Errorf("line %d: %w", 1+bytes.Count(file[:min(syntax.Offset, int64(len(file)))], []byte("\n")), err)
			}
			return fmt.Errorf("line %d: %w", start, err)
		}
		p, err := r.provider()
		if err == nil && seen[r.Slug] {
			err = errors.New("the slug stands twice in this file")
		}
		if err != nil {
			return fmt.Errorf("line %d: provider %q: %w", start, r.Slug, err)
		}
		seen[r.Slug] = true
		c.bySlug[p.Slug], c.shares[p.Slug] = p, r.SharesWith
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("line %d: the list does not end with ]", line())
	}
	return nil
}

var slugs = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)

func (r row) provider() (*Provider, error) {
	p := &Provider{
		ID: NodeID(r.Slug), Slug: r.Slug, Name: r.Name, Apex: r.Apex, DomainConnect: r.DomainConnect, Dialect: r.Dialect, Parking: r.Parking,
		soa: r.SOA, console: r.ConsoleURL, guide: r.Guide, Confidence: unverifiedCap,
	}
	if p.Dialect.Form == nil {
		p.Dialect.Form = forms[r.Slug]
	}
	if err := p.Dialect.Form.lint(); err != nil {
		return nil, err
	}
	switch {
	case !slugs.MatchString(r.Slug) || len(r.Slug) > 63:
		return nil, errors.New("a slug is lower-case letters and digits, joined by single hyphens")
	case strings.TrimSpace(r.Name) == "":
		return nil, errors.New("no name")
	case len(r.Apex) == 0:
		return nil, errors.New("no apex method; ADDRESS works everywhere")
	case !slices.Contains([]TrailingDot{Needed, Allowed, Refused}, r.Dialect.TrailingDot):
		return nil, fmt.Errorf("trailingDot %q is none of NEEDED, ALLOWED, REFUSED", r.Dialect.TrailingDot)
	case !slices.Contains([]string{"@", "", FullName}, r.Dialect.ApexName):
		return nil, fmt.Errorf("apexName %q is none of \"@\", \"\" and %q", r.Dialect.ApexName, FullName)
	case r.Dialect.AppendsZone && !r.Dialect.RelativeNames:
		return nil, errors.New("a form that appends the zone cannot want full names")
	}
	for _, m := range r.Apex {
		if !slices.Contains([]ApexMethod{Alias, FlattenedCNAME, Address}, m) {
			return nil, fmt.Errorf("apex method %q is none of ALIAS, FLATTENED_CNAME, ADDRESS", m)
		}
	}
	if p.Dialect.Notes == nil {
		p.Dialect.Notes = []string{}
	}
	for locale, steps := range r.Guide {
		if _, ok := r.Guide["en"]; !ok || slices.Contains(steps, "") {
			return nil, fmt.Errorf("guide %q: needs an English one beside it, and no empty steps", locale)
		}
	}
	for _, s := range r.NSSuffixes {
		if s != strings.Trim(strings.ToLower(s), ".") || !strings.Contains(s, ".") {
			return nil, fmt.Errorf("name server suffix %q is not a lower-case domain without dots around it", s)
		}
		p.nsSuffixes = append(p.nsSuffixes, s)
	}
	for _, text := range r.NSPatterns {
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("name server pattern: %w", err)
		}
		if !strings.HasSuffix(text, "$") {
			return nil, fmt.Errorf("name server pattern %q has no end ($), so that it would match names below other people's domains", text)
		}
		p.nsPatterns = append(p.nsPatterns, pattern{re, len(text)})
	}
	if r.VerifiedAt != "" {
		at, err := time.Parse(time.DateOnly, r.VerifiedAt)
		if err != nil {
			return nil, fmt.Errorf("verifiedAt: %w", err)
		}
		p.VerifiedAt, p.Confidence = &at, 1
	}
	return p, checkConsole(r.ConsoleURL)
}

var placeholder = regexp.MustCompile(`\{[^}]*\}?`)

func checkConsole(console string) error {
	if console == "" {
		return nil
	}
	for _, found := range placeholder.FindAllString(console, -1) {
		if found != "{domain}" {
			return fmt.Errorf("console address holds %s; only {domain} is filled in", found)
		}
	}
	u, err := url.Parse(strings.ReplaceAll(console, "{domain}", "acme.com"))
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return errors.New("the console address is not an https address")
	}
	return nil
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
		claims := slices.Clone(p.nsSuffixes)
		for _, n := range p.nsPatterns {
			claims = append(claims, n.re.String())
		}
		for _, claim := range claims {
			if other := owner[claim]; other != "" && !slices.Contains(c.shares[p.Slug], other) {
				return fmt.Errorf("provider %q: claims the name servers of %q (%s)", p.Slug, other, claim)
			}
			owner[claim] = p.Slug
		}
	}
	return nil
}

// All answers the providers by name; with text, those whose name or slug contains it.
func (c *Catalogue) All(text string) []*Provider {
	text = strings.ToLower(strings.TrimSpace(text))
	out := []*Provider{}
	for _, p := range c.rows {
		if strings.Contains(strings.ToLower(p.Name), text) || strings.Contains(p.Slug, text) {
			out = append(out, p)
		}
	}
	return out
}

// BySlug answers nil for an unknown one.
func (c *Catalogue) BySlug(slug string) *Provider { return c.bySlug[slug] }
