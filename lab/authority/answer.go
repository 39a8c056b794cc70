package authority

import (
	"context"
	"strings"

	"github.com/miekg/dns"
)

// reply is an answer before it becomes a message.
type reply struct {
	rcode             int
	authoritative     bool
	answer, ns, extra []dns.RR
}

// builder collects an answer; with sign every authoritative RRset gets its RRSIG.
type builder struct {
	d    *data
	sign bool
	reply
}

const maxChain = 10

// answer follows RFC 1034 section 4.3.2 with the wildcards of RFC 4592.
func (d *data) answer(ctx context.Context, q dns.Question, do bool) reply {
	b := &builder{d: d, sign: do && d.zone.sign != nil, reply: reply{authoritative: true}}
	name, asked := dns.CanonicalName(q.Name), q.Name
	seen := map[string]bool{}
	for range maxChain {
		if seen[name] {
			break // a loop of CNAMEs: what was collected is the answer
		}
		seen[name] = true
		next := b.step(ctx, name, asked, q.Qtype, len(seen) == 1)
		if next == "" || !dns.IsSubDomain(d.zone.apex, next) {
			break
		}
		name, asked = dns.CanonicalName(next), next
	}
	return b.reply
}

// step answers for one name and returns the next name of a CNAME chain, or "".
func (b *builder) step(ctx context.Context, name, asked string, qtype uint16, first bool) string {
	d := b.d
	if cut := d.cut(name); cut != "" && (cut != name || qtype != dns.TypeDS) {
		if first {
			b.referral(cut)
		}
		return ""
	}
	if target := b.dname(name, asked); target != "" {
		return target
	}
	n, owner := d.nodes[name], name
	if n == nil {
		if owner = d.wildcard(name); owner == "" {
			b.rcode = dns.RcodeNameError
			b.negative(name, false)
			return ""
		}
		n = d.nodes[owner]
		if b.sign {
			b.add(&b.ns, []dns.RR{d.covering(name)}, "", true)
		}
	}
	if qtype == dns.TypeANY {
		// RFC 8482 section 4.1: one RRset is enough.
		for _, set := range n.sets {
			b.add(&b.answer, set, asked, true)
			return ""
		}
	}
	if set := n.sets[qtype]; set != nil {
		b.add(&b.answer, set, asked, true)
		return ""
	}
	if set := n.sets[dns.TypeCNAME]; set != nil {
		b.add(&b.answer, set, asked, true)
		return set[0].(*dns.CNAME).Target
	}
	if n.alias != nil && (qtype == dns.TypeA || qtype == dns.TypeAAAA) {
		set, ok := d.zone.alias(ctx, n.alias.Target, qtype)
		if !ok {
			b.rcode = dns.RcodeServerFailure
			return ""
		}
		if len(set) > 0 {
			b.add(&b.answer, flattened(set, owner, n.alias.Hdr.Ttl), asked, false)
			return ""
		}
	}
	b.negative(name, true)
	return ""
}

// dname answers for a name below a DNAME: with it, and with the CNAME that it makes of the name (RFC 6672 section 3).
func (b *builder) dname(name, asked string) string {
	for n := name; n != b.d.zone.apex; {
		n = parent(n)
		if node := b.d.nodes[n]; node != nil && node.sets[dns.TypeDNAME] != nil {
			set := node.sets[dns.TypeDNAME]
			target := strings.TrimSuffix(name, n) + set[0].(*dns.DNAME).Target
			b.add(&b.answer, set, "", true)
			h := dns.RR_Header{Name: asked, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: set[0].Header().Ttl}
			b.answer = append(b.answer, &dns.CNAME{Hdr: h, Target: target}) // never signed
			return target
		}
	}
	return ""
}

// flattened gives addresses of the target the name and at most the TTL of the ALIAS.
func flattened(set []dns.RR, owner string, ttl uint32) []dns.RR {
	out := make([]dns.RR, 0, len(set))
	for _, rr := range set {
		c := dns.Copy(rr)
		c.Header().Name, c.Header().Ttl = owner, min(c.Header().Ttl, ttl)
		out = append(out, c)
	}
	return out
}

// wildcard finds the source of synthesis: the asterisk label at the closest encloser.
func (d *data) wildcard(name string) string {
	for n := parent(name); ; n = parent(n) {
		if d.nodes[n] != nil {
			if w := "*." + strings.TrimPrefix(n, "."); d.nodes[w] != nil {
				return w
			}
			return ""
		}
	}
}

// negative adds the SOA and, signed, the proof: NSEC for the name and, when it does not exist, for the
// wildcard that could have answered (RFC 4035 section 3.1.3).
func (b *builder) negative(name string, exists bool) {
	b.add(&b.ns, []dns.RR{b.d.soaRR()}, "", false)
	if !b.sign {
		return
	}
	first := b.d.covering(name)
	b.add(&b.ns, []dns.RR{first}, "", true)
	if exists {
		return
	}
	n := parent(name)
	for b.d.nodes[n] == nil {
		n = parent(n)
	}
	if w := b.d.covering("*." + strings.TrimPrefix(n, ".")); w.Header().Name != first.Header().Name {
		b.add(&b.ns, []dns.RR{w}, "", true)
	}
}

// referral answers with the servers of a zone below, their addresses where this zone knows them, and its DS
// or the proof that it has none.
func (b *builder) referral(cut string) {
	b.authoritative = len(b.answer) > 0
	sets := b.d.nodes[cut].sets
	b.ns = append(b.ns, sets[dns.TypeNS]...)
	if b.sign {
		if ds := sets[dns.TypeDS]; ds != nil {
			b.add(&b.ns, ds, "", true)
		} else {
			b.add(&b.ns, []dns.RR{b.d.covering(cut)}, "", true)
		}
	}
	for _, rr := range sets[dns.TypeNS] {
		if n := b.d.nodes[dns.CanonicalName(rr.(*dns.NS).Ns)]; n != nil {
			b.extra = append(b.extra, n.sets[dns.TypeA]...)
			b.extra = append(b.extra, n.sets[dns.TypeAAAA]...)
		}
	}
}

// add appends an RRset under the name that was asked, in the case that was asked, and its signature.
// stored sets keep their signature with the zone's version.
func (b *builder) add(to *[]dns.RR, set []dns.RR, asked string, stored bool) {
	rename := func(rr dns.RR) dns.RR {
		if asked == "" || rr.Header().Name == asked {
			return rr
		}
		c := dns.Copy(rr)
		c.Header().Name = asked
		return c
	}
	for _, rr := range set {
		*to = append(*to, rename(rr))
	}
	if !b.sign {
		return
	}
	sig := (*dns.RRSIG)(nil)
	if stored {
		sig = b.d.signature(set)
	} else {
		sig = b.d.zone.sign.rrsig(b.d.zone.apex, b.d.zone.now(), set)
	}
	*to = append(*to, rename(sig))
}
