package edge

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

// What an origin may take when its application does not say.
const (
	connectTime = 5 * time.Second
	answerTime  = 30 * time.Second
	copyBuffer  = 64 << 10

	statusGone = 499 // for the counter: the client did not wait
)

var (
	errSlow      = errors.New("the origin did not answer in time")
	errWithdrawn = errors.New("the name was withdrawn")
)

// visit is one request on its way to an origin.
type visit struct {
	name     *name
	host     string
	id       string
	https    bool          // the client came by it
	patience time.Duration // for the origin's answer
	end      context.CancelCauseFunc
	answer   *time.Timer // ends the visit when the origin takes too long; nil: not needed
	body     *body

	circuit *circuit
	trial   bool // the circuit let it through to see
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit { v, _ := ctx.Value(visitKey{}).(*visit); return v }

// proxy sends the request on and the answer back, both while they come (ED-13).
func (e *Edge) proxy(w http.ResponseWriter, r *http.Request, n *name, host string) {
	switch {
	case n.origin == nil:
		w.Header().Set("Retry-After", "60")
		e.refuse(w, r, http.StatusServiceUnavailable, "upstream_missing")
		return
	case slices.Contains(r.Header["Nameplate-Connection"], n.ConnectionID.String()), visits(r) >= visitsMost:
		e.refuse(w, r, http.StatusLoopDetected, "upstream_loop") // the upstream leads back to us
		return
	}
	circuit := e.circuits.of(n)
	wait, trial := circuit.open(time.Now())
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		e.refuse(w, r, http.StatusBadGateway, "upstream_unreachable")
		return
	}
	defer n.active.Add(-1)
	if n.active.Add(1) > activeMost {
		w.Header().Set("Retry-After", "1")
		e.refuse(w, r, http.StatusServiceUnavailable, "busy")
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(n.withdrawn, func() { cancel(errWithdrawn) })()

	v := &visit{name: n, host: host, https: r.TLS != nil, id: rand.Text()[:16], circuit: circuit, trial: trial, body: &body{ReadCloser: r.Body, patience: &e.patience, control: http.NewResponseController(w)}}
	patience := cmp.Or(time.Duration(n.Route.Upstream.ResponseTimeoutMs)*time.Millisecond, answerTime)
	v.patience, v.end = patience, cancel
	ctx = context.WithValue(ctx, visitKey{}, v)
	r = r.WithContext(ctx)
	_ = v.body.control.EnableFullDuplex() // HTTP/1.1: the answer may begin before the request has ended
	if v.body.ended = r.Body == nil || r.Body == http.NoBody; !v.body.ended {
		r.Body = v.body
	}
	count, _ := w.(*counted)
	var socket *upgradable
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		socket = e.sockets.watch(w)
		w = socket
	}
	defer func() {
		if v.answer != nil {
			v.answer.Stop()
		}
		m := e.meters.of(n)
		m.requests.Add(1)
		bytes := v.body.octets()
		if count != nil {
			bytes += count.bytes
		}
		if socket != nil && socket.taken != nil {
			bytes += socket.taken.passed.Load()
		}
		m.bytes.Add(bytes)
	}()
	e.forward.ServeHTTP(w, r)
}

func (e *Edge) newProxy() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: e.rewrite, Transport: e.origins, FlushInterval: -1, BufferPool: &buffers{},
		ErrorLog: slog.NewLogLogger(e.Log.Handler(), slog.LevelDebug), ErrorHandler: e.unanswered,
		ModifyResponse: func(res *http.Response) error {
			v := visitOf(res.Request.Context())
			if v.answer != nil {
				v.answer.Stop()
			}
			v.circuit.answered()
			v.body.goesOn()
			v.name.secure(res.Header, v.https)
			if e.HTTP3 {
				delete(res.Header, "Alt-Svc") // it spoke of the origin's own ports
			}
			return nil
		},
	}
}

// secure tells browsers to come by https alone, where the application asks for it and its origin does not say so itself. Over http it must not be said
// (RFC 6797 section 7.2), and names below are not the application's to speak for.
func (n *name) secure(answer http.Header, https bool) {
	if age := n.Route.HSTSMaxAge; age > 0 && https && answer["Strict-Transport-Security"] == nil {
		answer["Strict-Transport-Security"] = []string{"max-age=" + strconv.Itoa(int(age))}
	}
}

// rewrite turns the request into the one that the origin gets. Whatever a client says about itself in headers of ours, or of proxies, is dropped
// (ED-14). ReverseProxy has taken the hop-by-hop headers out already.
func (e *Edge) rewrite(p *httputil.ProxyRequest) {
	v := visitOf(p.In.Context())
	n := v.name
	p.SetURL(n.origin)
	if n.origin.RawQuery == "" {
		p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came, even where it is not what Go calls a query
	}
	p.Out.Trailer = p.In.Trailer // filled while the body is read
	for header := range p.Out.Header {
		if ours(header) {
			delete(p.Out.Header, header)
		}
	}
	if e.trusted(client(p.In)) {
		p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
	}
	p.SetXForwarded()
	p.Out.Header.Set("X-Forwarded-Host", v.host)
	p.Out.Header["Cdn-Loop"] = append(slices.Clone(p.In.Header["Cdn-Loop"]), loopToken)
	p.Out.Header.Set("Nameplate-Host", v.host)
	p.Out.Header.Set("Nameplate-Connection", n.ConnectionID.String())
	customer := headerValue(n.Route.CustomerRef)
	if customer != "" {
		p.Out.Header.Set("Nameplate-Customer", customer)
	}
	if signed := e.signers.sign(n, v.host, customer, time.Now()); signed != "" {
		p.Out.Header.Set("Nameplate-Signature", signed)
	}
	if p.In.Header.Get("User-Agent") == "" {
		p.Out.Header.Set("User-Agent", "") // none, rather than Go's
	}
	switch u := n.Route.Upstream; {
	case u.HostHeader == "UPSTREAM":
		p.Out.Host = n.origin.Host
	case u.HostHeader == "CUSTOM" && u.CustomHost != nil && *u.CustomHost != "":
		p.Out.Host = *u.CustomHost
	default:
		p.Out.Host = v.host
	}
}

// ours says that a header speaks of who the client is and how it came here. Origins behind CGI and WSGI cannot tell an underscore from a hyphen.
func ours(header string) bool {
	if header == "" || !strings.ContainsRune("FfXxCcTtPpNn", rune(header[0])) {
		return false
	}
	h := strings.ReplaceAll(strings.ToLower(header), "_", "-")
	switch h {
	case "forwarded", "x-real-ip", "cf-visitor", "cf-connecting-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip",
		"proxy": // httpoxy: a CGI upstream would read it as HTTP_PROXY.
		return true
	}
	return strings.HasPrefix(h, "nameplate-") || strings.HasPrefix(h, "x-forwarded-")
}

// headerValue keeps what a header can carry and an origin reads unchanged; a reference is the developer's text.
func headerValue(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s))
}

func (e *Edge) trusted(peer netip.Addr) bool {
	return slices.ContainsFunc(e.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// unanswered says on whom the visitor waits.
func (e *Edge) unanswered(w http.ResponseWriter, r *http.Request, err error) {
	v := visitOf(r.Context())
	e.Log.Debug("no answer from an origin", "connection", v.name.ConnectionID, "request", v.id, "err", err)
	network, timed := errors.AsType[net.Error](err)
	broken := v.body.failed()
	slow, _ := errors.AsType[net.Error](broken)
	switch cause := context.Cause(r.Context()); {
	case broken == nil && !errors.Is(cause, errWithdrawn) && !errors.Is(cause, context.Canceled):
		v.circuit.failed(time.Now(), v.trial)
	}
	switch cause := context.Cause(r.Context()); {
	case errors.Is(cause, errWithdrawn):
		e.refuse(w, r, http.StatusMisdirectedRequest, "misdirected")
	case errors.Is(cause, errSlow), cause == nil && timed && network.Timeout() && broken == nil:
		w.Header().Set("Retry-After", "5")
		e.refuse(w, r, http.StatusGatewayTimeout, "upstream_timeout")
	case slow != nil && slow.Timeout():
		w.Header().Set("Connection", "close")
		e.refuse(w, r, http.StatusRequestTimeout, "request_timeout")
	case errors.Is(cause, context.Canceled) && (broken == nil || errors.Is(broken, io.ErrUnexpectedEOF)):
		w.WriteHeader(statusGone)
	case broken != nil:
		w.Header().Set("Connection", "close")
		e.refuse(w, r, http.StatusBadRequest, "bad_request")
	default:
		w.Header().Set("Retry-After", "5")
		e.refuse(w, r, http.StatusBadGateway, "upstream_unreachable")
	}
}

// origins carries requests to origins: one pool for those whose certificate is verified, one for those whose owner asked for less, and direct.
type origins struct {
	verified, unverified *http.Transport
	direct               direct
}

func newOrigins(o safehttp.Options) *origins {
	dialer := &safehttp.Dialer{Options: o}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		wait := connectTime
		if v := visitOf(ctx); v != nil {
			wait = cmp.Or(time.Duration(v.name.Route.Upstream.ConnectTimeoutMs)*time.Millisecond, wait)
		}
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		return dialer.DialContext(ctx, network, address)
	}
	transport := func(verify bool) *http.Transport {
		return &http.Transport{
			Proxy: nil, ForceAttemptHTTP2: true, DisableCompression: true, DialContext: dial,
			TLSClientConfig:     &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify},
			TLSHandshakeTimeout: connectTime, ExpectContinueTimeout: time.Second, IdleConnTimeout: idleTime,
			MaxIdleConns: idleInAll, MaxIdleConnsPerHost: idlePerOrigin, MaxResponseHeaderBytes: headMost,
		}
	}
	return &origins{verified: transport(true), unverified: transport(false), direct: direct{dial: dial}}
}

func (o *origins) closeIdle() {
	o.direct.closeIdle()
	o.verified.CloseIdleConnections()
	o.unverified.CloseIdleConnections()
}

// RoundTrip implements http.RoundTripper. Addresses are checked at the dial.
func (o *origins) RoundTrip(r *http.Request) (*http.Response, error) {
	v := visitOf(r.Context())
	if o.direct.takes(r) {
		return o.direct.RoundTrip(r, v.patience)
	}
	v.answer = time.AfterFunc(time.Hour, func() { v.end(errSlow) }) // counts from the end of the request's body
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { v.answer.Reset(v.patience) }}))
	if !v.name.Route.Upstream.TLSVerify && r.URL.Scheme == "https" {
		return o.unverified.RoundTrip(r)
	}
	return o.verified.RoundTrip(r)
}

// body is a request's body whose client is not for ever.
type body struct {
	io.ReadCloser
	control  *http.ResponseController
	patience *patience

	mu       sync.Mutex
	answered bool // the answer has begun
	ended    bool
	err      error
	began    time.Time
	came     int64
	until    time.Time // the deadline that is set
}

func (b *body) Read(p []byte) (int, error) {
	b.wait()
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.came += int64(n)
	switch {
	case err == io.EOF:
		// The connection lives on and waits for the next request, or only for its own answer: no deadline may hit it there.
		b.ended = true
		_ = b.control.SetReadDeadline(time.Time{})
	case err != nil:
		b.ended, b.err = true, err // the deadline stays: net/http would wait for the rest
	}
	return n, err
}

// wait sets the deadline of what is read next.
func (b *body) wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	now := time.Now()
	if b.began.IsZero() {
		b.began = now
	}
	until := b.began.Add(b.patience.give + time.Duration(b.came/giveRate)*time.Second)
	if latest := now.Add(b.patience.give); until.After(latest) {
		until = latest
	}
	if b.answered {
		until = now.Add(b.patience.piece)
	}
	if d := until.Sub(b.until); d > b.patience.give/15 || d < 0 { // setting one is not free
		_ = b.control.SetReadDeadline(until) // not every connection has one
		b.until = until
	}
}

// goesOn says that the answer has begun.
func (b *body) goesOn() {
	b.mu.Lock()
	b.answered = true
	b.mu.Unlock()
	b.wait()
}

func (b *body) octets() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.came
}

func (b *body) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// buffers are shared by all copies.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, copyBuffer)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
