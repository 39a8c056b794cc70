package record

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
)

// Vars are what a template may speak of beside the name itself.
type Vars struct {
	Target            string // <token>.<edge zone>
	VerificationToken string
	Application       string // its slug
	ExternalRef       string
	EdgeV4, EdgeV6    []netip.Addr
	TXT               bool // ask for the ownership TXT whatever the recipe says
}

const (
	txtLabel    = "_nameplate"
	txtPrefix   = "np-verify="
	longest     = 4096
	ownershipBy = "{verification_token}"
)

// Verification is the value of the ownership TXT.
func Verification(token string) string { return txtPrefix + token }

// Plan answers the lines that the recipe asks for at this name, in the recipe's order. A value that speaks of the edge's addresses makes one line
// for each, and none when there are none. The apex always needs the TXT, because addresses carry no identity.
func Plan(r *recipe.Recipe, h Host, v Vars) ([]Record, error) {
	var out []Record
	proof := false
	for _, t := range r.Records {
		if !applies(t.AppliesWhen, h) {
			continue
		}
		name, err := expandName(t, h, v)
		if err != nil {
			return nil, fmt.Errorf("plan the line %s: %w", t.Key, err)
		}
		values, err := expandValues(t.Value, h, v)
		if err != nil {
			return nil, fmt.Errorf("plan the line %s: %w", t.Key, err)
		}
		for n, value := range values {
			key := t.Key
			if n > 0 {
				key += "-" + strconv.Itoa(n+1)
			}
			out = append(out, Record{
				Key: key, Type: RecordType(t.Type), Purpose: RecordPurpose(t.Purpose), Requirement: Requirement(t.Requirement), Group: t.Group,
				FQDN: name, Name: relative(name, h.Registrable), Value: value, TTL: t.TTL, Priority: t.Priority, Position: int32(len(out)), Status: Pending,
			})
		}
		proof = proof || RecordPurpose(t.Purpose) == Ownership && strings.Contains(t.Value, ownershipBy)
	}
	if (v.TXT || h.Apex) && !proof {
		name := txtLabel + "." + h.Base()
		out = append(out, Record{
			Key: "ownership", Type: TXT, Purpose: Ownership, Requirement: Required, FQDN: name, Name: relative(name, h.Registrable),
			Value: Verification(v.VerificationToken), TTL: 300, Position: int32(len(out)), Status: Pending,
		})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the recipe %s has no line for %s", r.ID, h.Name)
	}
	return out, nil
}

// Expected are the lines as the engine is asked for them.
func Expected(records []*Record) []analysis.Expected {
	out := make([]analysis.Expected, len(records))
	for n, r := range records {
		out[n] = analysis.Expected{Key: r.Key, Type: string(r.Type), FQDN: r.FQDN, Value: r.Value, Purpose: string(r.Purpose), Requirement: string(r.Requirement)}
		if r.Group != nil {
			out[n].Group = *r.Group
		}
	}
	return out
}

// expandName answers a name inside the customer's domain.
func expandName(t recipe.RecordTemplate, h Host, v Vars) (string, error) {
	name, err := expand(t.Name, h, v)
	if err != nil {
		return "", err
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if h.Wildcard && RecordPurpose(t.Purpose) == Routing && name == h.Base() {
		name = "*." + name
	}
	if name != h.Registrable && !strings.HasSuffix(name, "."+h.Registrable) {
		return "", fmt.Errorf("the name %s is outside %s", name, h.Registrable)
	}
	return name, nil
}

func expandValues(value string, h Host, v Vars) ([]string, error) {
	for _, each := range []struct {
		name  string
		addrs []netip.Addr
	}{{"{edge_v4}", v.EdgeV4}, {"{edge_v6}", v.EdgeV6}} {
		if value == each.name {
			var out []string
			for _, a := range each.addrs {
				out = append(out, a.String())
			}
			return out, nil
		}
	}
	s, err := expand(value, h, v)
	if err != nil {
		return nil, err
	}
	if len(s) > longest {
		return nil, fmt.Errorf("the value has %d octets", len(s))
	}
	return []string{s}, nil
}

// expand puts the variables in. What stands in braces and is none of them is an error: a customer would be asked to type it.
func expand(s string, h Host, v Vars) (string, error) {
	tld := h.PublicSuffix
	vars := map[string]string{
		"host": h.Base(), "domain": h.Registrable, "subdomain": h.Label, "sld": strings.TrimSuffix(h.Registrable, "."+tld), "tld": tld,
		"target": v.Target, "verification_token": v.VerificationToken, "application": v.Application, "external_ref": v.ExternalRef,
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := vars[name]
		if !closed || !known {
			return "", fmt.Errorf("unknown variable {%s}", name)
		}
		b.WriteString(value)
		s = after
	}
}

// applies evaluates always | apex | subdomain | wildcard joined by and, or, not; and binds closer than or. Nothing applies always.
func applies(when *string, h Host) bool {
	if when == nil || *when == "" {
		return true
	}
	is := map[string]bool{"always": true, "apex": h.Apex, "subdomain": !h.Apex && !h.Wildcard, "wildcard": h.Wildcard}
	for _, any := range strings.Split(*when, " or ") {
		all := true
		for _, one := range strings.Split(any, " and ") {
			word, negated := strings.CutPrefix(strings.TrimSpace(one), "not ")
			all = all && is[strings.TrimSpace(word)] != negated
		}
		if all {
			return true
		}
	}
	return false
}

// relative is name without zone: "shop", "_nameplate", "@" for the zone itself, and the whole name when it lies elsewhere.
func relative(name, zone string) string {
	if name == zone {
		return "@"
	}
	if s, ok := strings.CutSuffix(name, "."+zone); ok && zone != "" {
		return s
	}
	return name
}
