package provider

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:embed document.md
var introduction string

// Document is the catalogue as a page: who is known by what, what each form wants typed, and where that was taken from. docs/providers.md is this text.
func (c *Catalogue) Document() string {
	var known, parking []*Provider
	for _, p := range c.rows {
		if p.Parking {
			parking = append(parking, p)
		} else {
			known = append(known, p)
		}
	}
	d := &document{numbers: map[string]int{}}
	d.WriteString(strings.ReplaceAll(introduction, "{count}", strconv.Itoa(len(known))))
	d.WriteString("\n## Who is known\n\nServers begin at the first dot that is theirs: `x.com` stands for every name below it. What is empty nobody knows.\n\n")
	d.WriteString("| Provider | Servers | Fields: name, value | A name is typed | TTL: shortest, usual | The domain itself | Offers | Can | Trust | From |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, p := range known {
		d.row(p)
	}
	d.WriteString("\n## Parking\n\nThese show advertisements on domains that wait for a buyer; `parked_domain` says so, and no records are asked for there.\n\n")
	for _, p := range parking {
		fmt.Fprintf(d, "- %s: %s\n", p.Name, servers(p))
	}
	d.WriteString("\n## Sources\n\n")
	for i, s := range d.sources {
		fmt.Fprintf(d, "%d. <%s>, read on %s\n", i+1, s.URL, s.ReadAt.Format("2006-01-02"))
	}
	return d.String()
}

type document struct {
	strings.Builder
	sources []ProviderSource
	numbers map[string]int // of a source, by its address
}

var claims = map[ProviderClaim]string{Detection: "servers", Console: "address", Form: "form", Apex: "itself", Abilities: "can"}

func (d *document) row(p *Provider) {
	name := p.Name
	if console := p.ConsoleURL("example.com"); console != nil {
		name = "[" + name + "](" + *console + ")"
	}
	from := map[ProviderClaim][]string{}
	for _, s := range p.Sources {
		if d.numbers[s.URL] == 0 {
			d.sources = append(d.sources, s)
			d.numbers[s.URL] = len(d.sources)
		}
		for _, claim := range s.Claims {
			from[claim] = append(from[claim], strconv.Itoa(d.numbers[s.URL]))
		}
	}
	var told []string
	for _, claim := range []ProviderClaim{Detection, Console, Form, Apex, Abilities} {
		if numbers := from[claim]; numbers != nil {
			told = append(told, claims[claim]+" "+strings.Join(numbers, ", "))
		}
	}
	cells := []string{
		name, servers(p), fields(p.Dialect.Fields), typing(p.Dialect), ttls(p.Dialect.TTL), apexes(p.Apex), offers(p.Dialect.Records), abilities(p),
		fmt.Sprintf("%.0f %%", 100*p.Confidence), strings.Join(told, "; "),
	}
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	fmt.Fprintf(d, "| %s |\n", strings.Join(cells, " | "))
}

func servers(p *Provider) string {
	var out []string
	for _, rule := range p.NameServers() {
		out = append(out, "`"+rule+"`")
	}
	if len(out) == 0 {
		return "its customers' own"
	}
	return strings.Join(out, ", ")
}

func fields(f FieldNames) string {
	var out []string
	for _, name := range []*string{f.Name, f.Value} {
		if name != nil {
			out = append(out, *name)
		}
	}
	return strings.Join(out, ", ")
}

func typing(d Dialect) string {
	apex := map[string]string{"@": "`@`", "": "nothing", FullName: "full name"}[d.ApexName]
	out := []string{map[bool]string{true: "`shop`", false: "`shop.example.com`"}[d.RelativeNames] + ", itself " + apex}
	if d.AppendsZone {
		out = append(out, "zone appended")
	}
	switch d.TrailingDot {
	case Needed:
		out = append(out, "targets end with a dot")
	case Refused:
		out = append(out, "no dot behind targets")
	}
	if d.TXTQuotes != nil && *d.TXTQuotes != QuotesAllowed {
		out = append(out, map[TextQuotes]string{QuotesNeeded: "texts in quotes", QuotesRefused: "no quotes around texts"}[*d.TXTQuotes])
	}
	return strings.Join(out, "; ")
}

func ttls(t TTLRange) string {
	seconds := func(n *int32) string {
		if n == nil {
			return "?"
		}
		return strconv.Itoa(int(*n))
	}
	if t.Minimum == nil && t.Default == nil {
		return ""
	}
	return seconds(t.Minimum) + ", " + seconds(t.Default)
}

func apexes(ways []ApexMethod) string {
	var out []string
	for _, way := range ways {
		out = append(out, map[ApexMethod]string{Alias: "ALIAS", FlattenedCNAME: "CNAME, flattened", Address: "A, AAAA"}[way])
	}
	return strings.Join(out, " or ")
}

// offers names what is not everywhere; that a row says nothing means that nobody knows.
func offers(records []string) string {
	var out []string
	for _, kind := range []string{"CAA", "SRV", "HTTPS", "TLSA"} {
		if slices.Contains(records, kind) {
			out = append(out, kind)
		} else if records != nil && kind != "HTTPS" && kind != "TLSA" {
			out = append(out, "no "+kind)
		}
	}
	return strings.Join(out, ", ")
}

func abilities(p *Provider) string {
	var out []string
	for _, one := range []struct {
		what string
		can  *bool
	}{{"API", p.Capabilities.API}, {"DNSSEC", p.Capabilities.DNSSEC}, {"proxy", p.Capabilities.Proxy}, {"IPv6", p.Capabilities.IPv6}} {
		if one.can != nil && *one.can {
			out = append(out, one.what)
		} else if one.can != nil {
			out = append(out, "no "+one.what)
		}
	}
	switch d := p.DomainConnect; {
	case d.Async:
		out = append(out, "Domain Connect, lasting")
	case d.Sync:
		out = append(out, "Domain Connect")
	}
	return strings.Join(out, ", ")
}
