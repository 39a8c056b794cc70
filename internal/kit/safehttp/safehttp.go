// Package safehttp is the only way to talk to an address that somebody gave us: webhook endpoints, origins,
// upstreams, discovery documents. It reaches servers on the public internet and nothing else.
//
// A host is resolved once, every address of the answer must be public, and one of the checked addresses is dialled;
// nothing is resolved a second time, so an answer that changes in between changes nothing. Redirects are handed back,
// never followed. Proxies of the environment are ignored. TLS is verified.
//
// The lab profile opens one door: loopback, and plain http there.
package safehttp

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// The reasons of a refusal. They are shown to people through the explanation catalogue.
const (
	Invalid        = "url_invalid"
	NotHTTPS       = "url_not_https"
	PrivateAddress = "url_private_address"
	Credentials    = "url_credentials"
	Port           = "url_port"
	Redirect       = "url_redirect"
)

// Error is a refusal. Detail says what was seen, in a form that may be shown to whoever gave the address.
type Error struct {
	Reason string
	Detail string
	Err    error
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Reason
	}
	return e.Reason + ": " + e.Detail
}

func (e *Error) Unwrap() error { return e.Err }

// ErrTooLarge ends the reading of a body that is longer than Options.MaxResponse.
var ErrTooLarge = errors.New("response is too large")

// Resolver is the part of net.Resolver that is used.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options have good zero values.
type Options struct {
	// AllowLoopbackHTTP lets addresses of this machine through, and plain http to them. The lab profile sets it.
	AllowLoopbackHTTP bool
	// Roots are the accepted certificate authorities; nil means those of the system.
	Roots *x509.CertPool
	// Resolver answers names; nil means the system's.
	Resolver Resolver
	// Timeout covers a whole exchange with its body; 0 means 15 s.
	Timeout time.Duration
	// MaxResponse is how much of a body may be read, in bytes; 0 means 1 MiB, less than 0 no limit (a proxy that streams).
	MaxResponse int64
	// IdlePerHost is how many connections to one host are kept open for the next request; 0 means 2. Idle is how many in all; 0 means 64.
	IdlePerHost, Idle int
}

const (
	defaultTimeout  = 15 * time.Second
	defaultResponse = 1 << 20
	maxHeader       = 64 << 10
)

func (o Options) resolver() Resolver {
	if o.Resolver == nil {
		return net.DefaultResolver
	}
	return o.Resolver
}

// Check tells whether rawURL may be called, for the moment when somebody enters it. It resolves the host; a name
// that does not exist is invalid, a resolver that is out of order is not held against the address, because the
// call itself checks again. Every error is an *Error.
func Check(ctx context.Context, rawURL string, o Options) error {
	u, err := parse(rawURL, o)
	if err != nil {
		return err
	}
	_, err = o.addresses(ctx, u.host, u.plain)
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		return &Error{Reason: Invalid, Detail: fmt.Sprintf("%s does not exist", u.host), Err: err}
	}
	return nil
}

// NewClient is a client over a Transport of its own. It hands redirects back as they are (see RedirectError).
func NewClient(o Options) *http.Client {
	timeout := o.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &http.Client{
		Transport:     NewTransport(o),
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RedirectError is an *Error with reason url_redirect where res is a redirect, else nil. For callers to whom a
// redirect is a mistake in the address they were given.
func RedirectError(res *http.Response) error {
	if res.StatusCode < 300 || res.StatusCode > 399 || res.StatusCode == http.StatusNotModified {
		return nil
	}
	return &Error{Reason: Redirect, Detail: fmt.Sprintf("%d to %.200q", res.StatusCode, res.Header.Get("Location"))}
}

// Transport checks every request again and dials only checked addresses.
type Transport struct {
	options       Options
	secure, plain *http.Transport // plain reaches loopback alone
}

// NewTransport is for callers with a client of their own; who uses it must not follow redirects blindly (each hop
// would be checked, but the sender would learn what is where).
func NewTransport(o Options) *Transport {
	base := http.Transport{
		Proxy:                  nil,
		DialContext:            (&Dialer{Options: o}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // a small body cannot unfold into a large one
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  cmp.Or(o.Timeout, defaultTimeout),
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           cmp.Or(o.Idle, 64),
		MaxIdleConnsPerHost:    cmp.Or(o.IdlePerHost, 2),
		IdleConnTimeout:        30 * time.Second,
	}
	plain := base.Clone()
	plain.DialContext = (&Dialer{Options: o, LoopbackOnly: true}).DialContext
	return &Transport{options: o, secure: &base, plain: plain}
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	u, err := check(req.URL, t.options)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	via := t.secure
	if u.plain {
		via = t.plain
	}
	res, err := via.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	limit := t.options.MaxResponse
	if limit == 0 {
		limit = defaultResponse
	}
	if _, isUpgrade := res.Body.(io.Writer); !isUpgrade && limit > 0 {
		res.Body = &limited{ReadCloser: res.Body, left: limit}
	}
	return res, nil
}

// CloseIdleConnections is found by http.Client.CloseIdleConnections.
func (t *Transport) CloseIdleConnections() {
	t.secure.CloseIdleConnections()
	t.plain.CloseIdleConnections()
}

// limited ends with ErrTooLarge instead of a quiet end, so that a cut document is not taken for a whole one.
type limited struct {
	io.ReadCloser
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
