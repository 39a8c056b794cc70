package authority

import (
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// data is one immutable version of a zone, indexed for answering.
type data struct {
	zone   *Zone
	base   *data // what a patched view was made from
	serial uint32
	sets   map[key]*rrset
	nodes  map[string]*node // every name that exists, empty non-terminals included

	once  sync.Once
	chain []string // owner names of the NSEC chain in canonical order

	sigs sync.Map // sigKey -> *dns.RRSIG
}

type node struct {
	sets  map[uint16][]dns.RR
	alias *dns.CNAME
}

func newData(z *Zone, serial uint32, sets map[key]*rrset) *data {
	d := &data{zone: z, serial: serial, sets: sets, nodes: map[string]*node{}}
	soa := z.soa
	soa.Serial = serial
	d.node(z.apex).sets[dns.TypeSOA] = []dns.RR{&soa}
	if z.sign != nil {
		d.node(z.apex).sets[dns.TypeDNSKEY] = z.sign.keys()
	}
	for k, s := range sets {
		n := d.node(k.name)
		if k.typ == "ALIAS" {
			n.alias = s.rrs[0].(*dns.CNAME)
			continue
		}
		n.sets[dns.StringToType[k.typ]] = s.rrs
	}
	return d
}

// node finds or makes a name and every name between it and the apex (RFC 4592 section 2.2.2).
func (d *data) node(name string) *node {
	n := d.nodes[name]
	if n == nil {
		n = &node{sets: map[uint16][]dns.RR{}}
		d.nodes[name] = n
		if name != d.zone.apex {
			d.node(parent(name))
		}
	}
	return n
}

func parent(name string) string {
	if i, end := dns.NextLabel(name, 0); !end {
		return name[i:]
	}
	return "."
}

// cut returns the highest delegation at or above name inside the zone, or "".
func (d *data) cut(name string) string {
	found := ""
	for n := name; n != d.zone.apex && n != "."; n = parent(n) {
		if node := d.nodes[n]; node != nil && node.sets[dns.TypeNS] != nil {
			found = n
		}
	}
	return found
}

// soaRR is the SOA with the TTL of a negative answer (RFC 2308 section 3).
func (d *data) soaRR() dns.RR {
	soa := dns.Copy(d.nodes[d.zone.apex].sets[dns.TypeSOA][0]).(*dns.SOA)
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	return soa
}

// nsecChain lists the names that have an NSEC: those with data that are not below a delegation.
func (d *data) nsecChain() []string {
	d.once.Do(func() {
		for name, n := range d.nodes {
			if len(n.sets) == 0 && n.alias == nil {
				continue
			}
			if c := d.cut(name); c == "" || c == name {
				d.chain = append(d.chain, name)
			}
		}
		slices.SortFunc(d.chain, canonicalCompare)
	})
	return d.chain
}

// canonicalCompare is the order of RFC 4034 section 6.1 for lower-case names.
func canonicalCompare(a, b string) int {
	x, y := dns.SplitDomainName(a), dns.SplitDomainName(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.CompareFunc(x, y, strings.Compare)
}
