package dnscheck

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

const highTTL = 3600

// conflicts finds what is in the way of the expected routing records: data that cannot stand beside them, and data that would be lost.
func (r *run) conflicts(m *tree.Matrix) {
	done := map[string]bool{}
	for i, x := range r.q.Expected {
		name := tree.Full(x.FQDN)
		v := tree.Look(name, m.Responsive(), r.found)
		status := r.ans.Records[i].Status
		if status == statusShadowed || r.shadowed(name, v) && !right(status) || x.Requirement == "OPTIONAL" {
			continue
		}
		switch x.Type {
		case "CNAME":
			r.besideCNAME(x, name, v)
		case "ALIAS", "A", "AAAA":
			if !done[name] {
				r.besideAddress(x, name, v)
			}
			done[name] = true
		}
		r.lifetime(x, status, v)
	}
}

func (r *run) besideCNAME(x analysis.Expected, name string, v tree.View) {
	f := func(code string, existing []string, typ string, p params, choices ...string) {
		p["name"] = x.FQDN
		r.conflict(finding.New(code, p, v.IDs...), typ, existing, x.Value, choices)
	}
	switch {
	case len(v.Servers) > 0:
		f(finding.NSBelow, v.Servers, "NS", params{"servers": v.Servers}, "DELETE")
	case name == r.zone && !r.q.Apex:
		f(finding.NSBelow, r.servers(), "NS", params{"servers": r.servers()}, "DELETE")
	case v.Multiple:
		f(finding.MultipleCNAME, v.Sets[dns.TypeCNAME], "CNAME", params{"values": v.Sets[dns.TypeCNAME]}, "REPLACE")
	}
	var types, existing []string
	others := []uint16{dns.TypeA, dns.TypeAAAA}
	if !v.Has(dns.TypeCNAME) {
		others = append(others, dns.TypeTXT, dns.TypeHTTPS)
		if v.Has(dns.TypeMX) {
			f(finding.MXLostIfCNAME, v.Sets[dns.TypeMX], "MX", params{"suggestion": "www." + x.FQDN}, "KEEP", "DELETE")
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

func (r *run) besideAddress(x analysis.Expected, name string, v tree.View) {
	desired := x.Value
	f := func(code string, existing []string, typ string, p params, choices ...string) {
		p["name"] = x.FQDN
		found := finding.New(code, p, v.IDs...)
		if code == finding.IllegalApexCNAME && !v.Has(dns.TypeA) && !v.Has(dns.TypeAAAA) {
			found = found.As(finding.Blocking) // nobody flattens it: the rest of the domain is at stake
		}
		r.conflict(found, typ, existing, desired, choices)
	}
	if list := v.Sets[dns.TypeCNAME]; len(list) > 0 {
		switch {
		case r.isApex(name):
			f(finding.IllegalApexCNAME, list, "CNAME", params{}, "REPLACE")
		case x.Type != "ALIAS" || list[0] != tree.Canonical("CNAME", x.Value):
			f(finding.CNAMECollision, list, "CNAME", params{"types": []string{"CNAME"}}, "REPLACE", "KEEP")
		}
	}
	v4, v6 := r.foreign(v.Sets[dns.TypeA]), r.foreign(v.Sets[dns.TypeAAAA])
	if len(v4) > 0 {
		f(finding.ForeignAddress, v4, "A", params{"addresses": slices.Concat(v4, v6)}, "REPLACE")
	}
	switch {
	case len(v6) > 0 && v.Has(dns.TypeA) && len(v4) == 0:
		desired = r.desired(x, "AAAA")
		f(finding.StaleAAAA, v6, "AAAA", params{"addresses": v6}, "REPLACE", "DELETE")
	case len(v6) > 0 && len(v4) == 0:
		desired = r.desired(x, "AAAA")
		f(finding.ForeignAddress, v6, "AAAA", params{"addresses": v6}, "REPLACE")
	}
	if list := v.Sets[dns.TypeHTTPS]; slices.ContainsFunc(list, func(s string) bool { return r.elsewhere(s) }) {
		f(finding.HTTPSRRConflict, list, "HTTPS", params{"observed": brief(strings.Join(list, "; "))}, "DELETE", "KEEP")
	}
}

// desired is the value that the recipe wants for another type at the same name.
func (r *run) desired(x analysis.Expected, typ string) string {
	for _, other := range r.q.Expected {
		if other.FQDN == x.FQDN && other.Type == typ && other.Requirement != "REMOVE" {
			return other.Value
		}
	}
	return ""
}

// elsewhere says that an HTTPS record (RFC 9460) leads browsers past the addresses of the name itself.
func (r *run) elsewhere(data string) bool {
	fields := strings.Fields(data)
	return len(fields) > 1 && fields[1] != "." && tree.Plain(tree.Full(fields[1])) != tree.Plain(r.host) && !strings.HasSuffix(tree.Plain(tree.Full(fields[1])), "."+r.edgeZone())
}

// lifetime warns of an old answer that will outlive its replacement in caches.
func (r *run) lifetime(x analysis.Expected, status string, v tree.View) {
	switch {
	case right(status) && len(v.IDs) > 0 && v.TTL == 0:
		r.find(finding.New(finding.TTLZero, params{"name": x.FQDN}, v.IDs...))
	case !right(status) && status != statusPending && v.TTL > highTTL:
		until := r.e.now().Add(time.Duration(v.TTL) * time.Second).UTC().Format(time.RFC3339)
		r.find(finding.New(finding.TTLHigh, params{"name": x.FQDN, "until": until}, v.IDs...))
	}
}

// conflict notes one, once, and its finding.
func (r *run) conflict(f finding.Finding, typ string, existing []string, desired string, choices []string) {
	c := analysis.ConflictSeen{Kind: f.Code, Severity: f.Severity, Name: fmt.Sprint(f.Params["name"]), Type: typ, Existing: slices.Clone(existing), Choices: choices}
	if desired != "" {
		c.Desired = &desired
	}
	for _, other := range r.ans.Conflicts {
		if other.Kind == c.Kind && other.Name == c.Name && other.Type == c.Type {
			return
		}
	}
	r.ans.Conflicts = append(r.ans.Conflicts, c)
	r.find(f)
}

// find notes a finding; the same code about the same name and address is said once.
func (r *run) find(f finding.Finding) {
	f.Evidence = tree.Distinct(f.Evidence...)
	if f.Evidence == nil {
		f.Evidence = finding.New(f.Code, nil).Evidence
	}
	for _, other := range r.ans.Findings {
		if other.Code == f.Code && other.Params["name"] == f.Params["name"] && other.Params["address"] == f.Params["address"] {
			return
		}
	}
	r.ans.Findings = append(r.ans.Findings, f)
}
