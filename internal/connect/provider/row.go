package provider

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// RowSchema is the JSON Schema (draft 2020-12) of one row. Files of operators are held against it as our own are.
//
//go:embed schema.json
var RowSchema []byte

// row is a provider as a file writes it; what the members mean stands in the schema.
type row struct {
	Slug    string  `json:"slug"`
	Name    string  `json:"name"`
	Country *string `json:"country"`
	Detect  struct {
		NSSuffixes   []string `json:"nsSuffixes"`
		NSPatterns   []string `json:"nsPatterns"`
		SOAMailboxes []string `json:"soaMailboxes"`
		// DomainConnectHosts are the only hosts that are asked for what a zone is offered.
		DomainConnectHosts []string `json:"domainConnectHosts"`
		SharesWith         []string `json:"sharesWith"`
	} `json:"detect"`
	ConsoleURL    string               `json:"consoleUrl"`
	Form          Dialect              `json:"form"`
	Apex          []ApexMethod         `json:"apex"`
	Capabilities  ProviderCapabilities `json:"capabilities"`
	DomainConnect DomainConnectSupport `json:"domainConnect"`
	Guide         map[string][]string  `json:"guide"`
	Sources       []struct {
		URL    string          `json:"url"`
		Claims []ProviderClaim `json:"claims"`
		ReadAt string          `json:"readAt"`
	} `json:"sources"`
	VerifiedAt string `json:"verifiedAt"`
	Parking    bool   `json:"parking"`
}

// pattern is one way to recognise a name server. weight is the number of its fixed characters: of two that match, the
// more particular one wins.
type pattern struct {
	re     *regexp.Regexp
	weight int
}

// What a match by name servers alone deserves, by what stands behind the row.
const (
	trustTried  = 1.0 // somebody tried it at the provider
	trustRead   = 0.6 // a source says whose name servers these are
	trustKnown  = 0.5 // general knowledge
	mostFailing = 5   // so many faults of one row are told
)

// parse makes a provider of one row's JSON. What the schema can say is left to it; the rest is judged here.
func parse(raw []byte) (*Provider, []string, error) {
	var slug struct {
		Slug string `json:"slug"`
	}
	_ = json.Unmarshal(raw, &slug) // only to name the row in the error
	fail := func(err error) (*Provider, []string, error) {
		return nil, nil, fmt.Errorf("provider %q: %w", clip(slug.Slug), err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fail(err)
	}
	if err := compiled().Validate(instance); err != nil {
		return fail(faults(err))
	}
	var r row
	if err := json.Unmarshal(raw, &r); err != nil {
		return fail(err)
	}
	p, err := r.provider()
	if err != nil {
		return fail(err)
	}
	return p, r.Detect.SharesWith, nil
}

func (r row) provider() (*Provider, error) {
	p := &Provider{
		ID: NodeID(r.Slug), Slug: r.Slug, Name: r.Name, Country: r.Country, Apex: r.Apex, DomainConnect: r.DomainConnect, Dialect: r.Form,
		Capabilities: r.Capabilities, Parking: r.Parking, Sources: []ProviderSource{}, Confidence: trustKnown,
		nsSuffixes: r.Detect.NSSuffixes, soa: r.Detect.SOAMailboxes, connectHosts: r.Detect.DomainConnectHosts, console: r.ConsoleURL, guide: r.Guide,
	}
	if p.Dialect.Notes == nil {
		p.Dialect.Notes = []string{}
	}
	if t := p.Dialect.TTL; t.Minimum != nil && t.Default != nil && *t.Default < *t.Minimum {
		return nil, fmt.Errorf("form.ttl: the default, %d, is below the minimum, %d", *t.Default, *t.Minimum)
	}
	for _, text := range r.Detect.NSPatterns {
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("detect.nsPatterns: %w", err)
		}
		if re.MatchString("") || re.MatchString("ns1.nameplate.invalid") {
			return nil, fmt.Errorf("detect.nsPatterns: %q matches any name server", text)
		}
		p.nsPatterns = append(p.nsPatterns, pattern{re, len(text)})
	}
	for _, s := range r.Sources {
		at, err := time.Parse(time.DateOnly, s.ReadAt)
		if err != nil {
			return nil, fmt.Errorf("sources: %w", err)
		}
		p.Sources = append(p.Sources, ProviderSource{URL: s.URL, Claims: s.Claims, ReadAt: at})
		if p.CheckedAt == nil || at.After(*p.CheckedAt) {
			p.CheckedAt = &at
		}
	}
	if p.Bears(Detection) {
		p.Confidence = trustRead
	}
	if r.VerifiedAt != "" {
		at, err := time.Parse(time.DateOnly, r.VerifiedAt)
		if err != nil {
			return nil, fmt.Errorf("verifiedAt: %w", err)
		}
		p.VerifiedAt, p.Confidence = &at, trustTried
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
			return fmt.Errorf("consoleUrl holds %s; only {domain} is filled in", found)
		}
	}
	u, err := url.Parse(strings.ReplaceAll(console, "{domain}", "acme.com"))
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Contains(u.Host, "acme.com") {
		return errors.New("consoleUrl is not an https address with a host of its own")
	}
	return nil
}

var compiled = sync.OnceValue(func() *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(RowSchema))
	if err != nil {
		panic(fmt.Sprintf("provider: schema.json: %v", err))
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		panic(fmt.Sprintf("provider: schema.json: %v", err))
	}
	return c.MustCompile("schema.json")
})

// faults says what the schema refuses, one line a member: "form.ttl.minimum: got string, want integer".
func faults(err error) error {
	top, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	english := message.NewPrinter(language.English)
	var lines []string
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 && len(lines) < mostFailing {
			text := clip(e.ErrorKind.LocalizedString(english))
			if at := strings.Join(e.InstanceLocation, "."); at != "" {
				text = clip(at) + ": " + text
			}
			lines = append(lines, text)
		}
		for _, c := range e.Causes {
			walk(c)
		}
	}
	walk(top)
	return errors.New(strings.Join(lines, "; "))
}

// clip keeps what a file says from filling the log.
func clip(s string) string {
	const most = 160
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
