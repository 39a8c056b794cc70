package zoo

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"
)

// endless are zones that would keep whoever looks at them busy for ever. What is known when the budget ends is said, and that it ended.
var endless = []Shape{
	{"EndlessChain", func(w *World) { acme("")(w); w.tell(further(), nil) }, shop, "CONFLICTING", "cname:WRONG_VALUE cname_chain", "acme.lab", "plain", 80, ""},
	{"EndlessDelegation", func(w *World) { acme("")(w); w.tell(downwards, nil) }, at(strings.Repeat("a.", 60)+"acme.lab", "acme.lab", "cname"), "ABSENT", "cname:UNVERIFIABLE lame_delegation", strings.Repeat("a.", 60) + "acme.lab", "plain", 40, ""},
	{"EndlessGlueless", func(w *World) {
		w.Add("lab", "acme 3600 NS ns.z1.wide.lab.")
		w.Zone("wide.lab", "", N1)
		w.tell(sideways(), []string{N1})
	}, shop, "ABSENT", "cname:UNVERIFIABLE delegation_loop", "acme.lab", "", 60, ""},
	{"HundredServers", func(w *World) {
		var all strings.Builder
		for i := range 100 {
			fmt.Fprintf(&all, "acme 3600 NS ns%d.gone.lab.\n", i)
		}
		w.Add("lab", all.String())
	}, shop, "ABSENT", "cname:UNVERIFIABLE no_ns_address", "acme.lab", "", 60, ""},
	{"DozenAddresses", func(w *World) {
		var addrs []netip.Addr
		for i := range byte(12) {
			addrs = append(addrs, netip.AddrFrom4([4]byte{9, 9, 1, i}))
		}
		w.ServerAt("ns1.acme.lab", addrs...)
		w.Zone("acme.lab", ours, "ns1.acme.lab")
	}, shop, "CORRECT", "cname:OK", "acme.lab", "", 45, "servers=4"},
	{"TwoHundredKeys", func(w *World) {
		acme(ours)(w)
		w.Sign("acme.lab")
		w.tell(For(func(q Query, r *dns.Msg) *dns.Msg {
			for _, rr := range r.Answer {
				if k, ok := rr.(*dns.DNSKEY); ok && k.Flags == 257 {
					for range 200 {
						r.Answer = append(r.Answer, dns.Copy(k))
					}
				}
			}
			return r
		}, dns.TypeDNSKEY), nil)
	}, shop, "CORRECT", "cname:OK", "acme.lab", "plain", 40, ""},
	{"ThreeHundredTexts", func(w *World) {
		var all strings.Builder
		all.WriteString(ours + shopTXT)
		for i := range 300 {
			fmt.Fprintf(&all, "\n_nameplate.shop 300 TXT \"%d %s\"", i, strings.Repeat("x", 60))
		}
		acme(all.String())(w)
	}, shopProof, "CORRECT", "cname:OK proof:OK", "acme.lab", "plain", 60, ""},
}

// further sends every question about shop to another name that nobody has heard of.
func further() Lie {
	var n atomic.Int64
	return func(q Query, r *dns.Msg) *dns.Msg {
		if name := q.Name(); name != "shop.acme.lab." && !strings.HasPrefix(name, "n-") || q.Type() == dns.TypeSOA || q.Type() == dns.TypeNS {
			return r
		}
		return Says(fmt.Sprintf("@ 300 CNAME n-%d.acme.lab.", n.Add(1)), "", "")(q, r)
	}
}

// downwards delegates the next label to the same servers, whatever is asked for.
func downwards(q Query, r *dns.Msg) *dns.Msg {
	if !dns.IsSubDomain("acme.lab.", q.Name()) || q.Name() == "acme.lab." {
		return r
	}
	return Refers(q.Name()+" 3600 NS "+N1+".\n"+q.Name()+" 3600 NS "+N2+".", "")(q, r)
}

// sideways makes every name below wide.lab a zone of its own, whose server lies in the next.
func sideways() Lie {
	var n atomic.Int64
	return func(q Query, r *dns.Msg) *dns.Msg {
		if !dns.IsSubDomain("wide.lab.", q.Name()) || q.Name() == "wide.lab." {
			return r
		}
		labels := dns.SplitDomainName(q.Name())
		zone := strings.Join(labels[len(labels)-3:], ".")
		return Refers(fmt.Sprintf("%s. 3600 NS ns.z%d.wide.lab.", zone, n.Add(1)+1), "")(q, r)
	}
}
