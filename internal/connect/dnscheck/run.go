package dnscheck

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Budgets of one analysis.
const (
	maxWalk      = 40  // questions for the walk and for discovery
	maxQuestions = 250 // in all
	interactive  = 3 * time.Second
	background   = 10 * time.Second
	slow         = time.Second
)

var errBudget = errors.New("the budget of questions is used up")

// run is one analysis while it goes on. What stands under mu may be touched by all its goroutines; the rest is set before they start.
type run struct {
	e     *Engine
	q     analysis.Question
	host  string // canonical
	owner string // where the routing record stands: host, or "*." before it
	zone  string // apex of the zone
	ours  []netip.Addr
	ans   analysis.Answer

	mu         sync.Mutex
	questions  int // asked in all
	walked     int // of them for walk and discovery
	unanswered int
	incomplete bool // a budget ran out before something was known
	seen       []analysis.Observation
	silent     map[netip.Addr]bool   // did not answer in this analysis: asked last
	good       map[string]netip.Addr // by zone: who answered last
	zones      map[string]found      // by name: what a walk of this analysis found
	found      map[ask]answer        // of discovery
	wild       wildcard
	bogus      *finding.Finding
	caaNow     relevant  // as the name leads today
	caaThen    *relevant // as it will lead when the expected CNAME stands; nil when there is none
}

// stage says which budget a question counts against.
type stage int

const (
	walking  stage = iota // walk and discovery
	deciding              // the RRsets that decide, and what explains them
)

// transport says how a server is asked.
type transport int

const (
	udpThenTCP transport = iota
	udpOnly              // there are other addresses to ask
	tcpOnly              // UDP was silent
)

// server is one address of a name server.
type server struct {
	name string
	addr netip.Addr
}

func (s server) String() string { return plain(s.name) + " (" + s.addr.String() + ")" }

// answer is a reply with the observation that records it.
type answer struct {
	wire.Reply
	id ident.ObservationID
	at time.Time
}

// ask puts one question to one address and records what came of it.
func (r *run) ask(ctx context.Context, st stage, s server, name string, qtype uint16, by transport) (answer, error) {
	if err := r.spend(ctx, st); err != nil {
		return answer{}, err
	}
	reply, err := r.e.client().Ask(ctx, wire.Question{
		Server: netip.AddrPortFrom(s.addr, uint16(r.e.Settings.port())), Name: name, Type: qtype,
		Timeout: r.e.Settings.timeout(r.q.Interactive), UDPOnly: by == udpOnly, TCPOnly: by == tcpOnly, Urgent: r.q.Interactive,
	})
	return r.record(s.String(), analysis.Authoritative, s.addr, name, qtype, reply, err)
}

// askResolver puts one question to a recursive resolver of the settings.
func (r *run) askResolver(ctx context.Context, res Resolver, name string, qtype uint16) (answer, error) {
	if err := r.spend(ctx, deciding); err != nil {
		return answer{}, err
	}
	reply, err := r.e.client().Ask(ctx, wire.Question{
		Server: res.Address, Name: name, Type: qtype, Recurse: true, Trusted: true,
		Timeout: r.e.Settings.timeout(r.q.Interactive), Urgent: r.q.Interactive,
	})
	return r.record(res.Name, analysis.Resolver, res.Address.Addr(), name, qtype, reply, err)
}

func (r *run) spend(ctx context.Context, st stage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil || r.questions >= maxQuestions || st == walking && r.walked >= maxWalk {
		r.incomplete = true
		return errBudget
	}
	r.questions++
	if st == walking {
		r.walked++
	}
	return nil
}

func (r *run) record(source string, kind analysis.SourceKind, addr netip.Addr, name string, qtype uint16, reply wire.Reply, err error) (answer, error) {
	now := r.e.now()
	a := answer{Reply: reply, id: ident.New[ident.ObservationID](now), at: now}
	o := analysis.Observation{
		ID: a.id, At: now, SourceKind: kind, Source: source, Family: family(addr), Type: dns.TypeToString[qtype], Name: plain(name),
		Values: []string{}, Authoritative: reply.Authoritative, ElapsedUs: int32(reply.Elapsed.Microseconds()),
	}
	if err == nil {
		o.Rcode = dns.RcodeToString[reply.Rcode]
		o.Values, o.TTL = observed(reply, name, qtype)
	} else {
		o.Error = new(err.Error())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, o)
	if err != nil {
		r.unanswered++
		switch {
		case errors.Is(err, wire.ErrStopped):
			r.incomplete = true
		case errors.Is(err, wire.ErrSilent):
			r.silent[addr] = true
		}
	}
	return a, err
}

func family(a netip.Addr) int32 {
	if a.Is4() || a.Is4In6() {
		return 4
	}
	return 6
}

func (r *run) isSilent(a netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.silent[a]
}

func (r *run) step(key, state, text string, params map[string]any) {
	if r.q.Progress != nil {
		r.q.Progress(analysis.Step{Key: key, State: state, Text: text, Params: params})
	}
}
