package dnscheck

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// Words of record.RecordStatus.
const (
	statusPending      = "PENDING"
	statusPartial      = "PARTIAL"
	statusOK           = "OK"
	statusWrongValue   = "WRONG_VALUE"
	statusWrongType    = "WRONG_TYPE"
	statusWrongName    = "WRONG_NAME"
	statusConflict     = "CONFLICT"
	statusFlattened    = "FLATTENED"
	statusShadowed     = "SHADOWED_BY_WILDCARD"
	statusUnverifiable = "UNVERIFIABLE"
)

func right(status string) bool { return status == statusOK || status == statusFlattened }

// needs are the RRsets that decide about a record: its own and those that cannot stand beside it. A light pass asks its own alone.
func (r *run) needs(x analysis.Expected) []tree.Key {
	name := tree.Full(x.FQDN)
	var types []uint16
	switch x.Type {
	case "CNAME":
		types = []uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA}
	case "ALIAS":
		types = []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME}
	case "A":
		types = []uint16{dns.TypeA, dns.TypeCNAME}
	case "AAAA":
		types = []uint16{dns.TypeAAAA, dns.TypeA, dns.TypeCNAME}
	default:
		t, ok := dns.StringToType[x.Type]
		if !ok {
			return nil
		}
		types = []uint16{t}
	}
	if r.q.Depth == analysis.Light {
		types = types[:own(x)]
	}
	asks := make([]tree.Key, len(types))
	for i, t := range types {
		asks[i] = tree.Key{Name: name, Type: t}
	}
	return asks
}

// own is how many of a record's needs hold the record itself. A server that answers these and fails on the others, as some do on every
// type that they do not know, has the record as far as anybody can see.
func own(x analysis.Expected) int {
	if x.Type == "ALIAS" {
		return 2
	}
	return 1
}

// judge says how far an expected record stands, by all servers that answered and by nobody else.
func (r *run) judge(x analysis.Expected, m *tree.Matrix) analysis.RecordResult {
	out := analysis.RecordResult{Key: x.Key, Status: statusUnverifiable, Observed: []analysis.ServerRRset{}, Seen: []string{}}
	asks := r.needs(x)
	if len(asks) == 0 {
		return out
	}
	name := asks[0].Name
	for _, c := range m.Columns {
		out.Observed = append(out.Observed, show(c, asks))
		if a, ok := c.Got[asks[0]]; ok {
			list, _ := tree.Observed(a.Reply, name, asks[0].Type)
			out.Seen = append(out.Seen, list...)
		}
	}
	slices.Sort(out.Seen)
	out.Seen = slices.Compact(out.Seen)
	t := m.Tally(asks[:own(x)], func(get func(tree.Key) tree.Answer) bool { return r.has(x, name, get) })
	out.Have, out.Of = int32(t.Have), int32(t.Of)
	switch {
	case t.Of == 0:
		return out
	case t.Have == t.Of && t.Quorum:
		out.Status = statusOK
		if x.Type == "ALIAS" {
			out.Status = statusFlattened
			out.Finding = new(finding.New(finding.RecordFlattened, params{"name": x.FQDN}, t.Proof...))
		}
		return out
	case t.Have > 0:
		if !t.Quorum {
			out.Of = int32(m.Names)
		}
		out.Status = statusPartial
		out.Finding = new(finding.New(finding.RecordPartial, params{"name": x.FQDN, "have": out.Have, "of": out.Of}, t.Proof...))
		return out
	case r.q.Depth == analysis.Light:
		out.Status = statusPending // what stands there instead is for a full pass to say
		return out
	}
	v := tree.Look(name, t.Lacking, nil)
	code, status, p := r.explain(x, name, v)
	p["name"] = x.FQDN
	if code == finding.WrongValue || code == finding.RecordAbsent {
		p["type"] = x.Type
	}
	if len(v.IDs) == 0 {
		v.IDs = t.Proof
	}
	out.Status, out.Finding = status, new(finding.New(code, p, v.IDs...))
	return out
}

type params = map[string]any

// show is one server's row under a record.
func show(c *tree.Column, asks []tree.Key) analysis.ServerRRset {
	out := analysis.ServerRRset{Server: c.String(), Values: []string{}, Rcode: cmp.Or(c.Rcode, string(c.Verdict))}
	for i, k := range asks {
		a, ok := c.Got[k]
		if !ok {
			continue
		}
		if i == 0 {
			out.Rcode, out.Authoritative, out.At = dns.RcodeToString[a.Rcode], a.Authoritative, a.Came
		}
		if list, low := tree.Observed(a.Reply, k.Name, k.Type); len(list) > 0 && a.Authoritative {
			out.Values, out.TTL = append(out.Values, list...), low
		}
	}
	slices.Sort(out.Values)
	out.Values = slices.Compact(out.Values)
	return out
}

// has says that one server's answers hold the record, and nothing that contradicts it.
func (r *run) has(x analysis.Expected, name string, get func(tree.Key) tree.Answer) bool {
	set := func(qtype uint16) []string {
		var list []string
		for _, asked := range []uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA} {
			if qtype != dns.TypeCNAME {
				asked = qtype
			}
			list = append(list, tree.Values(get(tree.Key{Name: name, Type: asked}).At(name, qtype))...)
			if qtype != dns.TypeCNAME {
				break // a CNAME shows in the answer to any question; the others only in their own
			}
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	want := tree.Canonical(x.Type, x.Value)
	if x.Requirement == "REMOVE" {
		list := set(dns.StringToType[x.Type])
		return want == "" && len(list) == 0 || want != "" && !slices.Contains(list, want)
	}
	switch x.Type {
	case "CNAME":
		list := set(dns.TypeCNAME)
		return len(list) == 1 && list[0] == want && len(set(dns.TypeA))+len(set(dns.TypeAAAA)) == 0
	case "ALIAS":
		if alias := set(dns.TypeCNAME); len(alias) > 0 {
			return len(alias) == 1 && alias[0] == want && !r.isApex(name)
		}
		list := append(set(dns.TypeA), set(dns.TypeAAAA)...)
		return len(list) > 0 && len(r.foreign(list)) == 0
	case "A", "AAAA":
		list := set(dns.StringToType[x.Type])
		return slices.Contains(list, want) && len(r.foreign(list)) == 0
	}
	return slices.Contains(set(dns.StringToType[x.Type]), want)
}

// foreign gives the addresses that are neither our edge's nor asked for.
func (r *run) foreign(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(t string) bool {
		a, err := netip.ParseAddr(t)
		return err == nil && slices.Contains(r.ours, a)
	})
}

// explain says what stands in the place of a record that no server has.
func (r *run) explain(x analysis.Expected, name string, v tree.View) (code, status string, p params) {
	want := tree.Canonical(x.Type, x.Value)
	addrs := append(slices.Clone(v.Sets[dns.TypeA]), v.Sets[dns.TypeAAAA]...)
	aliases := v.Sets[dns.TypeCNAME]
	switch {
	case len(v.Servers) > 0:
		return finding.NSBelow, statusConflict, params{"servers": v.Servers}
	case x.Requirement == "REMOVE":
		if x.Type == "AAAA" {
			return finding.StaleAAAA, statusConflict, params{"addresses": v.Sets[dns.TypeAAAA]}
		}
		return finding.WrongType, statusConflict, params{"type": x.Type, "desiredType": "", "desired": ""}
	case len(aliases)+len(addrs) > 0 && r.shadowed(name, v):
		return finding.ShadowedByWildcard, statusShadowed, params{"wildcard": r.wild.owner}
	case x.Type == "CNAME":
		return r.explainCNAME(x, v, want, addrs)
	case len(aliases) > 0 && (x.Type == "ALIAS" || x.Type == "A" || x.Type == "AAAA") && r.isApex(name):
		return finding.IllegalApexCNAME, statusConflict, params{}
	case len(aliases) > 0:
		return finding.WrongType, statusWrongType, params{"type": "CNAME", "desiredType": x.Type, "desired": x.Value}
	case x.Type == "ALIAS" && len(addrs) > 0, x.Type == "AAAA" && v.Has(dns.TypeAAAA):
		if v4 := v.Sets[dns.TypeA]; len(v4) > 0 && len(r.foreign(v4)) == 0 {
			return finding.StaleAAAA, statusConflict, params{"addresses": r.foreign(v.Sets[dns.TypeAAAA])}
		}
		return finding.ForeignAddress, statusConflict, params{"addresses": r.foreign(addrs)}
	case x.Type == "A" && v.Has(dns.TypeA):
		if list := v.Sets[dns.TypeA]; slices.Contains(list, want) {
			return finding.ForeignAddress, statusConflict, params{"addresses": r.foreign(list)}
		}
		return finding.WrongValue, statusWrongValue, wrong(x, strings.Join(v.Sets[dns.TypeA], ", "))
	case x.Type == "TXT":
		return r.explainTXT(x, v, want)
	}
	return finding.RecordAbsent, statusPending, params{}
}

// wrong is the difference between what was seen and what should stand.
func wrong(x analysis.Expected, seen string) params {
	return params{"observed": brief(seen), "desired": x.Value}
}

// brief keeps what fits a sentence.
func brief(s string) string {
	if cut := []rune(s); len(cut) > 200 {
		return string(cut[:200]) + "…"
	}
	return s
}

func (r *run) explainCNAME(x analysis.Expected, v tree.View, want string, addrs []string) (code, status string, p params) {
	aliases := v.Sets[dns.TypeCNAME]
	switch {
	case v.Multiple:
		return finding.MultipleCNAME, statusConflict, params{"values": aliases}
	case slices.Contains(aliases, want) && len(addrs) > 0:
		return finding.CNAMECollision, statusConflict, params{"types": present(v, dns.TypeA, dns.TypeAAAA)}
	case len(aliases) > 0:
		aliases = slices.DeleteFunc(aliases, func(a string) bool { return a == want })
		return flaw(aliases[0], want, tree.Plain(r.zone), r.edgeZone()), statusWrongValue, wrong(x, aliases[0])
	case len(addrs) > 0 && len(r.foreign(addrs)) == 0:
		return finding.TargetAsAddress, statusWrongType, params{"addresses": addrs, "desired": x.Value}
	case len(addrs) > 0:
		return finding.WrongType, statusWrongType, params{"type": present(v, dns.TypeA, dns.TypeAAAA)[0], "desiredType": "CNAME", "desired": x.Value}
	}
	return finding.RecordAbsent, statusPending, params{}
}

// explainTXT looks for a value that was meant to be ours among the others, which may stand beside it.
func (r *run) explainTXT(x analysis.Expected, v tree.View, want string) (code, status string, p params) {
	key, _, _ := strings.Cut(want, "=")
	for _, seen := range v.Sets[dns.TypeTXT] {
		bare := strings.Trim(strings.TrimSpace(seen), `"'`)
		switch {
		case bare == want && bare != seen:
			return finding.ValueQuoted, statusWrongValue, wrong(x, seen)
		case strings.HasPrefix(bare, want):
			return finding.ValueTrailingText, statusWrongValue, wrong(x, seen)
		case strings.HasPrefix(strings.ToLower(bare), strings.ToLower(key)+"="):
			if x.Purpose == "OWNERSHIP" {
				return finding.OwnershipTXTWrong, statusWrongValue, params{"observed": brief(seen), "record": line(x)}
			}
			return finding.WrongValue, statusWrongValue, wrong(x, seen)
		}
	}
	return finding.RecordAbsent, statusPending, params{}
}

// line is a record as one line of text.
func line(x analysis.Expected) string {
	v := x.Value
	if x.Type == "TXT" {
		v = `"` + v + `"`
	}
	return x.FQDN + " " + x.Type + " " + v
}

// flaw names what is wrong with the target of a CNAME.
func flaw(seen, want, zone, edgeZone string) string {
	bare := strings.TrimSuffix(strings.TrimSuffix(seen, "."+zone), ".")
	switch {
	case bare == want:
		return finding.TargetMissingDot
	case strings.Contains(seen, "://"), strings.Contains(seen, "/"):
		return finding.ValueWithScheme
	case strings.ContainsAny(seen, `"'`):
		return finding.ValueQuoted
	case strings.ContainsAny(bare, " \t,;") || strings.HasPrefix(bare, want):
		return finding.ValueTrailingText
	case edgeZone != "" && strings.HasSuffix(bare, "."+edgeZone):
		return finding.TargetOfOtherConnection
	}
	return finding.WrongValue
}

func present(v tree.View, types ...uint16) []string {
	var out []string
	for _, t := range types {
		if v.Has(t) {
			out = append(out, dns.TypeToString[t])
		}
	}
	return out
}
