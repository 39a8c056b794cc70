package dnscheck

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
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
func (r *run) needs(x analysis.Expected) []ask {
	name := full(x.FQDN)
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
	if r.q.Depth == analysis.Light && x.Type != "ALIAS" { // which has two types of its own
		types = types[:1]
	} else if r.q.Depth == analysis.Light {
		types = types[:2]
	}
	asks := make([]ask, len(types))
	for i, t := range types {
		asks[i] = ask{name, t}
	}
	return asks
}

// judge says how far an expected record stands, by all servers that answered and by nobody else.
func (r *run) judge(x analysis.Expected, m *matrix) analysis.RecordResult {
	out := analysis.RecordResult{Key: x.Key, Status: statusUnverifiable, Observed: []analysis.ServerRRset{}, Seen: []string{}}
	asks := r.needs(x)
	if len(asks) == 0 {
		return out
	}
	name := asks[0].name
	for _, c := range m.columns {
		out.Observed = append(out.Observed, c.show(asks))
		if a, ok := c.got[asks[0]]; ok {
			list, _ := observed(a.Reply, name, asks[0].qtype)
			out.Seen = append(out.Seen, list...)
		}
	}
	slices.Sort(out.Seen)
	out.Seen = slices.Compact(out.Seen)
	t := m.tally(asks, func(get func(ask) answer) bool { return r.has(x, name, get) })
	out.Have, out.Of = int32(t.have), int32(t.of)
	switch {
	case t.of == 0:
		return out
	case t.have == t.of && t.quorum:
		out.Status = statusOK
		if x.Type == "ALIAS" {
			out.Status = statusFlattened
			out.Finding = new(finding.New(finding.RecordFlattened, params{"name": x.FQDN}, t.proof...))
		}
		return out
	case t.have > 0:
		if !t.quorum {
			out.Of = int32(m.names)
		}
		out.Status = statusPartial
		out.Finding = new(finding.New(finding.RecordPartial, params{"name": x.FQDN, "have": out.Have, "of": out.Of}, t.proof...))
		return out
	case r.q.Depth == analysis.Light:
		out.Status = statusPending // what stands there instead is for a full pass to say
		return out
	}
	v := look(name, t.lacking, nil)
	code, status, p := r.explain(x, name, v)
	p["name"] = x.FQDN
	if code == finding.WrongValue || code == finding.RecordAbsent {
		p["type"] = x.Type
	}
	if len(v.ids) == 0 {
		v.ids = t.proof
	}
	out.Status, out.Finding = status, new(finding.New(code, p, v.ids...))
	return out
}

type params = map[string]any

// show is one server's row under a record.
func (c *column) show(asks []ask) analysis.ServerRRset {
	out := analysis.ServerRRset{Server: c.String(), Values: []string{}, Rcode: cmp.Or(c.rcode, string(c.verdict))}
	for i, k := range asks {
		a, ok := c.got[k]
		if !ok {
			continue
		}
		if i == 0 {
			out.Rcode, out.Authoritative, out.At = dns.RcodeToString[a.Rcode], a.Authoritative, a.at
		}
		if list, low := observed(a.Reply, k.name, k.qtype); len(list) > 0 && a.Authoritative {
			out.Values, out.TTL = append(out.Values, list...), low
		}
	}
	slices.Sort(out.Values)
	out.Values = slices.Compact(out.Values)
	return out
}

// has says that one server's answers hold the record, and nothing that contradicts it.
func (r *run) has(x analysis.Expected, name string, get func(ask) answer) bool {
	set := func(qtype uint16) []string { return values(get(ask{name, qtype}).At(name, qtype)) }
	want := canonical(x.Type, x.Value)
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
func (r *run) explain(x analysis.Expected, name string, v view) (code, status string, p params) {
	want := canonical(x.Type, x.Value)
	addrs := append(slices.Clone(v.sets[dns.TypeA]), v.sets[dns.TypeAAAA]...)
	aliases := v.sets[dns.TypeCNAME]
	switch {
	case len(v.servers) > 0:
		return finding.NSBelow, statusConflict, params{"servers": v.servers}
	case x.Requirement == "REMOVE":
		if x.Type == "AAAA" {
			return finding.StaleAAAA, statusConflict, params{"addresses": v.sets[dns.TypeAAAA]}
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
	case x.Type == "ALIAS" && len(addrs) > 0, x.Type == "AAAA" && v.has(dns.TypeAAAA):
		if v4 := v.sets[dns.TypeA]; len(v4) > 0 && len(r.foreign(v4)) == 0 {
			return finding.StaleAAAA, statusConflict, params{"addresses": r.foreign(v.sets[dns.TypeAAAA])}
		}
		return finding.ForeignAddress, statusConflict, params{"addresses": r.foreign(addrs)}
	case x.Type == "A" && v.has(dns.TypeA):
		if list := v.sets[dns.TypeA]; slices.Contains(list, want) {
			return finding.ForeignAddress, statusConflict, params{"addresses": r.foreign(list)}
		}
		return finding.WrongValue, statusWrongValue, wrong(x, strings.Join(v.sets[dns.TypeA], ", "))
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

func (r *run) explainCNAME(x analysis.Expected, v view, want string, addrs []string) (code, status string, p params) {
	aliases := v.sets[dns.TypeCNAME]
	switch {
	case v.multiple:
		return finding.MultipleCNAME, statusConflict, params{"values": aliases}
	case len(aliases) > 0 && slices.Contains(aliases, want):
		return finding.CNAMECollision, statusConflict, params{"types": present(v, dns.TypeA, dns.TypeAAAA)}
	case len(aliases) > 0:
		return flaw(aliases[0], want, plain(r.zone), r.edgeZone()), statusWrongValue, wrong(x, aliases[0])
	case len(addrs) > 0 && len(r.foreign(addrs)) == 0:
		return finding.TargetAsAddress, statusWrongType, params{"addresses": addrs, "desired": x.Value}
	case len(addrs) > 0:
		return finding.WrongType, statusWrongType, params{"type": present(v, dns.TypeA, dns.TypeAAAA)[0], "desiredType": "CNAME", "desired": x.Value}
	}
	return finding.RecordAbsent, statusPending, params{}
}

// explainTXT looks for a value that was meant to be ours among the others, which may stand beside it.
func (r *run) explainTXT(x analysis.Expected, v view, want string) (code, status string, p params) {
	key, _, _ := strings.Cut(want, "=")
	for _, seen := range v.sets[dns.TypeTXT] {
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

func present(v view, types ...uint16) []string {
	var out []string
	for _, t := range types {
		if v.has(t) {
			out = append(out, dns.TypeToString[t])
		}
	}
	return out
}
