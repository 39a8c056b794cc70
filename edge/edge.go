// Package edge answers for the customers' host names: it presents their certificates, proves them to CAs and to our own probes, and sends requests
// on to the applications.
//
// All that it needs stands in memory, fed by the projection (package edgeentry). It needs the database to learn and not to serve: with the
// database away it goes on with what it knows. Any number of edges run beside each other, and any of them answers any challenge.
//
// The order of a request: well-known answers, state, scheme, companion, upstream. A name that the projection does not hold does not get past the handshake.
package edge

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/edge/disk"
	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// Edge is one node. The fields are set before Listen.
type Edge struct {
	HTTP, HTTPS []string      // host:port each; port 0 takes a free one
	HTTP3       bool          // https is answered over QUIC too, at the same ports of UDP
	Ask         string        // loopback host:port of GET /internal/ask; "" has none
	AskToken    secret.String // who asks must show it
	PublicHTTPS int           // the port that a redirect to https names; 0 is 443
	Name        string        // of the node, for people; "" is the machine's
	Version     string
	Addresses   []netip.Addr // where the node is reached; shown to operators

	Projection Projection
	Poked      <-chan struct{} // a live poke of edgeentry.Subject; nil: every half second must do
	Keys       Keys
	Challenges Challenges
	Nonce      Nonce
	Tickets    func(context.Context) ([][32]byte, error) // keys of TLS session tickets, shared by all nodes, the current one first; nil: each its own
	Missing    func(ident.ConnectionID)                  // a certificate may be ordered and is not there; must not block; may be nil
	// Meter counts a batch, once however often it comes; nil: nobody counts.
	Meter func(ctx context.Context, node ident.EdgeNodeID, batch int64, uses []Use) error
	DNS   *edgedns.Server // nil: this node does not answer for the edge zone
	Disk  *disk.Disk      // what the edge starts with when the database does not answer; nil: it waits for it

	Upstreams      safehttp.Options                     // which origins may be reached; the lab lets loopback through
	ProxyRanges    func(provider string) []netip.Prefix // addresses of a provider's proxies; nil: none are known
	TrustedProxies []netip.Prefix                       // whose X-Forwarded-For is continued
	RequestRate    int                                  // requests a second from one network, five times as many at once; 0 is 200, less is no limit
	Grace          time.Duration                        // for what runs when the edge stops; 0 is 8 s

	Metrics *metric.Set
	Log     *slog.Logger

	ready     sync.Once
	id        ident.EdgeNodeID
	started   time.Time
	table     table
	certs     certs
	known     challenges
	limits    limits
	sockets   sockets
	origins   *origins
	forward   http.Handler
	tlsConfig *tls.Config
	metrics   metrics
	bound     bound
	draining  atomic.Bool
	circuits  circuits
	meters    meters
	signers   signers
	memory    memory
	third     third
	proofKey  proofKey
	recalled  atomic.Bool // what is in force came from the disk, and the database was not reached since
	patience  patience    // zero: usual
}

// Projection is what edgeentry.Service is to the edge.
type Projection interface {
	Load(ctx context.Context) (edgeentry.Snapshot, error)
	Delta(ctx context.Context, after int64) (edgeentry.Snapshot, error)
	Generation(ctx context.Context) (int64, error)
	Heartbeat(ctx context.Context, n edgeentry.Node) error
	Leave(ctx context.Context, id ident.EdgeNodeID) error
}

// Keys opens a certificate with its private key. The edge asks once for each and keeps the answer.
type Keys interface {
	Load(ctx context.Context, id ident.CertificateID) (*tls.Certificate, error)
}

// Challenges knows what a CA wants to see. Both read one row; "" and nil mean that no order runs that asks for it.
type Challenges interface {
	HTTP01(ctx context.Context, host, token string) (keyAuthorization string, err error)
	TLSALPN01(ctx context.Context, host string) (*tls.Certificate, error)
}

// Nonce knows what our own probes ask for, and what they are answered over TLS. It computes and reads nothing.
type Nonce interface {
	Valid(host, nonce string) bool
	Of(text string) []string
}

type bound struct {
	http, https []*patient
	ask         *patient
}

const (
	defaultGrace = 8 * time.Second
	headerLimit  = 64 << 10
	idleTime     = 60 * time.Second
	drainTime    = time.Second // for clients with open connections to learn that they shall open others
)

func (e *Edge) prepare() {
	e.ready.Do(func() {
		if e.Log == nil {
			e.Log = slog.New(slog.DiscardHandler)
		}
		if e.patience == (patience{}) {
			e.patience = usual
		}
		e.started = time.Now()
		e.id = ident.New[ident.EdgeNodeID](e.started)
		if e.Name == "" {
			e.Name, _ = os.Hostname()
		}
		// Two processes on one machine, or one that was killed and its successor, are two nodes.
		text := e.id.String()
		e.Name = cmp.Or(e.Name, "edge") + "/" + text[len(text)-6:]
		e.metrics = newMetrics(e.Metrics, &e.recalled, &e.memory)
		if e.certs.keys = e.Keys; e.Disk != nil {
			e.certs.keys = rememberedKeys{e.Disk, e.Keys}
		}
		e.limits.prepare(e.RequestRate, e.Upstreams.AllowLoopbackHTTP)
		e.origins = newOrigins(e.Upstreams)
		e.forward = e.newProxy()
		e.tlsConfig = e.newTLSConfig()
	})
}

// ID is the node's id.
func (e *Edge) ID() ident.EdgeNodeID { e.prepare(); return e.id }

// Listen binds every address, or none and says which one was taken.
func (e *Edge) Listen(ctx context.Context) (err error) {
	e.prepare()
	defer func() {
		if err != nil {
			e.closeListeners()
		}
	}()
	var lc net.ListenConfig
	bind := func(to *[]*patient, addresses []string, strict bool) error {
		for _, address := range addresses {
			l, err := lc.Listen(ctx, "tcp", address)
			if err != nil {
				return fmt.Errorf("listen on %s: %w", address, err)
			}
			*to = append(*to, &patient{Listener: l, strict: strict, take: e.patience.take})
		}
		return nil
	}
	if err := errors.Join(bind(&e.bound.http, e.HTTP, true), bind(&e.bound.https, e.HTTPS, false)); err != nil {
		return err
	}
	if e.HTTP3 {
		if err := e.listenThird(ctx); err != nil {
			return err
		}
	}
	if e.Ask != "" {
		if e.bound.ask, err = e.listenAsk(ctx); err != nil {
			return err
		}
	}
	if e.DNS != nil {
		return e.DNS.Listen(ctx)
	}
	return nil
}

func (e *Edge) closeListeners() {
	for _, l := range e.bound.all() {
		_ = l.Close()
	}
	e.third.close()
	e.bound = bound{}
}

// HTTPAddrs and HTTPSAddrs are the bound addresses, in the order of the settings.
func (e *Edge) HTTPAddrs() []netip.AddrPort { return addrs(e.bound.http) }

// HTTPSAddrs see HTTPAddrs.
func (e *Edge) HTTPSAddrs() []netip.AddrPort { return addrs(e.bound.https) }

// AskAddr is the bound address of GET /internal/ask.
func (e *Edge) AskAddr() netip.AddrPort { return addrs([]*patient{e.bound.ask})[0] }

func (b bound) all() []*patient {
	all := slices.Concat(b.http, b.https)
	if b.ask != nil {
		all = append(all, b.ask)
	}
	return all
}

func addrs(ls []*patient) []netip.AddrPort {
	out := make([]netip.AddrPort, len(ls))
	for n, l := range ls {
		if l != nil {
			out[n] = l.Addr().(*net.TCPAddr).AddrPort()
		}
	}
	return out
}

// Run serves until ctx ends. It binds first where Listen was not called, and accepts nobody before it has read the projection, or what its disk
// remembers of it when the database does not answer. Then it lets nobody in
// any more, tells clients with open connections to open others (which another node takes), closes WebSockets with 1001, and gives everything else its
// grace.
func (e *Edge) Run(ctx context.Context) error {
	if e.bound.http == nil && e.bound.https == nil {
		if err := e.Listen(ctx); err != nil {
			return err
		}
	}
	defer e.closeListeners()
	if err := e.firstLoad(ctx); err != nil {
		return nil // ctx ended before there was anything to serve
	}
	life, die := context.WithCancel(context.WithoutCancel(ctx)) // of requests: longer than ctx by the grace
	defer die()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg, loops sync.WaitGroup
	fail := func(err error) {
		if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			stop(err)
		}
	}
	loops.Go(func() { e.follow(ctx) })
	loops.Go(func() { every(ctx, beatEvery, e.acknowledge) })
	loops.Go(func() { every(ctx, meterEvery, e.sendMeters) })
	if e.Disk != nil {
		loops.Go(func() { e.remember(ctx) })
	}
	if e.Tickets != nil {
		loops.Go(func() {
			e.takeTickets(ctx)
			every(ctx, time.Minute, e.takeTickets)
		})
	}
	if e.DNS != nil {
		wg.Go(func() { fail(e.DNS.Run(ctx)) })
	}
	var servers []*http.Server
	serve := func(l net.Listener, h http.Handler) {
		srv := e.server(life, h)
		servers = append(servers, srv)
		wg.Go(func() { fail(srv.Serve(l)) })
	}
	for _, l := range e.bound.http {
		serve(l, e.handler(false))
	}
	for _, l := range e.bound.https {
		h := newHandshaker(l, e.tlsConfig, e.metrics.handshakes)
		wg.Go(func() { h.run(life) })
		serve(h, e.handler(true))
	}
	if e.bound.ask != nil {
		serve(e.bound.ask, e.askHandler())
	}
	if e.HTTP3 {
		e.third.server = e.newThird()
		for _, t := range e.third.transports {
			wg.Go(func() { fail(e.serveThird(ctx, t)) })
		}
	}
	<-ctx.Done()
	loops.Wait()
	e.shutDown(servers, die)
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return fmt.Errorf("serve the edge: %w", cause)
	}
	return nil
}

func (e *Edge) shutDown(servers []*http.Server, die context.CancelFunc) {
	grace, cancel := context.WithTimeout(context.Background(), cmp.Or(e.Grace, defaultGrace))
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if err := e.Projection.Leave(grace, e.id); err != nil {
			e.Log.Warn("leave the list of edges", "err", err)
		}
	})
	e.draining.Store(true) // each answer says that its connection ends
	for _, l := range e.bound.all() {
		l.stop()
	}
	e.sockets.goAway()
	e.drained(grace)
	var ends sync.WaitGroup
	for _, srv := range servers {
		ends.Go(func() {
			if srv.Shutdown(grace) != nil {
				_ = srv.Close()
			}
		})
	}
	if e.third.server != nil {
		ends.Go(func() { e.third.shutDown(grace) })
	}
	ends.Wait()
	die()
	e.origins.closeIdle()
	e.sendMeters(context.WithoutCancel(grace))
	e.sockets.wait(time.Second)
}

// drained waits until the last client has left, drainTime at most.
func (e *Edge) drained(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for {
		open := int64(0)
		for _, l := range e.bound.all() {
			open += l.open.Load()
		}
		if open == 0 {
			return
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

func (e *Edge) server(life context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, BaseContext: func(net.Listener) context.Context { return life }, ConnContext: remember,
		DisableGeneralOptionsHandler: true, ReadHeaderTimeout: e.patience.head, IdleTimeout: idleTime, MaxHeaderBytes: headerLimit - 4096, // net/http adds 4096 of its own
		ErrorLog: slog.NewLogLogger(e.Log.Handler(), slog.LevelDebug),
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 250, MaxReadFrameSize: 16 << 10, SendPingTimeout: e.patience.ping, PingTimeout: e.patience.pong, WriteByteTimeout: e.patience.take},
	}
}
