package edge

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

// What an origin may take when its application does not say.
const (
	connectTime = 5 * time.Second
	answerTime  = 30 * time.Second
	copyBuffer  = 32 << 10

	statusGone = 499 // for the counter: the client did not wait
)

var (
	errSlow      = errors.New("the origin did not answer in time")
	errWithdrawn = errors.New("the name was withdrawn")
)

// visit is one request on its way to an origin.
type visit struct {
	name   *name
	host   string
	id     string
	answer *time.Timer // ends the visit when the origin takes too long
	body   *body
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
	case slices.Contains(r.Header["Nameplate-Connection"], n.ConnectionID.String()):
		e.refuse(w, r, http.StatusLoopDetected, "upstream_loop") // the upstream leads back to us
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

	v := &visit{name: n, host: host, id: rand.Text()[:16], body: &body{ReadCloser: r.Body, control: http.NewResponseController(w)}}
	wait := cmp.Or(time.Duration(n.Route.Upstream.ResponseTimeoutMs)*time.Millisecond, answerTime)
	v.answer = time.AfterFunc(time.Hour, func() { cancel(errSlow) }) // counts from the end of the request's body
	defer v.answer.Stop()
	v.answer.Stop()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { v.answer.Reset(wait) }})
	ctx = context.WithValue(ctx, visitKey{}, v)
	r = r.WithContext(ctx)
	_ = v.body.control.EnableFullDuplex() // HTTP/1.1: the answer may begin before the request has ended
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = v.body
	}
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w = e.sockets.watch(w)
	}
	e.forward.ServeHTTP(w, r)
}

func (e *Edge) newProxy() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: e.rewrite, Transport: newOrigins(e.Upstreams), FlushInterval: -1, BufferPool: &buffers{},
		ErrorLog: slog.NewLogLogger(e.Log.Handler(), slog.LevelDebug), ErrorHandler: e.unanswered,
		ModifyResponse: func(res *http.Response) error {
			visitOf(res.Request.Context()).answer.Stop()
			return nil
		},
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
	p.Out.Header.Set("Nameplate-Host", v.host)
	p.Out.Header.Set("Nameplate-Connection", n.ConnectionID.String())
	if n.Route.CustomerRef != "" {
		p.Out.Header.Set("Nameplate-Customer", headerValue(n.Route.CustomerRef))
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
	h := strings.ReplaceAll(strings.ToLower(header), "_", "-")
	switch h {
	case "forwarded", "x-real-ip", "cf-visitor", "cf-connecting-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip",
		"proxy": // httpoxy: a CGI upstream would read it as HTTP_PROXY.
		return true
	}
	return strings.HasPrefix(h, "nameplate-") || strings.HasPrefix(h, "x-forwarded-")
}

// headerValue keeps what a header can carry; a reference is the developer's text.
func headerValue(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

func (e *Edge) trusted(peer netip.Addr) bool {
	return slices.ContainsFunc(e.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// unanswered says on whom the visitor waits.
func (e *Edge) unanswered(w http.ResponseWriter, r *http.Request, err error) {
	v := visitOf(r.Context())
	e.Log.Debug("no answer from an origin", "connection", v.name.ConnectionID, "request", v.id, "err", err)
	network, timed := errors.AsType[net.Error](err)
	switch cause := context.Cause(r.Context()); {
	case errors.Is(cause, errWithdrawn):
		e.refuse(w, r, http.StatusMisdirectedRequest, "misdirected")
	case errors.Is(cause, errSlow), cause == nil && timed && network.Timeout() && v.body.failed() == nil:
		w.Header().Set("Retry-After", "5")
		e.refuse(w, r, http.StatusGatewayTimeout, "upstream_timeout")
	case errors.Is(cause, context.Canceled):
		w.WriteHeader(statusGone)
	case v.body.failed() != nil:
		w.Header().Set("Connection", "close")
		e.refuse(w, r, http.StatusRequestTimeout, "request_timeout")
	default:
		w.Header().Set("Retry-After", "5")
		e.refuse(w, r, http.StatusBadGateway, "upstream_unreachable")
	}
}

// origins carries requests to origins: one pool for those whose certificate is verified and one for those whose owner asked for less.
type origins struct{ verified, unverified *http.Transport }

func newOrigins(o safehttp.Options) *origins {
	transport := func(verify bool) *http.Transport {
		dialer := &safehttp.Dialer{Options: o}
		return &http.Transport{
			Proxy: nil, ForceAttemptHTTP2: true, DisableCompression: true,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				wait := connectTime
				if v := visitOf(ctx); v != nil {
					wait = cmp.Or(time.Duration(v.name.Route.Upstream.ConnectTimeoutMs)*time.Millisecond, wait)
				}
				ctx, cancel := context.WithTimeout(ctx, wait)
				defer cancel()
				return dialer.DialContext(ctx, network, address)
			},
			TLSClientConfig:     &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify},
			TLSHandshakeTimeout: connectTime, ExpectContinueTimeout: time.Second, IdleConnTimeout: idleTime,
			MaxIdleConns: 4096, MaxIdleConnsPerHost: 64, MaxResponseHeaderBytes: 256 << 10,
		}
	}
	return &origins{transport(true), transport(false)}
}

// RoundTrip implements http.RoundTripper. Addresses are checked at the dial.
func (o *origins) RoundTrip(r *http.Request) (*http.Response, error) {
	if v := visitOf(r.Context()); !v.name.Route.Upstream.TLSVerify && r.URL.Scheme == "https" {
		return o.unverified.RoundTrip(r)
	}
	return o.verified.RoundTrip(r)
}

// body is a request's body whose client has a minute for each piece of it.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	mu      sync.Mutex
	err     error
}

func (b *body) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(stallTime)) // not every connection has one
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		// The connection lives on and waits for the next request, or only for its own answer: no deadline may hit it there.
		_ = b.control.SetReadDeadline(time.Time{})
		if err != io.EOF {
			b.mu.Lock()
			b.err = err
			b.mu.Unlock()
		}
	}
	return n, err
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
