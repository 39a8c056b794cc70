// Package send makes one attempt at a message, by the rules of Standard Webhooks 1.0, and says what follows from its outcome. It keeps what a person may see of
// the exchange, and nothing else.
package send

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
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

	once sync.Once
	http *http.Client
}

// Request is one message to one address, now.
type Request struct {
	URL     string
	ID      string          // webhook-id
	Secrets []secret.String // the newest first; each signs
	Body    []byte
	At      time.Time // webhook-timestamp
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
// attempt too; the error is one of ours.
func (c *Client) Send(ctx context.Context, r Request) (*Attempt, error) {
	a := &Attempt{At: r.At}
	signature, err := Sign(r.ID, r.At, r.Body, r.Secrets...)
	if err != nil {
		return nil, err
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if host, _, err := net.SplitHostPort(got.Conn.RemoteAddr().String()); err == nil {
			a.IP = &host
		}
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, fmt.Errorf("make the request to an endpoint: %w", err)
	}
	req.GetBody = nil // the transport sends nothing twice by itself
	at := strconv.FormatInt(r.At.Unix(), 10)
	req.Header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {userAgent}, "Webhook-Id": {r.ID}, "Webhook-Timestamp": {at}, "Webhook-Signature": {signature}}
	a.Request = []byte(`{"content-type":"application/json","user-agent":"` + userAgent + `","webhook-id":"` + r.ID + `","webhook-signature":"` + redacted + `","webhook-timestamp":"` + at + `"}`)
	began := time.Now()
	res, err := c.client().Do(req)
	if err != nil {
		a.Took = time.Since(began)
		a.fail(err, c.Timeout, r.Secrets)
		return a, nil
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(io.LimitReader(res.Body, keptBody+beyond)) // an answer that breaks off has its status all the same
	a.Took = time.Since(began)
	a.Status, a.RetryAfter, a.Response = res.StatusCode, res.Header.Get("Retry-After"), headers(res.Header, r.Secrets)
	a.Body = Readable(redact(string(raw), r.Secrets), keptBody)
	a.Result = class(a.Status)
	if err := safehttp.RedirectError(res); err != nil {
		a.Error = new(Readable(redact(err.Error(), r.Secrets), keptValue))
	}
	return a, nil
}

// fail says what went wrong.
func (a *Attempt) fail(err error, limit time.Duration, hidden []secret.String) {
	a.Result = "unreachable"
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			a.Result, err = "timeout", fmt.Errorf("no answer within %s", limit)
		} else {
			err = u.Err
		}
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

func (c *Client) client() *http.Client {
	c.once.Do(func() {
		o := c.Outside
		o.Timeout, o.MaxResponse, o.IdlePerHost, o.Idle = c.Timeout, keptBody+2*beyond, c.PerEndpoint, maxIdle
		c.http = safehttp.NewClient(o)
	})
	return c.http
}
