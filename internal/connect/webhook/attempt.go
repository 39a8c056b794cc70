package webhook

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
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	timeout   = 15 * time.Second
	userAgent = "Nameplate-Webhooks/1"
	// beyond is read past what is kept, so that a secret that is cut in two is still recognised.
	beyond = 512
)

// tried is one attempt.
type tried struct {
	at         time.Time
	took       time.Duration
	ip         *string
	status     int // 0: no answer
	retryAfter string
	result     string // label of the metric
	problem    *string
	request    []byte // headers, redacted
	response   []byte
	body       *string
}

// try sends the frozen bytes once. Redirects are not followed; of the answer no more is read than is kept, and nothing is unpacked.
func (s *Service) try(ctx context.Context, d *webhookq.OutgoingRow, hidden secret.String) (tried, error) {
	t := tried{at: s.DB.Now()}
	id := webhookID(ident.From[ident.EventID](d.EventID), d.Topic)
	signature, err := sign(hidden, id, t.at, d.Body)
	if err != nil {
		return t, err
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if host, _, err := net.SplitHostPort(c.Conn.RemoteAddr().String()); err == nil {
			t.ip = &host
		}
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Url, bytes.NewReader(d.Body))
	if err != nil {
		return t, fmt.Errorf("make the request to an endpoint: %w", err)
	}
	req.GetBody = nil // the transport sends nothing twice by itself
	req.Header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {userAgent}, "Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(t.at.Unix(), 10)}, "Webhook-Signature": {signature}}
	t.request = headers(req.Header, hidden)
	began := time.Now()
	res, err := s.http().Do(req)
	if err != nil {
		t.took = time.Since(began)
		t.fail(err, s.limit(), hidden)
		return t, nil
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(io.LimitReader(res.Body, keptBody+beyond)) // an answer that breaks off has its status all the same
	t.took = time.Since(began)
	t.status, t.retryAfter, t.response = res.StatusCode, res.Header.Get("Retry-After"), headers(res.Header, hidden)
	t.body = new(readable(redact(string(raw), hidden), keptBody))
	t.result = class(t.status)
	if err := safehttp.RedirectError(res); err != nil {
		t.problem = new(readable(redact(err.Error(), hidden), keptValue))
	}
	return t, nil
}

// fail says what went wrong, without the address: its path may hold a token.
func (t *tried) fail(err error, limit time.Duration, hidden secret.String) {
	t.result = "unreachable"
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			t.result, err = "timeout", fmt.Errorf("no answer within %s", limit)
		} else {
			err = u.Err
		}
	}
	if _, ok := errors.AsType[*safehttp.Error](err); ok {
		t.result = "refused"
	}
	t.problem = new(readable(redact(err.Error(), hidden), keptValue))
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

func (s *Service) limit() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return timeout
}

// http is the one client of the process: connections to an endpoint are used again.
func (s *Service) http() *http.Client {
	s.once.Do(func() {
		o := s.Outside
		o.Timeout, o.MaxResponse = s.limit(), keptBody+2*beyond
		s.client = safehttp.NewClient(o)
	})
	return s.client
}
