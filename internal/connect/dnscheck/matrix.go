package dnscheck

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// ask is one RRset that is wanted.
type ask struct {
	name  string
	qtype uint16
}

// matrix holds what each address of each name server of a zone answered for the RRsets that decide.
type matrix struct {
	zone      string
	names     int      // of name servers that count: those we can reach from here
	noAddress []string // names of servers without an address that may be asked
	columns   []*column
	cut       bool // a budget ran out before everything was asked
	ours      int  // addresses that our own network cannot reach
}

// column is one address of one name server.
type column struct {
	server
	verdict analysis.ServerVerdict
	rcode   string
	elapsed float64
	soa     *dns.SOA
	id      ident.ObservationID // of its first answer
	got     map[ask]answer      // what it answered with authority, and its referrals
}

func (c *column) responsive() bool {
	return c.verdict == analysis.ServerOK || c.verdict == analysis.ServerSlow
}

const perServer = 6 // questions under way to one address

// askAll asks every address of the zone's servers, all at the same time; each first for what tells whether it serves the zone, so that a
// dead one costs one question.
func (r *run) askAll(ctx context.Context, z cut, asks []ask) *matrix {
	m := &matrix{zone: z.apex, names: len(z.servers)}
	unreachable := map[string]int{}
	lists, failed := make([][]netip.Addr, len(z.servers)), make([]error, len(z.servers))
	var wg sync.WaitGroup
	for i, s := range z.servers {
		if lists[i] = s.addrs; len(s.addrs) == 0 {
			wg.Go(func() { lists[i], failed[i] = r.addresses(ctx, s.name, nil) })
		}
	}
	wg.Wait()
	for i, s := range z.servers {
		switch {
		case errors.Is(failed[i], errNoAddress):
			m.noAddress = append(m.noAddress, plain(s.name))
		case errors.Is(failed[i], errBudget):
			m.cut = true
		}
		for _, a := range lists[i] {
			m.columns = append(m.columns, &column{server: server{s.name, a}, got: map[ask]answer{}})
		}
	}
	if len(asks) == 0 || r.q.Depth != analysis.Light {
		asks = append([]ask{{z.apex, dns.TypeSOA}}, asks...)
	}
	errs := make([]error, len(m.columns))
	for i, c := range m.columns {
		wg.Go(func() { errs[i] = r.askColumn(ctx, z.apex, c, asks) })
	}
	wg.Wait()
	kept := m.columns[:0]
	for i, c := range m.columns {
		switch {
		case errors.Is(errs[i], wire.ErrPrivate):
			unreachable[c.name]++
			if !slices.Contains(m.noAddress, plain(c.name)) {
				m.noAddress = append(m.noAddress, plain(c.name))
			}
		case errors.Is(errs[i], wire.ErrOurs):
			unreachable[c.name]++
			m.ours++
		case errors.Is(errs[i], errBudget):
			m.cut = true
		default:
			kept = append(kept, c)
		}
	}
	m.columns = kept
	for name := range unreachable {
		has := slices.ContainsFunc(kept, func(c *column) bool { return c.name == name })
		if !has && !slices.Contains(m.noAddress, plain(name)) {
			m.names-- // only our network is to blame for not hearing from it
		}
	}
	return m
}

func (r *run) askColumn(ctx context.Context, apex string, c *column, asks []ask) error {
	first := asks[0]
	a, err := r.ask(ctx, deciding, c.server, first.name, first.qtype, udpThenTCP)
	if stop := c.judge(apex, first, a, err); stop != nil || !c.responsive() {
		return stop
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	slots := make(chan struct{}, perServer)
	for _, k := range asks[1:] {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			a, err := r.ask(ctx, deciding, c.server, k.name, k.qtype, udpThenTCP)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, errBudget) || errors.Is(err, wire.ErrStopped):
				failed = errBudget
			case err == nil && answers(apex, a):
				c.got[k] = a
			}
		})
	}
	wg.Wait()
	return failed
}

// judge classes the server by its first answer. The error says that this address is none of the zone's business: not public, not
// reachable from here, or no time left.
func (c *column) judge(apex string, first ask, a answer, err error) error {
	c.id, c.elapsed = a.id, float64(a.Elapsed.Microseconds())/1000
	c.rcode = dns.RcodeToString[a.Rcode]
	switch {
	case errors.Is(err, wire.ErrPrivate) || errors.Is(err, wire.ErrOurs):
		return err
	case errors.Is(err, errBudget) || errors.Is(err, wire.ErrStopped):
		return errBudget
	case errors.Is(err, wire.ErrGarbled):
		c.verdict, c.rcode = analysis.ServerLame, ""
	case err != nil:
		c.verdict, c.rcode = analysis.ServerTimeout, ""
	case a.Rcode == dns.RcodeRefused:
		c.verdict = analysis.ServerRefused
	case a.Rcode == dns.RcodeServerFailure:
		c.verdict = analysis.ServerServfail
	case !answers(apex, a), first == ask{apex, dns.TypeSOA} && len(a.At(apex, dns.TypeSOA)) == 0:
		c.verdict = analysis.ServerLame
	default:
		c.verdict = analysis.ServerOK
		if a.Elapsed > slow {
			c.verdict = analysis.ServerSlow
		}
		c.got[first] = a
		for _, rr := range a.At(apex, dns.TypeSOA) {
			c.soa, _ = rr.(*dns.SOA)
		}
	}
	return nil
}

// tally counts name servers, not addresses: one has a record when each of its addresses that answered has it.
type tally struct {
	have, of int
	quorum   bool // at least half of the zone's name servers answered
	proof    []ident.ObservationID
	lacking  []*column // columns that answered and do not have it
}

func (m *matrix) tally(asks []ask, has func(get func(ask) answer) bool) tally {
	var t tally
	answered, lacks := map[string]bool{}, map[string]bool{}
	for _, c := range m.columns {
		if !c.responsive() || slices.ContainsFunc(asks, func(k ask) bool { _, ok := c.got[k]; return !ok }) {
			continue
		}
		answered[c.name] = true
		t.proof = append(t.proof, c.got[asks[0]].id)
		if !has(func(k ask) answer { return c.got[k] }) {
			lacks[c.name] = true
			t.lacking = append(t.lacking, c)
		}
	}
	t.of, t.have = len(answered), len(answered)-len(lacks)
	t.quorum = t.of > 0 && 2*t.of >= m.names
	return t
}

// view is what stands at one name, put together from several answers.
type view struct {
	sets     map[uint16][]string
	ttl      int32 // the longest that was seen
	multiple bool  // one server answered several CNAMEs
	servers  []string
	ids      []ident.ObservationID
}

func (v view) has(qtype uint16) bool { return len(v.sets[qtype]) > 0 }

// look merges what the columns, and the answers of discovery, say about a name.
func look(name string, columns []*column, extra map[ask]answer) view {
	v := view{sets: map[uint16][]string{}}
	add := func(k ask, a answer) {
		if k.name != name {
			return
		}
		for _, qtype := range []uint16{k.qtype, dns.TypeCNAME} {
			rrs := a.At(name, qtype)
			if len(rrs) == 0 {
				continue
			}
			v.sets[qtype] = append(v.sets[qtype], values(rrs)...)
			v.ttl = max(v.ttl, *ttl(rrs))
			v.ids = append(v.ids, a.id)
			v.multiple = v.multiple || qtype == dns.TypeCNAME && len(values(rrs)) > 1
			if qtype == dns.TypeCNAME {
				break
			}
		}
		if !a.Authoritative {
			for _, rr := range a.Authority {
				if ns, ok := rr.(*dns.NS); ok && within(ns.Hdr.Name, name) {
					v.servers = append(v.servers, clean(value(ns)))
				}
			}
		}
	}
	for _, c := range columns {
		for k, a := range c.got {
			add(k, a)
		}
	}
	for k, a := range extra {
		add(k, a)
	}
	for qtype, list := range v.sets {
		slices.Sort(list)
		v.sets[qtype] = slices.Compact(list)
	}
	slices.Sort(v.servers)
	v.servers = slices.Compact(v.servers)
	return v
}

func (m *matrix) responsive() []*column {
	return slices.DeleteFunc(slices.Clone(m.columns), func(c *column) bool { return !c.responsive() })
}

// zoneView is the matrix for people.
func (m *matrix) zoneView(chain []string) *analysis.ZoneView {
	v := &analysis.ZoneView{Apex: plain(m.zone), Chain: []string{}, NameServers: []analysis.NameServer{}, Serials: []int64{}, Dnssec: analysis.DnssecUnknown}
	for _, name := range chain {
		v.Chain = append(v.Chain, plain(name))
	}
	for _, c := range m.columns {
		ns := analysis.NameServer{Name: plain(c.name), Address: c.addr.String(), Verdict: c.verdict, ElapsedMs: c.elapsed}
		if c.soa != nil {
			ns.Serial = new(int64(c.soa.Serial))
			v.Serials = append(v.Serials, *ns.Serial)
		}
		v.NameServers = append(v.NameServers, ns)
	}
	slices.Sort(v.Serials)
	v.Serials = slices.Compact(v.Serials)
	return v
}
