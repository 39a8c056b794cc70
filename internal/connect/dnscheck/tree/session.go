// Package tree asks the tree of authoritative servers: which zone a name lies in, from the root down; what one responsive server of a zone
// says; and what every one of them says. It remembers delegations, counts questions against a budget, and records each answer as an
// observation. What the answers mean is for others to judge.
package tree

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/wire"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Budgets of one session.
const (
	MaxWalk      = 40  // questions for the walk and for discovery
	MaxQuestions = 250 // in all
	slow         = time.Second
)

// ErrBudget ends a question that there is no budget for, of time or of questions.
var ErrBudget = errors.New("the budget is used up")

// Tree is what sessions share: the client with its limits, the root, and remembered delegations. Its methods may be called at the same time.
type Tree struct {
	Client *wire.Client
	Hints  []Hint // the root servers; IANA's when empty
	Port   int    // of every authoritative server
	Now    func() time.Time

	cache cache
}

// Session is the questions of one analysis. Its methods may be called at the same time.
type Session struct {
	tree    *Tree
	host    string
	place   wire.Place
	timeout time.Duration

	mu         sync.Mutex
	questions  int // asked in all
	walked     int // of them for walk and discovery
	spare      int // more of these, see Extend
	unanswered int
	incomplete bool // a budget ran out before something was known
	seen       []analysis.Observation
	silent     map[netip.Addr]bool   // did not answer in this session: asked last
	mute       map[string]error      // zones whose servers had no answer to the walk, and why: discovery asks them nothing
	good       map[string]netip.Addr // by zone: who answered last
	zones      map[string]Found      // by name: what a walk of this session found
	recalls    map[memo]*recall      // what single servers said
}

// Begin opens a session about a host. By its rank, and then as the older one, it goes before others that want the same servers; timeout is
// for one question over one transport.
func (e *Tree) Begin(host string, rank wire.Rank, timeout time.Duration) *Session {
	return &Session{
		tree: e, host: host, place: wire.Place{Rank: rank, Began: time.Now()}, timeout: timeout,
		silent: map[netip.Addr]bool{}, mute: map[string]error{}, good: map[string]netip.Addr{}, zones: map[string]Found{},
	}
}

// Stage says which budget a question counts against.
type Stage int

const (
	Walking  Stage = iota // walk and discovery
	Deciding              // the RRsets that decide, and what explains them
)

// transport says how a server is asked.
type transport int

const (
	udpThenTCP transport = iota
	udpOnly              // there are other addresses to ask
	tcpOnly              // UDP was silent
)

// Server is one address of a name server.
type Server struct {
	Name string
	Addr netip.Addr
}

func (s Server) String() string { return Plain(s.Name) + " (" + s.Addr.String() + ")" }

// Answer is a reply with the observation that records it.
type Answer struct {
	wire.Reply
	ID   ident.ObservationID
	Came time.Time
}

// ask puts one question to one address about a zone, and records what came of it.
func (r *Session) ask(ctx context.Context, st Stage, zone string, s Server, name string, qtype uint16, by transport) (Answer, error) {
	if err := r.spend(ctx, st); err != nil {
		return Answer{}, err
	}
	if dns.CountLabel(zone) < 2 {
		zone = "" // the root and the top level are asked for everybody
	}
	reply, err := r.tree.Client.Ask(ctx, wire.Question{
		Server: netip.AddrPortFrom(s.Addr, uint16(r.tree.Port)), Zone: zone, Name: name, Type: qtype,
		Timeout: r.timeout, UDPOnly: by == udpOnly, TCPOnly: by == tcpOnly, Place: r.place,
	})
	return r.record(s.String(), analysis.Authoritative, s.Addr, name, qtype, reply, err)
}

// AskResolver puts one question to a recursive resolver of the settings.
func (r *Session) AskResolver(ctx context.Context, label string, at netip.AddrPort, name string, qtype uint16) (Answer, error) {
	if err := r.spend(ctx, Deciding); err != nil {
		return Answer{}, err
	}
	reply, err := r.tree.Client.Ask(ctx, wire.Question{
		Server: at, Name: name, Type: qtype, Recurse: true, Trusted: true, Timeout: r.timeout, Place: r.place,
	})
	return r.record(label, analysis.Resolver, at.Addr(), name, qtype, reply, err)
}

func (r *Session) spend(ctx context.Context, st Stage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil || r.questions >= MaxQuestions || st == Walking && r.walked >= MaxWalk+r.spare {
		r.incomplete = true
		return ErrBudget
	}
	r.questions++
	if st == Walking {
		r.walked++
	}
	return nil
}

func (r *Session) record(source string, kind analysis.SourceKind, addr netip.Addr, name string, qtype uint16, reply wire.Reply, err error) (Answer, error) {
	now := r.tree.Now()
	a := Answer{Reply: reply, ID: ident.New[ident.ObservationID](now), Came: now}
	o := analysis.Observation{
		ID: a.ID, At: now, SourceKind: kind, Source: source, Family: family(addr), Type: dns.TypeToString[qtype], Name: Plain(name),
		Values: []string{}, Authoritative: reply.Authoritative, ElapsedUs: int32(reply.Elapsed.Microseconds()),
	}
	if err == nil {
		o.Rcode = dns.RcodeToString[reply.Rcode]
		o.Values, o.TTL = Observed(reply, name, qtype)
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

// Observe keeps what was seen by other means than a question.
func (r *Session) Observe(o analysis.Observation) ident.ObservationID {
	o.At = r.tree.Now()
	o.ID = ident.New[ident.ObservationID](o.At)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, o)
	return o.ID
}

// Extend gives more questions for walks, within the budget of all: for work that begins when everything else is known.
func (r *Session) Extend(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare += n
}

// Cut says that time ran out before something was known.
func (r *Session) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.incomplete = true
}

// Account is what a session came to.
type Account struct {
	Observations          []analysis.Observation
	Questions, Unanswered int
	Incomplete            bool // something was not asked, or not waited for
}

// Account closes nothing: it may be read in between.
func (r *Session) Account() Account {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Account{slices.Clone(r.seen), r.questions, r.unanswered, r.incomplete}
}

// Know makes the delegation of the session's host known without a walk.
func (r *Session) Know(f Found) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.zones[r.host] = f
}
