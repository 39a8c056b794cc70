// Package edgedns is the authoritative name server of the edge zone, part of every edge.
//
// The zone holds one unguessable name per connection, its target. A customer points a CNAME at it, and that single record proves ownership, routes
// the traffic and carries our CAA. Answers come from memory: with the database away the server goes on with what it knows.
//
// It answers for its zone and refuses everything else: no recursion, no transfers. The open internet sends it what it likes, so answers are never
// much larger than questions unless the client has shown that it owns its address (a cookie or TCP), and the rate per network is bounded.
package edgedns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nameplate-dev/nameplate/edge/bucket"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
)

// Server answers for one zone on any number of addresses. The exported fields are set before Listen.
type Server struct {
	Zone        string         // "edge.example.net"; lower case
	Listeners   []string       // host:port, each for UDP and TCP; port 0 takes a free one
	V4, V6      []netip.Addr   // the edges: what targets answer with, whatever a row says
	NameServers []NameServer   // ns1 and ns2 at least; none: DefaultNameServers
	CAs         func() []CA    // what targets publish as CAA; must be quick
	HTTPS       bool           // targets have an HTTPS record, which sends browsers to https at once
	Transfers   []netip.Prefix // who may have the whole zone by AXFR, over TCP: an operator's secondary. Nobody when the zone is signed
	Now         func() time.Time
	Metrics     *metric.Set
	Log         *slog.Logger

	// RateLimit is how many UDP answers a network (/24, /56) gets in a second, with a burst of twice that; refusals and names that do not exist
	// count fourfold. Beyond it every second question gets a truncated answer, which sends a real resolver to TCP, and the others none.
	// 0 means 200; less than 0 switches it off.
	RateLimit int

	Keys          func(context.Context) ([]*Key, error)     // what the zone is signed with, the newest last; nil: it is not signed
	CookieSecrets func(context.Context) ([][16]byte, error) // shared by all nodes, the one that makes cookies first; nil: each has its own

	zone      zone
	signing   signing
	quick     atomic.Pointer[pages]
	versions  atomic.Int64 // of pages and keys
	ready     readies
	limit     bucket.Table
	slip      slip
	cookies   cookies
	questions *prometheus.CounterVec
	counters  counters
	sockets   []socket
	once      sync.Once
}

// NameServer is a host in the zone that the parent delegates to.
type NameServer struct {
	Label     string // "ns1"
	Addresses []netip.Addr
}

// CA is a certificate authority that may issue for our targets.
type CA struct {
	Identity   string // its issuer domain name (RFC 8659 section 4.2)
	AccountURI string // our account there (RFC 8657), "" while there is none
}

const (
	defaultRate = 200
	maxUDP      = 1232 // what fits everywhere without fragments (DNS flag day 2020)
	tcpIdle     = 8 * time.Second
	tcpMessages = 128

	shutdownGrace = time.Second
)

// socket is an address: one listener for TCP, and for UDP one socket for each CPU.
type socket struct {
	udp []*net.UDPConn
	tcp net.Listener
}

func (s *Server) zoneName() string { return strings.TrimSuffix(strings.ToLower(s.Zone), ".") }

func (s *Server) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Server) prepare() {
	s.once.Do(func() {
		rate := float64(s.RateLimit)
		if s.RateLimit == 0 {
			rate = defaultRate
		}
		s.limit.Rate, s.limit.Burst = rate, 2*rate
		s.cookies.random()
		s.signing.news = make(chan struct{}, 1)
		if len(s.NameServers) == 0 {
			s.NameServers = DefaultNameServers(s.V4, s.V6)
		}
		s.questions = s.Metrics.Counter("edgedns", "questions_total", "Questions to the edge zone's name server.", "type", "rcode")
		if s.Log == nil {
			s.Log = slog.New(slog.DiscardHandler)
		}
	})
}

// Listen binds all addresses, or none and says which one was taken.
func (s *Server) Listen(ctx context.Context) error {
	s.prepare()
	var lc net.ListenConfig
	for _, address := range s.Listeners {
		tcp, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			s.close()
			return fmt.Errorf("listen for the edge zone on tcp %s: %w", address, err)
		}
		udp, err := listenUDP(ctx, tcp.Addr().String(), runtime.GOMAXPROCS(0))
		if err != nil {
			_ = tcp.Close()
			s.close()
			return fmt.Errorf("listen for the edge zone on udp %s: %w", address, err)
		}
		s.sockets = append(s.sockets, socket{udp, &thrift{Listener: tcp}})
	}
	return nil
}

// Addrs are the bound addresses, in the order of Listeners.
func (s *Server) Addrs() []netip.AddrPort {
	out := make([]netip.AddrPort, 0, len(s.sockets))
	for _, b := range s.sockets {
		out = append(out, addrPort(b.tcp.Addr()))
	}
	return out
}

func (s *Server) close() {
	for _, b := range s.sockets {
		_ = b.tcp.Close()
		for _, c := range b.udp {
			_ = c.Close()
		}
	}
	s.sockets = nil
}

// Run answers until ctx ends. It binds first where Listen was not called, and answers nobody before it has the zone's keys. A socket that fails ends
// it with that error.
func (s *Server) Run(ctx context.Context) error {
	if s.sockets == nil {
		if err := s.Listen(ctx); err != nil {
			return err
		}
	}
	defer s.close()
	if !s.begin(ctx) {
		return nil
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	fail := func(err error) { stop(fmt.Errorf("serve the edge zone: %w", cmp.Or(err, net.ErrClosed))) }
	var loops, listeners sync.WaitGroup
	loops.Go(func() { s.follow(ctx) })
	var servers []*dns.Server
	for _, b := range s.sockets {
		for _, c := range b.udp {
			loops.Go(func() {
				if err := s.datagrams(ctx, c); err != nil {
					fail(err)
				}
			})
		}
		srv := s.streams(b.tcp)
		servers = append(servers, srv)
		started := make(chan struct{})
		srv.NotifyStartedFunc = sync.OnceFunc(func() { close(started) })
		listeners.Go(func() { fail(srv.ActivateAndServe()) })
		<-started
	}
	<-ctx.Done()
	cause := context.Cause(ctx)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	for _, b := range s.sockets {
		for _, c := range b.udp {
			_ = c.SetReadDeadline(time.Now()) // ends the reading; what is being answered is still sent
		}
	}
	for _, srv := range servers {
		_ = srv.ShutdownContext(grace) // what is left after the grace loses its socket
	}
	loops.Wait()
	s.close()
	listeners.Wait()
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return nil
	}
	return cause
}

// begin reads what must be there before the first answer, however long that takes; false when ctx ends first.
func (s *Server) begin(ctx context.Context) bool {
	for {
		err := errors.Join(s.readKeys(ctx), s.readSecrets(ctx))
		if err == nil {
			s.setPages()
			return true
		}
		s.Log.Warn("the edge zone waits for its keys", "err", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Second):
		}
	}
}

// follow keeps the keys and what is prepared for all targets new.
func (s *Server) follow(ctx context.Context) {
	second, minute := time.NewTicker(time.Second), time.NewTicker(keysEvery)
	defer second.Stop()
	defer minute.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			s.setPages()
			continue
		case <-s.signing.news:
		case <-minute.C:
		}
		if err := errors.Join(s.readKeys(ctx), s.readSecrets(ctx)); err != nil && ctx.Err() == nil {
			s.Log.Warn("read the keys of the edge zone again", "err", err)
		}
	}
}

func (s *Server) streams(l net.Listener) *dns.Server {
	return &dns.Server{
		Listener: l, Handler: dns.HandlerFunc(s.serve), MaxTCPQueries: tcpMessages, IdleTimeout: func() time.Duration { return tcpIdle },
		ReadTimeout: tcpIdle, WriteTimeout: tcpIdle, MsgAcceptFunc: accept,
	}
}

// accept decides by the header alone (RFC 1035 section 4.1.1): answers are not for us, other opcodes we do not implement, and a question is one
// question. What follows it can be an OPT at most; more is a malformed packet.
func accept(h dns.Header) dns.MsgAcceptAction {
	const response = 1 << 15
	opcode := int(h.Bits>>11) & 0xF
	switch {
	case h.Bits&response != 0:
		return dns.MsgIgnore
	case opcode != dns.OpcodeQuery:
		return dns.MsgRejectNotImplemented
	case h.Qdcount != 1 || h.Ancount != 0 || h.Nscount > 1 || h.Arcount > 3: // IXFR brings one, and some add a signature
		return dns.MsgReject
	}
	return dns.MsgAccept
}

func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return a.AddrPort()
	case *net.TCPAddr:
		return a.AddrPort()
	}
	return netip.AddrPort{}
}
