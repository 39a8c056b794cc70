package judge

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

// Needs are the RRsets that decide about a record: its own and those that cannot stand beside it. A light pass asks its own alone.
func (c *Case) Needs(x analysis.Expected) []tree.Key {
	name := tree.Full(x.FQDN)
	var types []uint16
	switch x.Type {
	case "CNAME":
		types = []uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA}
		if challenge(x) {
			types = []uint16{dns.TypeCNAME, dns.TypeTXT} // what stands beside it there is a TXT that an earlier certificate left
		}
	case "ALIAS":
		types = []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME}
	case "A":
		types = []uint16{dns.TypeA, dns.TypeCNAME}
	case "AAAA":
		types = []uint16{dns.TypeAAAA, dns.TypeA, dns.TypeCNAME}
	case "SPF_MERGE":
		types = []uint16{dns.TypeTXT}
	default:
		t, ok := dns.StringToType[x.Type]
		if !ok {
			return nil
		}
		types = []uint16{t}
	}
	if c.Question.Depth == analysis.Light {
		types = types[:own(x)]
	}
	asks := make([]tree.Key, len(types))
	for i, t := range types {
		asks[i] = tree.Key{Name: name, Type: t}
	}
	return asks
}

// challenge says that a record hands the challenges of a CA over to us (RFC 8555 section 8.4).
func challenge(x analysis.Expected) bool {
	return x.Type == "CNAME" && strings.HasPrefix(x.FQDN, "_acme-challenge.")
}

// typeOf is the type by which a record stands in the DNS.
func typeOf(x analysis.Expected) uint16 {
	if x.Type == "SPF_MERGE" {
		return dns.TypeTXT
	}
	return dns.StringToType[x.Type]
}

// own is how many of a record's needs hold the record itself. A server that answers these and fails on the others, as some do on every
// type that they do not know, has the record as far as anybody can see.
func own(x analysis.Expected) int {
	if x.Type == "ALIAS" {
		return 2
	}
	return 1
}

// Judge says how far an expected record stands, by all servers that answered and by nobody else.
func (c *Case) Judge(x analysis.Expected, m *tree.Matrix) analysis.RecordResult {
	out := analysis.RecordResult{Key: x.Key, Status: Unverifiable, Observed: []analysis.ServerRRset{}, Seen: []string{}}
	asks := c.Needs(x)
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
	t := m.Tally(asks[:own(x)], func(get func(tree.Key) tree.Answer) bool { return c.has(x, name, get) })
	out.Have, out.Of = int32(t.Have), int32(t.Of)
	switch {
	case t.Of == 0:
		return out
	case t.Have == t.Of && t.Quorum:
		out.Status = OK
		if x.Type == "ALIAS" {
			out.Status = Flattened
			out.Finding = new(finding.New(finding.RecordFlattened, params{"name": x.FQDN}, t.Proof...))
		}
		if others := foreignMX(x, out.Seen); len(others) > 0 {
			out.Finding = new(finding.New(finding.MXForeign, params{"name": x.FQDN, "values": others, "desired": x.Value}, t.Proof...))
		}
		return out
	case t.Have > 0:
		if !t.Quorum {
			out.Of = int32(m.Names)
		}
		out.Status = Partial
		out.Finding = new(finding.New(finding.RecordPartial, params{"name": x.FQDN, "have": out.Have, "of": out.Of}, t.Proof...))
		return out
	case c.Question.Depth == analysis.Light:
		out.Status = Pending // what stands there instead is for a full pass to say
		return out
	}
	v := tree.Look(name, t.Lacking, nil)
	code, status, p := c.explain(x, name, v)
	p["name"] = x.FQDN
	if code == finding.WrongValue || code == finding.RecordAbsent {
		p["type"] = x.Type
	}
	if len(v.IDs) == 0 {
		v.IDs = t.Proof
	}
	if x.Purpose == "SPF" && status != Conflict {
		if text, ok := c.merged(x, v); ok {
			out.Type, out.Value = "TXT", text
		}
	}
	out.Status, out.Finding = status, new(finding.New(code, p, v.IDs...))
	return out
}

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
		if list, low := tree.Observed(a.Reply, k.Name, k.Type); len(list) > 0 && (a.Authoritative || k.Type == dns.TypeNS) {
			out.Values, out.TTL = append(out.Values, list...), low
		}
	}
	slices.Sort(out.Values)
	out.Values = slices.Compact(out.Values)
	return out
}

// has says that one server's answers hold the record, and nothing that contradicts it.
func (c *Case) has(x analysis.Expected, name string, get func(tree.Key) tree.Answer) bool {
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
	switch {
	case mail(x):
		return hasMail(x, set(typeOf(x)))
	case handing(x):
		return c.hands(x, name, get(tree.Key{Name: name, Type: dns.TypeNS}))
	}
	switch x.Type {
	case "CNAME":
		list := set(dns.TypeCNAME)
		if challenge(x) {
			return len(list) == 1 && list[0] == want && len(set(dns.TypeTXT)) == 0
		}
		return len(list) == 1 && list[0] == want && len(set(dns.TypeA))+len(set(dns.TypeAAAA)) == 0
	case "ALIAS":
		if alias := set(dns.TypeCNAME); len(alias) > 0 {
			return len(alias) == 1 && alias[0] == want && !c.isApex(name)
		}
		list := append(set(dns.TypeA), set(dns.TypeAAAA)...)
		return len(list) > 0 && len(c.Foreign(list)) == 0
	case "A", "AAAA":
		list := set(dns.StringToType[x.Type])
		return slices.Contains(list, want) && len(c.Foreign(list)) == 0
	}
	return slices.Contains(set(dns.StringToType[x.Type]), want)
}

// Foreign gives the addresses that are neither our edge's nor asked for.
func (c *Case) Foreign(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(t string) bool {
		a, err := netip.ParseAddr(t)
		return err == nil && slices.Contains(c.Ours, a)
	})
}
