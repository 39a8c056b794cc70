// Package authority plays authoritative name servers: zones that are edited like at a provider, and servers
// that answer for them as RFC 1034 and its successors say, unless a fault tells them not to.
//
// A zone is a chain of versions. Each server of the zone shows the newest version that has reached it, so a
// server can lag behind; a record can also be put on one server alone.
package authority

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Zone is one zone with its history. Its methods may be called at the same time.
type Zone struct {
	apex  string
	now   func() time.Time
	alias Flattener
	sign  *Signer // nil: unsigned
	soa   dns.SOA

	mu       sync.Mutex
	versions []version // oldest first, never empty
	lags     map[string]time.Duration
	patches  map[string]map[key]*rrset // by server; nil means absent there
	views    map[string]*data          // cache of patched data by server
}

// Flattener asks for the addresses of an ALIAS target; it answers nil, false when nobody could be asked.
type Flattener func(ctx context.Context, target string, qtype uint16) ([]dns.RR, bool)

// Options of a new zone.
type Options struct {
	Apex       string
	NS         []string         // names of its servers
	Mname      string           // primary in the SOA; the first server when empty
	Rname      string           // mailbox in the SOA; hostmaster at the apex when empty
	Negative   time.Duration    // how long caches keep "no such name"; 15 minutes when 0
	Now        func() time.Time // the world's clock
	Signed     bool
	Signer     *Signer   // the keys of a zone that several servers load by themselves; made when nil and Signed
	Flatten    Flattener // nil: the zone refuses ALIAS
	FlattenTop bool      // a CNAME at the apex is stored as ALIAS
}

type key struct {
	name string
	typ  string
}

type rrset struct {
	RRset
	rrs []dns.RR
}

type version struct {
	data  *data
	reach map[string]time.Time // when it reaches a server that lags
}

// history bounds what a zone keeps of its past; a server that lags by more edits shows the oldest kept.
const history = 512

// NewZone makes a zone with its SOA and NS records.
func NewZone(o Options) *Zone {
	apex := dns.CanonicalName(o.Apex)
	negative := uint32(cmp.Or(o.Negative, 15*time.Minute) / time.Second)
	z := &Zone{
		apex: apex, now: o.Now, alias: o.Flatten,
		lags: map[string]time.Duration{}, patches: map[string]map[key]*rrset{}, views: map[string]*data{},
		soa: dns.SOA{
			Hdr:     dns.RR_Header{Name: apex, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: max(negative, 300)},
			Ns:      dns.CanonicalName(cmp.Or(o.Mname, slices.Concat(o.NS, []string{apex})[0])),
			Mbox:    dns.CanonicalName(cmp.Or(o.Rname, strings.TrimSuffix("hostmaster."+apex, "."))),
			Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: negative,
		},
	}
	if z.sign = o.Signer; o.Signed && z.sign == nil {
		z.sign = NewSigner(apex)
	}
	sets := map[key]*rrset{}
	if len(o.NS) > 0 {
		ns := RRset{Name: "@", Type: "NS", TTL: 3600, Values: o.NS}
		rrs, err := parseSet(apex, ns)
		if err != nil {
			panic("lab: name servers of " + apex + ": " + err.Error())
		}
		sets[key{apex, "NS"}] = &rrset{ns, rrs}
	}
	z.versions = []version{{data: newData(z, 1, sets)}}
	return z
}

// Load makes a zone of any records, also of those that no provider's form would take: several CNAMEs at one name, types that Put does
// not know, nonsense. A SOA among them is the zone's.
func Load(o Options, rrs []dns.RR) *Zone {
	z := NewZone(o)
	sets, serial := map[key]*rrset{}, uint32(1)
	for _, rr := range rrs {
		rr = dns.Copy(rr)
		h := rr.Header()
		h.Name = dns.CanonicalName(h.Name)
		if soa, ok := rr.(*dns.SOA); ok {
			z.soa, serial = *soa, soa.Serial
			continue
		}
		k := key{h.Name, dns.Type(h.Rrtype).String()}
		if sets[k] == nil {
			sets[k] = &rrset{RRset: RRset{Name: relative(z.apex, h.Name), Type: k.typ, TTL: h.Ttl}}
		}
		sets[k].rrs = append(sets[k].rrs, rr)
		sets[k].Values = append(sets[k].Values, strings.TrimPrefix(rr.String(), h.String()))
	}
	z.versions = []version{{data: newData(z, serial, sets)}}
	return z
}

// Apex is the zone's name with the final dot.
func (z *Zone) Apex() string { return z.apex }

// Serial is the newest version's.
func (z *Zone) Serial() uint32 {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.last().serial
}

// Put replaces all values of one type at one name, on every server, and ends what was different about them
// on single servers. It answers *InputError when the edit makes no sense.
func (z *Zone) Put(set RRset) error {
	k, s, err := z.parse(set)
	if err != nil {
		return err
	}
	z.edit(k, s)
	return nil
}

// Remove deletes all values of one type at one name and says whether there were any.
func (z *Zone) Remove(name, typ string) (bool, error) {
	k, err := z.key(name, typ)
	if err != nil {
		return false, err
	}
	return z.edit(k, nil), nil
}

// PutOn changes one server alone, as a broken synchronisation between servers does.
func (z *Zone) PutOn(server string, set RRset) error {
	k, s, err := z.parse(set)
	if err != nil {
		return err
	}
	z.patch(server, k, s)
	return nil
}

// RemoveOn deletes on one server alone.
func (z *Zone) RemoveOn(server, name, typ string) error {
	k, err := z.key(name, typ)
	if err != nil {
		return err
	}
	z.patch(server, k, nil)
	return nil
}

// Find returns what is stored for one type at one name.
func (z *Zone) Find(name, typ string) (RRset, bool) {
	k, err := z.key(name, typ)
	if err != nil {
		return RRset{}, false
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	s := z.last().sets[k]
	if s == nil {
		return RRset{}, false
	}
	return s.clone(), true
}

// All returns the zone's content, apex first, then by name and type.
func (z *Zone) All() []RRset {
	z.mu.Lock()
	sets := z.last().sets
	z.mu.Unlock()
	out := make([]RRset, 0, len(sets))
	for _, s := range sets {
		out = append(out, s.clone())
	}
	slices.SortFunc(out, func(a, b RRset) int {
		apex := func(r RRset) int {
			if r.Name == "@" {
				return 0
			}
			return 1
		}
		return cmp.Or(apex(a)-apex(b), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
	})
	return out
}

// Lag makes later edits reach one server d after the others. A shorter lag also brings what is under way;
// 0 brings it at once.
func (z *Zone) Lag(server string, d time.Duration) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.lags[server] = d
	latest := z.now().Add(d)
	for i := range z.versions {
		if at, ok := z.versions[i].reach[server]; ok && at.After(latest) {
			z.versions[i].reach[server] = latest
		}
	}
	delete(z.views, server)
}

// DS returns the delegation signer record of a signed zone, for its parent, or nil.
func (z *Zone) DS() *dns.DS {
	if z.sign == nil {
		return nil
	}
	return z.sign.DS()
}

func (z *Zone) parse(set RRset) (key, *rrset, error) {
	set.Type = strings.ToUpper(strings.TrimSpace(set.Type))
	if set.Type == "CNAME" && z.alias != nil && (set.Name == "@" || set.Name == "") {
		set.Type = "ALIAS"
	}
	k, err := z.key(set.Name, set.Type)
	if err != nil {
		return key{}, nil, err
	}
	rrs, err := parseSet(k.name, set)
	if err != nil {
		return key{}, nil, err
	}
	set.Name, set.Values = relative(z.apex, k.name), slices.Clone(set.Values)
	return k, &rrset{set, rrs}, nil
}

func (z *Zone) key(name, typ string) (key, error) {
	typ = strings.ToUpper(strings.TrimSpace(typ))
	if !slices.Contains(Types, typ) || typ == "ALIAS" && z.alias == nil {
		return key{}, &InputError{"type", "cannot be edited here"}
	}
	owner, err := Owner(z.apex, name)
	return key{owner, typ}, err
}

func (z *Zone) last() *data { return z.versions[len(z.versions)-1].data }

func (z *Zone) edit(k key, s *rrset) (existed bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	old := z.last()
	sets := maps.Clone(old.sets)
	existed = sets[k] != nil
	if s == nil {
		delete(sets, k)
	} else {
		sets[k] = s
	}
	for server := range z.patches {
		delete(z.patches[server], k)
	}
	v := version{data: newData(z, old.serial+1, sets), reach: map[string]time.Time{}}
	for server, lag := range z.lags {
		if lag > 0 {
			v.reach[server] = z.now().Add(lag)
		}
	}
	if z.versions = append(z.versions, v); len(z.versions) > history {
		z.versions = slices.Clone(z.versions[len(z.versions)-history:])
	}
	clear(z.views)
	return existed
}

func (z *Zone) patch(server string, k key, s *rrset) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.patches[server] == nil {
		z.patches[server] = map[key]*rrset{}
	}
	z.patches[server][k] = s
	delete(z.views, server)
}

// view is what one server shows now. A server with a record of its own shows a serial of its own.
func (z *Zone) view(server string) *data {
	z.mu.Lock()
	defer z.mu.Unlock()
	base := z.versions[0].data
	for _, v := range slices.Backward(z.versions) {
		if at, lagging := v.reach[server]; !lagging || !at.After(z.now()) {
			base = v.data
			break
		}
	}
	own := z.patches[server]
	if len(own) == 0 {
		return base
	}
	if v := z.views[server]; v != nil && v.base == base {
		return v
	}
	sets := maps.Clone(base.sets)
	for k, s := range own {
		if s == nil {
			delete(sets, k)
		} else {
			sets[k] = s
		}
	}
	v := newData(z, base.serial+uint32(len(own)), sets)
	v.base = base
	z.views[server] = v
	return v
}

func (s *rrset) clone() RRset {
	c := s.RRset
	c.Values = slices.Clone(c.Values)
	return c
}
