package tree

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

// Key is one RRset that is wanted.
type Key struct {
	Name string
	Type uint16
}

// Matrix holds what each address of each name server of a zone answered for the RRsets that decide.
type Matrix struct {
	Zone      string
	Names     int      // of name servers that count: those we can reach from here
	NoAddress []string // names of servers without an address that may be asked
	Columns   []*Column
	Short     bool // a budget ran out before everything was asked
	Ours      int  // addresses that our own network cannot reach
}

// Column is one address of one name server.
type Column struct {
	Server
	Verdict analysis.ServerVerdict
	Rcode   string
	Elapsed float64
	SOA     *dns.SOA
	ID      ident.ObservationID // of its first answer
	Got     map[Key]Answer      // what it answered with authority, and its referrals
	Failed  []Answer            // what it answered otherwise, or not at all, though it serves the zone
	Missed  []Key               // the questions to that
}

// Responsive says that the server serves the zone.
func (c *Column) Responsive() bool {
	return c.Verdict == analysis.ServerOK || c.Verdict == analysis.ServerSlow
}

const perServer = 6 // questions under way to one address

// AskAll asks every address of the zone's servers, all at the same time; each first for what tells whether it serves the zone, so that a
// dead one costs one question: the SOA of the zone, or in a light pass the first of asks. A first analysis, for whose answer somebody
// waits, asks everything at once instead: a far server costs one way there and back less.
func (r *Session) AskAll(ctx context.Context, z Cut, asks []Key, light bool) *Matrix {
	m := &Matrix{Zone: z.Apex, Names: len(z.Servers)}
	unreachable := map[string]int{}
	lists, failed := make([][]netip.Addr, len(z.Servers)), make([]error, len(z.Servers))
	var wg sync.WaitGroup
	for i, s := range z.Servers {
		if lists[i] = s.Addrs; len(s.Addrs) == 0 {
			wg.Go(func() { lists[i], failed[i] = r.addresses(ctx, s.Name, nil) })
		}
	}
	wg.Wait()
	for i, s := range z.Servers {
		switch {
		case errors.Is(failed[i], ErrNoAddress):
			m.NoAddress = append(m.NoAddress, Plain(s.Name))
		case errors.Is(failed[i], ErrBudget):
			m.Short = true
		}
		for _, a := range lists[i] {
			m.Columns = append(m.Columns, &Column{Server: Server{s.Name, a}, Got: map[Key]Answer{}})
		}
	}
	if len(asks) == 0 || !light {
		asks = append([]Key{{z.Apex, dns.TypeSOA}}, asks...)
	}
	errs := make([]error, len(m.Columns))
	for i, c := range m.Columns {
		wg.Go(func() {
			errs[i] = r.askColumn(ctx, z.Apex, c, asks)
			r.keep(z.Apex, c.Got)
		})
	}
	wg.Wait()
	kept := m.Columns[:0]
	for i, c := range m.Columns {
		switch {
		case errors.Is(errs[i], wire.ErrPrivate):
			unreachable[c.Name]++
			if !slices.Contains(m.NoAddress, Plain(c.Name)) {
				m.NoAddress = append(m.NoAddress, Plain(c.Name))
			}
		case errors.Is(errs[i], wire.ErrOurs):
			unreachable[c.Name]++
			m.Ours++
		case errors.Is(errs[i], ErrBudget):
			m.Short = true
		default:
			kept = append(kept, c)
		}
	}
	m.Columns = kept
	for name := range unreachable {
		has := slices.ContainsFunc(kept, func(c *Column) bool { return c.Name == name })
		if !has && !slices.Contains(m.NoAddress, Plain(name)) {
			m.Names-- // only our network is to blame for not hearing from it
		}
	}
	return m
}

func (r *Session) askColumn(ctx context.Context, apex string, c *Column, asks []Key) error {
	got := make([]Answer, len(asks))
	errs := make([]error, len(asks))
	var wg sync.WaitGroup
	slots := make(chan struct{}, perServer)
	askRest := func() {
		for i, k := range asks[1:] {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				got[i+1], errs[i+1] = r.askTwice(ctx, apex, c.Server, k)
			})
		}
	}
	eager := r.place.Rank == wire.First
	if eager {
		askRest()
	}
	first := asks[0]
	a, err := r.ask(ctx, Deciding, apex, c.Server, first.Name, first.Type, udpThenTCP)
	if err == nil && a.Rcode == dns.RcodeServerFailure {
		a, err = r.ask(ctx, Deciding, apex, c.Server, first.Name, first.Type, udpThenTCP)
	}
	stop := c.judge(apex, first, a, err)
	serves := stop == nil && c.Responsive()
	if serves && !eager {
		askRest()
	}
	wg.Wait()
	if !serves {
		return stop
	}
	for i, k := range asks[1:] {
		if stopped := c.take(apex, k, got[i+1], errs[i+1]); stopped != nil {
			stop = stopped
		}
	}
	return stop
}

// askTwice asks again when the server failed without saying anything: once is an accident.
func (r *Session) askTwice(ctx context.Context, apex string, s Server, k Key) (Answer, error) {
	a, err := r.ask(ctx, Deciding, apex, s, k.Name, k.Type, udpThenTCP)
	if err == nil && a.Rcode == dns.RcodeServerFailure && len(a.Answer) == 0 {
		return r.ask(ctx, Deciding, apex, s, k.Name, k.Type, udpThenTCP)
	}
	return a, err
}

// take notes what a server that serves the zone said to a question; the error says that no time was left for it.
func (c *Column) take(apex string, k Key, a Answer, err error) error {
	switch {
	case errors.Is(err, ErrBudget) || errors.Is(err, wire.ErrStopped):
		return ErrBudget
	case err == nil && answers(apex, a):
		c.Got[k] = a
	default:
		c.Failed, c.Missed = append(c.Failed, a), append(c.Missed, k)
	}
	return nil
}

// judge classes the server by its first answer. The error says that this address is none of the zone's business: not public, not
// reachable from here, or no time left.
func (c *Column) judge(apex string, first Key, a Answer, err error) error {
	c.ID, c.Elapsed = a.ID, float64(a.Elapsed.Microseconds())/1000
	c.Rcode = dns.RcodeToString[a.Rcode]
	switch {
	case errors.Is(err, wire.ErrPrivate) || errors.Is(err, wire.ErrOurs):
		return err
	case errors.Is(err, ErrBudget) || errors.Is(err, wire.ErrStopped):
		return ErrBudget
	case errors.Is(err, wire.ErrGarbled):
		c.Verdict, c.Rcode = analysis.ServerLame, ""
	case err != nil:
		c.Verdict, c.Rcode = analysis.ServerTimeout, ""
	case a.Rcode == dns.RcodeRefused:
		c.Verdict = analysis.ServerRefused
	case a.Rcode == dns.RcodeServerFailure:
		c.Verdict = analysis.ServerServfail
	case !answers(apex, a), first == Key{apex, dns.TypeSOA} && len(a.At(apex, dns.TypeSOA)) == 0 && len(a.Aliases(apex)) == 0:
		c.Verdict = analysis.ServerLame
	default:
		c.Verdict = analysis.ServerOK
		if a.Elapsed > slow {
			c.Verdict = analysis.ServerSlow
		}
		c.Got[first] = a
		for _, rr := range a.At(apex, dns.TypeSOA) {
			c.SOA, _ = rr.(*dns.SOA)
		}
	}
	return nil
}

// Tally counts name servers, not addresses: one has a record when each of its addresses that answered has it.
type Tally struct {
	Have, Of int
	Quorum   bool // at least half of the zone's name servers answered
	Proof    []ident.ObservationID
	Lacking  []*Column // columns that answered and do not have it
}

// Tally counts who has what, of the servers that answered all of asks: has says it of one, given what it answered.
func (m *Matrix) Tally(asks []Key, has func(get func(Key) Answer) bool) Tally {
	var t Tally
	answered, lacks := map[string]bool{}, map[string]bool{}
	for _, c := range m.Columns {
		if !c.Responsive() || slices.ContainsFunc(asks, func(k Key) bool { _, ok := c.Got[k]; return !ok }) {
			continue
		}
		answered[c.Name] = true
		t.Proof = append(t.Proof, c.Got[asks[0]].ID)
		if !has(func(k Key) Answer { return c.Got[k] }) {
			lacks[c.Name] = true
			t.Lacking = append(t.Lacking, c)
		}
	}
	t.Of, t.Have = len(answered), len(answered)-len(lacks)
	t.Quorum = t.Of > 0 && 2*t.Of >= m.Names
	return t
}

// View is what stands at one name, put together from several answers.
type View struct {
	Sets     map[uint16][]string
	TTLs     map[uint16]int32 // the longest that was seen, by type
	Multiple bool             // one server answered several CNAMEs
	Servers  []string         // of a delegation at or above the name
	IDs      []ident.ObservationID
}

// Has says that the name has records of a type.
func (v View) Has(qtype uint16) bool { return len(v.Sets[qtype]) > 0 }

// Look merges what the columns, and the answers of discovery, say about a name.
func Look(name string, columns []*Column, extra map[Key]Answer) View {
	v := View{Sets: map[uint16][]string{}, TTLs: map[uint16]int32{}}
	add := func(k Key, a Answer) {
		if k.Name != name {
			return
		}
		for _, qtype := range []uint16{k.Type, dns.TypeCNAME} {
			rrs := a.At(name, qtype)
			if len(rrs) == 0 {
				continue
			}
			v.Sets[qtype] = append(v.Sets[qtype], Values(rrs)...)
			v.TTLs[qtype] = max(v.TTLs[qtype], *lowest(rrs))
			v.IDs = append(v.IDs, a.ID)
			v.Multiple = v.Multiple || qtype == dns.TypeCNAME && len(Values(rrs)) > 1
			if qtype == dns.TypeCNAME {
				break
			}
		}
		if !a.Authoritative {
			for _, rr := range a.Authority {
				if ns, ok := rr.(*dns.NS); ok && Within(ns.Hdr.Name, name) {
					v.Servers = append(v.Servers, clean(Value(ns)))
				}
			}
		}
	}
	for _, c := range columns {
		for k, a := range c.Got {
			add(k, a)
		}
	}
	for k, a := range extra {
		add(k, a)
	}
	for qtype, list := range v.Sets {
		slices.Sort(list)
		v.Sets[qtype] = slices.Compact(list)
	}
	slices.Sort(v.Servers)
	v.Servers = slices.Compact(v.Servers)
	return v
}

// Responsive lists the columns of servers that serve the zone.
func (m *Matrix) Responsive() []*Column {
	return slices.DeleteFunc(slices.Clone(m.Columns), func(c *Column) bool { return !c.Responsive() })
}

// View is the matrix for people.
func (m *Matrix) View(chain []string) *analysis.ZoneView {
	v := &analysis.ZoneView{Apex: Plain(m.Zone), Chain: []string{}, NameServers: []analysis.NameServer{}, Serials: []int64{}, Dnssec: analysis.DnssecUnknown}
	for _, name := range chain {
		v.Chain = append(v.Chain, Plain(name))
	}
	for _, c := range m.Columns {
		ns := analysis.NameServer{Name: Plain(c.Name), Address: c.Addr.String(), Verdict: c.Verdict, ElapsedMs: c.Elapsed}
		if c.SOA != nil {
			ns.Serial = new(int64(c.SOA.Serial))
			v.Serials = append(v.Serials, *ns.Serial)
		}
		v.NameServers = append(v.NameServers, ns)
	}
	slices.Sort(v.Serials)
	v.Serials = slices.Compact(v.Serials)
	return v
}
