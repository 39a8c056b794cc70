package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/mailpolicy"
)

const highTTL = 3600

// Conflicts finds what is in the way of the expected routing records: data that cannot stand beside them, and data that would be lost.
func (c *Case) Conflicts(m *tree.Matrix) {
	done := map[string]bool{}
	for i, x := range c.Question.Expected {
		name := tree.Full(x.FQDN)
		v := tree.Look(name, m.Responsive(), c.Found)
		status := c.Answer.Records[i].Status
		if status == Shadowed || c.shadowed(name, v) && !Right(status) || x.Requirement == "OPTIONAL" {
			continue
		}
		switch x.Type {
		case "CNAME":
			c.besideCNAME(x, name, v)
		case "ALIAS", "A", "AAAA":
			if !done[name] {
				c.besideAddress(x, name, v)
			}
			done[name] = true
		}
		c.lifetime(x, status, v)
	}
}

func (c *Case) besideCNAME(x analysis.Expected, name string, v tree.View) {
	f := func(code string, existing []string, typ string, p params, choices ...string) {
		p["name"] = x.FQDN
		c.conflict(finding.New(code, p, v.IDs...), typ, existing, x.Value, choices)
	}
	switch {
	case len(v.Servers) > 0:
		f(finding.NSBelow, v.Servers, "NS", params{"servers": v.Servers}, "DELETE")
	case name == c.Zone() && !c.Question.Apex:
		f(finding.NSBelow, Names(c.Delegation), "NS", params{"servers": Names(c.Delegation)}, "DELETE")
	case v.Multiple:
		f(finding.MultipleCNAME, v.Sets[dns.TypeCNAME], "CNAME", params{"values": v.Sets[dns.TypeCNAME]}, "REPLACE")
	}
	if challenge(x) {
		return // what may stand beside it is said with the record
	}
	var types, existing []string
	others := []uint16{dns.TypeA, dns.TypeAAAA}
	if !v.Has(dns.TypeCNAME) {
		others = append(others, dns.TypeTXT, dns.TypeHTTPS)
		senders := slices.DeleteFunc(slices.Clone(v.Sets[dns.TypeTXT]), func(s string) bool { return !mailpolicy.AboutMail(s) })
		switch suggestion := "www." + x.FQDN; {
		case v.Has(dns.TypeMX):
			f(finding.MXLostIfCNAME, v.Sets[dns.TypeMX], "MX", params{"suggestion": suggestion}, "KEEP", "DELETE")
		case len(senders) > 0:
			f(finding.MXLostIfCNAME, senders, "TXT", params{"suggestion": suggestion}, "KEEP", "DELETE")
		}
		if len(senders) == len(v.Sets[dns.TypeTXT]) {
			others = slices.DeleteFunc(others, func(t uint16) bool { return t == dns.TypeTXT }) // it is all about mail, and said
		}
	}
	for _, t := range others {
		if v.Has(t) {
			types, existing = append(types, dns.TypeToString[t]), append(existing, v.Sets[t]...)
		}
	}
	if len(types) > 0 {
		f(finding.CNAMECollision, existing, types[0], params{"types": types}, "REPLACE", "KEEP")
	}
}

func (c *Case) besideAddress(x analysis.Expected, name string, v tree.View) {
	desired := x.Value
	f := func(code string, existing []string, typ string, p params, choices ...string) {
		p["name"] = x.FQDN
		found := finding.New(code, p, v.IDs...)
		if code == finding.IllegalApexCNAME && !v.Has(dns.TypeA) && !v.Has(dns.TypeAAAA) {
			found = found.As(finding.Blocking) // nobody flattens it: the rest of the domain is at stake
		}
		c.conflict(found, typ, existing, desired, choices)
	}
	if list := v.Sets[dns.TypeCNAME]; len(list) > 0 {
		switch {
		case c.isApex(name):
			f(finding.IllegalApexCNAME, list, "CNAME", params{}, "REPLACE")
		case x.Type != "ALIAS" || list[0] != tree.Canonical("CNAME", x.Value):
			f(finding.CNAMECollision, list, "CNAME", params{"types": []string{"CNAME"}}, "REPLACE", "KEEP")
		}
	}
	v4, v6 := c.Foreign(v.Sets[dns.TypeA]), c.Foreign(v.Sets[dns.TypeAAAA])
	if len(v4) > 0 {
		f(finding.ForeignAddress, v4, "A", params{"addresses": slices.Concat(v4, v6)}, "REPLACE")
	}
	switch {
	case len(v6) > 0 && v.Has(dns.TypeA) && len(v4) == 0:
		desired = c.desired(x, "AAAA")
		f(finding.StaleAAAA, v6, "AAAA", params{"addresses": v6}, "REPLACE", "DELETE")
	case len(v6) > 0 && len(v4) == 0:
		desired = c.desired(x, "AAAA")
		f(finding.ForeignAddress, v6, "AAAA", params{"addresses": v6}, "REPLACE")
	}
	if list := v.Sets[dns.TypeHTTPS]; slices.ContainsFunc(list, func(s string) bool { return c.elsewhere(s) }) {
		f(finding.HTTPSRRConflict, list, "HTTPS", params{"observed": brief(strings.Join(list, "; "))}, "DELETE", "KEEP")
	}
}

// desired is the value that the recipe wants for another type at the same name.
func (c *Case) desired(x analysis.Expected, typ string) string {
	for _, other := range c.Question.Expected {
		if other.FQDN == x.FQDN && other.Type == typ && other.Requirement != "REMOVE" {
			return other.Value
		}
	}
	return ""
}

// elsewhere says that an HTTPS record (RFC 9460) leads browsers past the addresses of the name itself.
func (c *Case) elsewhere(data string) bool {
	fields := strings.Fields(data)
	return len(fields) > 1 && fields[1] != "." && tree.Plain(tree.Full(fields[1])) != tree.Plain(c.Host) && !strings.HasSuffix(tree.Plain(tree.Full(fields[1])), "."+c.EdgeZone)
}

// lifetime warns of an old answer that will outlive its replacement in caches.
func (c *Case) lifetime(x analysis.Expected, status string, v tree.View) {
	types := []uint16{typeOf(x), dns.TypeCNAME}
	if x.Purpose == "ROUTING" {
		types = []uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA} // what may stand in its place
	}
	ttl, stands := int32(0), false
	for _, t := range types {
		ttl, stands = max(ttl, v.TTLs[t]), stands || v.Has(t)
	}
	switch {
	case Right(status) && stands && ttl == 0:
		c.Find(finding.New(finding.TTLZero, params{"name": x.FQDN}, v.IDs...))
	case !Right(status) && status != Pending && ttl > highTTL:
		until := c.Now().Add(time.Duration(ttl) * time.Second).UTC().Format(time.RFC3339)
		c.Find(finding.New(finding.TTLHigh, params{"name": x.FQDN, "until": until}, v.IDs...))
	}
}

// conflict notes one, once, and its finding.
func (c *Case) conflict(f finding.Finding, typ string, existing []string, desired string, choices []string) {
	seen := analysis.ConflictSeen{Kind: f.Code, Severity: f.Severity, Name: fmt.Sprint(f.Params["name"]), Type: typ, Existing: slices.Clone(existing), Choices: choices}
	if desired != "" {
		seen.Desired = &desired
	}
	for _, other := range c.Answer.Conflicts {
		if other.Kind == seen.Kind && other.Name == seen.Name && other.Type == seen.Type {
			return
		}
	}
	c.Answer.Conflicts = append(c.Answer.Conflicts, seen)
	c.Find(f)
}
