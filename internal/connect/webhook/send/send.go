// Package send makes one attempt at a message, by the rules of Standard Webhooks 1.0, and says what follows from its outcome. It keeps what a person may see of
// the exchange, and nothing else.
package send

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

const (
	userAgent = "Nameplate-Webhooks/1"
	// beyond is read past what is kept, so that a secret that is cut in two is still recognised.
	beyond = 512
	// maxIdle is how many connections are kept open in all.
	maxIdle = 1024
)

// Client sends. Its fields are set before its first use; connections to an endpoint are used again.
type Client struct {
	Outside safehttp.Options
	Timeout time.Duration // of one attempt with its answer
	// PerEndpoint is how many connections to a host are kept open between requests, for a minute at most.
	PerEndpoint int

	once      sync.Once
	transport *safehttp.Transport
}

// Request is one message to one address, now.
type Request struct {
	To   *Target
	ID   string // webhook-id
	Body []byte
	At   time.Time // webhook-timestamp
}

// Attempt is what came of a request.
type Attempt struct {
	At         time.Time
	Took       time.Duration
	IP         *string // whom we were connected to
	Status     int     // 0: no answer
	RetryAfter string
	Result     string  // a word for metrics
	Error      *string // without the address: its path may hold a token
	Request    []byte  // headers as JSON, secrets blacked out; so are the next two
	Response   []byte
	Body       string
}

// Send sends the bytes once. Redirects are not followed; of the answer no more is read than is kept, and nothing is unpacked. That nobody answered is an
// attempt too.
func (c *Client) Send(ctx context.Context, r Request) *Attempt {
	a, at := &Attempt{At: r.At}, strconv.FormatInt(r.At.Unix(), 10)
	a.Request = []byte(`{"content-type":"application/json","user-agent":"` + userAgent + `","webhook-id":"` + r.ID + `","webhook-signature":"` + redacted + `","webhook-timestamp":"` + at + `"}`)
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if to, err := netip.ParseAddrPort(got.Conn.RemoteAddr().String()); err == nil {
			a.IP = new(to.Addr().String())
		}
	}})
	// Without GetBody the transport sends nothing twice by itself.
	req := (&http.Request{Method: http.MethodPost, URL: r.To.url, Host: r.To.url.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(bytes.NewReader(r.Body)), ContentLength: int64(len(r.Body)),
		Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {userAgent}, "Webhook-Id": {r.ID}, "Webhook-Timestamp": {at}, "Webhook-Signature": {r.To.sign(r.ID, r.At, r.Body)}}}).WithContext(ctx)
	began := time.Now()
	res, err := c.outside().RoundTrip(req) // a http.Client adds redirects, cookies and a goroutine for its own time limit
	if err != nil {
		a.Took = time.Since(began)
		a.fail(err, c.Timeout, r.To.secrets)
		return a
	}
	defer res.Body.Close()
	if res.ContentLength != 0 {
		raw, _ := io.ReadAll(io.LimitReader(res.Body, keptBody+beyond)) // an answer that breaks off has its status all the same
		a.Body = Readable(redact(string(raw), r.To.secrets), keptBody)
	}
	a.Took = time.Since(began)
	a.Status, a.RetryAfter, a.Response = res.StatusCode, res.Header.Get("Retry-After"), headers(res.Header, r.To.secrets)
	a.Result = class(a.Status)
	if err := safehttp.RedirectError(res); err != nil {
		a.Error = new(Readable(redact(err.Error(), r.To.secrets), keptValue))
	}
	return a
}

// fail says what went wrong.
func (a *Attempt) fail(err error, limit time.Duration, hidden []secret.String) {
	a.Result = "unreachable"
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		a.Result, err = "timeout", fmt.Errorf("no answer within %s", limit)
	}
	if odd, ok := errors.AsType[tls.RecordHeaderError](err); ok && string(odd.RecordHeader[:]) == "HTTP/" {
		err = http.ErrSchemeMismatch // as a http.Client says it
	}
	if _, ok := errors.AsType[*safehttp.Error](err); ok {
		a.Result = "refused"
	}
	a.Error = new(Readable(redact(err.Error(), hidden), keptValue))
}

func class(status int) string {
	switch {
	case status >= 200 && status <= 299:
		return "success"
	case status >= 300 && status <= 399:
		return "redirect"
	case status == http.StatusGone:
		return "gone"
	case throttles(status):
		return "throttled"
	case status >= 400 && status <= 499:
		return "client_error"
	}
	return "server_error"
}

func (c *Client) outside() *safehttp.Transport {
	c.once.Do(func() {
		o := c.Outside
		o.Timeout, o.MaxResponse, o.IdlePerHost, o.Idle = c.Timeout, keptBody+2*beyond, c.PerEndpoint, maxIdle
		c.transport = safehttp.NewTransport(o)
	})
	return c.transport
}
