package edge

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

const (
	idlePerOrigin = 64
	idleInAll     = 4096
	headMost      = 256 << 10 // of an origin's answer
	interimMost   = 8         // answers of 1xx to one request
)

var (
	errHead    = errors.New("the origin's answer has too long a head")
	errInterim = errors.New("the origin's answer has no end of interim answers")
	errSwitch  = errors.New("the origin switched protocols without being asked")
)

// direct asks origins by HTTP/1.1 what has no body, which is most of it. http.Transport hands each request to one goroutine that writes and another that
// reads; here whoever asks does both, which takes a third less time. What has a body, upgrades or goes over TLS is the transport's.
type direct struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu      sync.Mutex
	idle    map[string][]*line // by host:port, the one used last at the end
	count   int
	reaping bool
}

// line is a connection to an origin.
type line struct {
	net.Conn
	in    *bufio.Reader
	to    string
	room  int // octets of a head that may still come; negative: no limit
	since time.Time
}

func (l *line) Read(b []byte) (int, error) {
	if l.room == 0 {
		return 0, errHead
	}
	if l.room > 0 && len(b) > l.room {
		b = b[:l.room]
	}
	n, err := l.Conn.Read(b)
	if l.room > 0 {
		l.room -= n
	}
	return n, err
}

// takes says whether the request is one for direct.
func (d *direct) takes(r *http.Request) bool {
	return r.URL.Scheme == "http" && (r.Body == nil || r.Body == http.NoBody) && len(r.Trailer) == 0 && r.Header["Upgrade"] == nil && r.Header["Expect"] == nil
}

var heads = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// RoundTrip implements http.RoundTripper. The head of the answer must come within patience.
func (d *direct) RoundTrip(r *http.Request, patience time.Duration) (*http.Response, error) {
	head := heads.Get().(*bytes.Buffer)
	defer heads.Put(head)
	head.Reset()
	if err := writeHead(head, r); err != nil {
		return nil, err
	}
	to := r.URL.Host
	if r.URL.Port() == "" {
		to = net.JoinHostPort(r.URL.Hostname(), "80")
	}
	for {
		l, used := d.take(to), true
		if l == nil {
			c, err := d.dial(r.Context(), "tcp", to)
			if err != nil {
				return nil, err
			}
			l, used = &line{Conn: c, to: to}, false
			l.in = bufio.NewReader(l)
		}
		res, err := d.ask(l, r, head.Bytes(), patience)
		if err == nil {
			return res, nil
		}
		_ = l.Close()
		nothing, _ := errors.AsType[*nothingCame](err)
		if !used || nothing == nil || !idempotent(r.Method) || r.Context().Err() != nil {
			return nil, err
		}
	}
}

// nothingCame is the end of a connection before the first octet of an answer.
type nothingCame struct{ error }

func (n *nothingCame) Unwrap() error { return n.error }

func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

var notPassed = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Trailer": true, "User-Agent": true}

func writeHead(b *bytes.Buffer, r *http.Request) error {
	host, uri := r.Host, r.URL.RequestURI()
	if host == "" {
		host = r.URL.Host
	}
	if strings.ContainsFunc(host+uri, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return errors.New("the request's target cannot be written")
	}
	b.WriteString(r.Method)
	b.WriteByte(' ')
	b.WriteString(uri)
	b.WriteString(" HTTP/1.1\r\nHost: ")
	b.WriteString(host)
	b.WriteString("\r\n")
	if agent := r.Header["User-Agent"]; len(agent) > 0 && agent[0] != "" {
		b.WriteString("User-Agent: ")
		b.WriteString(headerValue(agent[0]))
		b.WriteString("\r\n")
	}
	if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		b.WriteString("Content-Length: 0\r\n")
	}
	if err := r.Header.WriteSubset(b, notPassed); err != nil {
		return err
	}
	b.WriteString("\r\n")
	return nil
}

// ask sends the head and reads that of the answer. The request's context ends both, and the reading of the body.
func (d *direct) ask(l *line, r *http.Request, head []byte, patience time.Duration) (_ *http.Response, err error) {
	ctx := r.Context()
	if err := l.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, &nothingCame{err}
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer func() {
		if err != nil {
			stop()
			err = wrap(ctx, err)
		}
	}()
	if _, err := l.Conn.Write(head); err != nil {
		return nil, &nothingCame{err}
	}
	l.room = headMost
	if _, err := l.in.Peek(1); err != nil {
		if timed, ok := errors.AsType[net.Error](err); ok && timed.Timeout() {
			return nil, err
		}
		return nil, &nothingCame{fmt.Errorf("read the origin's answer: %w", err)}
	}
	trace := httptrace.ContextClientTrace(ctx)
	for range interimMost {
		res, err := http.ReadResponse(l.in, r)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read the origin's answer: %w", err)
		case res.StatusCode == http.StatusSwitchingProtocols:
			return nil, errSwitch
		case res.StatusCode >= 200:
			l.room = -1
			if err := l.SetDeadline(time.Time{}); err != nil {
				return nil, err
			}
			a := &answerBody{ReadCloser: res.Body, line: l, pool: d, stop: stop, last: res.Close || !res.ProtoAtLeast(1, 1)}
			if res.Body == http.NoBody {
				a.end(true)
			} else {
				res.Body = a
			}
			return res, nil
		case trace != nil && trace.Got1xxResponse != nil && res.StatusCode != http.StatusContinue:
			if err := trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
				return nil, err
			}
		}
	}
	return nil, errInterim
}

// wrap tells the end of the request from the origin's.
func wrap(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// answerBody gives its line back when it was read to the end.
type answerBody struct {
	io.ReadCloser
	line *line
	pool *direct
	stop func() bool
	last bool // the origin says that the connection ends
	once sync.Once
}

func (a *answerBody) Read(b []byte) (int, error) {
	n, err := a.ReadCloser.Read(b)
	if err != nil {
		a.end(err == io.EOF)
	}
	return n, err
}

// Close hangs up where there is more to come: nobody wants it.
func (a *answerBody) Close() error { a.end(false); return nil }

func (a *answerBody) end(whole bool) {
	a.once.Do(func() {
		alive := a.stop()
		if whole && alive && !a.last && a.line.in.Buffered() == 0 && a.pool.keep(a.line) {
			return
		}
		_ = a.line.Close()
	})
}

// take finds a line that nothing has come from since it was used: neither its end nor an answer that nobody asked for.
func (d *direct) take(to string) *line {
	for {
		d.mu.Lock()
		list := d.idle[to]
		if len(list) == 0 {
			d.mu.Unlock()
			return nil
		}
		l := list[len(list)-1]
		d.drop(to, len(list)-1)
		d.mu.Unlock()
		if quiet(l.Conn) {
			return l
		}
		_ = l.Close()
	}
}

// drop takes a line out of the list.
func (d *direct) drop(to string, at int) {
	list := d.idle[to]
	copy(list[at:], list[at+1:])
	list[len(list)-1] = nil
	d.count--
	if d.idle[to] = list[:len(list)-1]; len(list) == 1 {
		delete(d.idle, to)
	}
}

func (d *direct) keep(l *line) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.idle[l.to]) >= idlePerOrigin || d.count >= idleInAll {
		return false
	}
	if d.idle == nil {
		d.idle = map[string][]*line{}
	}
	l.since = time.Now()
	d.idle[l.to] = append(d.idle[l.to], l)
	d.count++
	if !d.reaping {
		d.reaping = true
		time.AfterFunc(idleTime, d.reap)
	}
	return true
}

// reap closes what nobody used for idleTime, and comes back while there is more.
func (d *direct) reap() {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := time.Now().Add(-idleTime)
	for to, list := range d.idle {
		for len(list) > 0 && list[0].since.Before(before) { // the first were used the longest ago
			_ = list[0].Close()
			d.drop(to, 0)
			list = d.idle[to]
		}
	}
	if d.reaping = d.count > 0; d.reaping {
		time.AfterFunc(idleTime/2, d.reap)
	}
}

// closeIdle closes every line that nobody uses.
func (d *direct) closeIdle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, list := range d.idle {
		for _, l := range list {
			_ = l.Close()
		}
	}
	d.idle, d.count = nil, 0
}
