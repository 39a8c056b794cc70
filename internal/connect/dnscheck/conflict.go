package dnscheck

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

const highTTL = 3600

// conflicts finds what is in the way of the expected routing records: data that cannot stand beside them, and data that would be lost.
func (r *run) conflicts(m *matrix) {
	done := map[string]bool{}
	for i, x := range r.q.Expected {
		name := full(x.FQDN)
		v := look(name, m.responsive(), r.found)
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

func (r *run) besideCNAME(x analysis.Expected, name string, v view) {
	f := func(code string, existing []string, typ string, p params, choices ...string) {
		p["name"] = x.FQDN
		r.conflict(finding.New(code, p, v.ids...), typ, existing, x.Value, choices)
	}
	switch {
	case len(v.servers) > 0:
		f(finding.NSBelow, v.servers, "NS", params{"servers": v.servers}, "DELETE")
	case name == r.zone && !r.q.Apex:
		f(finding.NSBelow, r.servers(), "NS", params{"servers": r.servers()}, "DELETE")
	case v.multiple:
		f(finding.MultipleCNAME, v.sets[dns.TypeCNAME], "CNAME", params{"values": v.sets[dns.TypeCNAME]}, "REPLACE")
	}
	var types, existing []string
	others := []uint16{dns.TypeA, dns.TypeAAAA}
	if !v.has(dns.TypeCNAME) {
		others = append(others, dns.TypeTXT, dns.TypeHTTPS)
		if v.has(dns.TypeMX) {
			f(finding.MXLostIfCNAME, v.sets[dns.TypeMX], "MX", params{"suggestion": "www." + x.FQDN}, "KEEP", "DELETE")
		}
	}
	for _, t := range others {
		if v.has(t) {
			types, existing = append(types, dns.TypeToString[t]), append(existing, v.sets[t]...)
		}
	}
	if len(types) > 0 {
		f(finding.CNAMECollision, existing, types[0], params{"types": types}, "REPLACE", "KEEP")
	}
}

func (r *run) besideAddress(x analysis.Expected, name string, v view) {
	desired := x.Value
	f := func(code string, existing []string, typ string, p params, choices ...string) {
		p["name"] = x.FQDN
		found := finding.New(code, p, v.ids...)
		if code == finding.IllegalApexCNAME && !v.has(dns.TypeA) && !v.has(dns.TypeAAAA) {
			found = found.As(finding.Blocking) // nobody flattens it: the rest of the domain is at stake
		}
		r.conflict(found, typ, existing, desired, choices)
	}
	if list := v.sets[dns.TypeCNAME]; len(list) > 0 {
		switch {
		case r.isApex(name):
			f(finding.IllegalApexCNAME, list, "CNAME", params{}, "REPLACE")
		case x.Type != "ALIAS" || list[0] != canonical("CNAME", x.Value):
			f(finding.CNAMECollision, list, "CNAME", params{"types": []string{"CNAME"}}, "REPLACE", "KEEP")
		}
	}
	v4, v6 := r.foreign(v.sets[dns.TypeA]), r.foreign(v.sets[dns.TypeAAAA])
	if len(v4) > 0 {
		f(finding.ForeignAddress, v4, "A", params{"addresses": slices.Concat(v4, v6)}, "REPLACE")
	}
	switch {
	case len(v6) > 0 && v.has(dns.TypeA) && len(v4) == 0:
		desired = r.desired(x, "AAAA")
		f(finding.StaleAAAA, v6, "AAAA", params{"addresses": v6}, "REPLACE", "DELETE")
	case len(v6) > 0 && len(v4) == 0:
		desired = r.desired(x, "AAAA")
		f(finding.ForeignAddress, v6, "AAAA", params{"addresses": v6}, "REPLACE")
	}
	if list := v.sets[dns.TypeHTTPS]; slices.ContainsFunc(list, func(s string) bool { return r.elsewhere(s) }) {
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
	return len(fields) > 1 && fields[1] != "." && plain(full(fields[1])) != plain(r.host) && !strings.HasSuffix(plain(full(fields[1])), "."+r.edgeZone())
}

// lifetime warns of an old answer that will outlive its replacement in caches.
func (r *run) lifetime(x analysis.Expected, status string, v view) {
	switch {
	case right(status) && len(v.ids) > 0 && v.ttl == 0:
		r.find(finding.New(finding.TTLZero, params{"name": x.FQDN}, v.ids...))
	case !right(status) && status != statusPending && v.ttl > highTTL:
		until := r.e.now().Add(time.Duration(v.ttl) * time.Second).UTC().Format(time.RFC3339)
		r.find(finding.New(finding.TTLHigh, params{"name": x.FQDN, "until": until}, v.ids...))
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
	f.Evidence = evidenceOf(f.Evidence...)
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
