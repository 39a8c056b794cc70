package httpx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/slogx"
)

func start(t *testing.T, h http.Handler, grace time.Duration) (base string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&Server{Listener: l, Handler: h, Grace: grace}).Run(ctx) }()
	stop = func() error { cancel(); return <-ended }
	return "http://" + l.Addr().String(), stop
}

func TestServer_LetsRequestsFinishAndStreamsSayGoodbye(t *testing.T) {
	t.Parallel()
	arrived, finish := make(chan struct{}, 2), make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-finish
		if r.Context().Err() != nil {
			t.Error("an ordinary request was cancelled within the grace")
		}
		io.WriteString(w, "done")
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		arrived <- struct{}{}
		<-Stopping(r.Context())
		close(finish)
		io.WriteString(w, "goodbye")
	})
	base, stop := start(t, mux, 5*time.Second)
	bodies := make(chan string, 2)
	for _, path := range []string{"/slow", "/stream"} {
		go func() {
			res, err := http.Get(base + path)
			if err != nil {
				bodies <- err.Error()
				return
			}
			defer res.Body.Close()
			b, _ := io.ReadAll(res.Body)
			bodies <- string(b)
		}()
	}
	<-arrived
	<-arrived
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := []string{<-bodies, <-bodies}; got[0]+got[1] != "donegoodbye" && got[0]+got[1] != "goodbyedone" {
		t.Errorf("answers %q", got)
	}
	if _, err := http.Get(base); err == nil {
		t.Error("the listener is still open")
	}
}

func TestServer_CutsOffWhatOutlivesTheGrace(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	base, stop := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}), 10*time.Millisecond)
	go http.Get(base)
	<-arrived
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestServer_EndsWithTheErrorOfItsListener(t *testing.T) {
	t.Parallel()
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	l.Close()
	if err := (&Server{Listener: l}).Run(t.Context()); err == nil {
		t.Error("no error for a closed listener")
	}
}

func TestIdentify_GivesIdsOfItsOwn(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := slogx.New(&b, slogx.JSON, slog.LevelInfo)
	var seen string
	h := Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = RequestID(r.Context())
		log.InfoContext(r.Context(), "x")
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set(RequestIDHeader, "forged")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if len(seen) != 26 || w.Header().Get(RequestIDHeader) != seen || !strings.Contains(b.String(), `"request_id":"`+seen+`"`) {
		t.Errorf("id %q, header %q, log %s", seen, w.Header().Get(RequestIDHeader), &b)
	}
}

func TestWriteError(t *testing.T) {
	t.Parallel()
	bad := fault.Invalid("hostname", "hostname_empty", "Enter a name.")
	for _, c := range []struct {
		situation    string
		err          error
		status       int
		want, absent string
	}{
		{"fault", bad, 422, `"reason":"hostname_empty"`, `"errors"`},
		{"wrapped fault", fmt.Errorf("start: %w", bad), 422, `"field":"hostname"`, "start"},
		{"several faults", errors.Join(bad, fault.Invalid("note", "", "Too long.")), 422, `"errors":[`, "xx"},
		{"unknown error", errors.New("password of the database"), 500, `"code":"INTERNAL"`, "password"},
		{"limit", fault.RateLimited(1500 * time.Millisecond), 429, `"retryAfter":2`, "xx"},
		{"too large", &http.MaxBytesError{Limit: 10}, 413, `"too_large"`, "xx"},
		{"stranger", fault.NotFound("connection"), 404, `"NOT_FOUND"`, "connection"},
	} {
		var b bytes.Buffer
		r := httptest.NewRequest("GET", "/", nil)
		r = r.WithContext(WithRequestID(r.Context(), "r1"))
		w := httptest.NewRecorder()
		WriteError(w, r, slogx.New(&b, slogx.JSON, slog.LevelInfo), c.err)
		body := w.Body.String()
		if w.Code != c.status || !strings.Contains(body, c.want) || strings.Contains(body, c.absent) || !strings.Contains(body, `"requestId":"r1"`) || !json.Valid([]byte(body)) {
			t.Errorf("%s: %d %s", c.situation, w.Code, body)
		}
		if logged := b.Len() > 0; logged != (c.status == 500) {
			t.Errorf("%s: log %s", c.situation, &b)
		}
		if c.status == 429 && w.Header().Get("Retry-After") != "2" {
			t.Error("no Retry-After")
		}
	}
}

func TestRecover(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := slogx.New(&b, slogx.JSON, slog.LevelInfo)
	w := httptest.NewRecorder()
	fail := func(w http.ResponseWriter, r *http.Request, err error) { WriteError(w, r, log, err) }
	Recover(log, fail, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "boom") || strings.Count(b.String(), "\n") != 1 || !strings.Contains(b.String(), "boom") {
		t.Errorf("%d %s; log %s", w.Code, w.Body, &b)
	}
	defer func() {
		if recover() == nil {
			t.Error("half an answer was ended as if it were whole")
		}
	}()
	Recover(log, fail, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "half"); panic("boom") })).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

func TestRecover_LeavesSocketsAndStreamsTheirWay(t *testing.T) {
	t.Parallel()
	base, stop := start(t, Identify(Recover(slog.New(slog.DiscardHandler), nil, LimitBody(10, time.Second, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(http.Flusher); !ok {
			t.Error("no Flusher")
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		<-r.Context().Done() // a hijacked socket ends with the server's base context
	})))), time.Minute)
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	first := make([]byte, 12)
	if _, err := io.ReadFull(conn, first); err != nil || string(first) != "HTTP/1.1 101" {
		t.Fatalf("%q, %v", first, err)
	}
	began := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the socket held the stop up for %s", took)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Error(err)
	}
}

func TestLimitBody(t *testing.T) {
	t.Parallel()
	answered := make(chan error, 1)
	s := httptest.NewServer(LimitBody(10, 50*time.Millisecond, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		answered <- err
	})))
	defer s.Close()
	for body, tooBig := range map[string]bool{"0123456789": false, "0123456789a": true} {
		res, err := http.Post(s.URL, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if _, is := errors.AsType[*http.MaxBytesError](<-answered); is != tooBig {
			t.Errorf("%d octets: refused %v", len(body), is)
		}
	}
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab") // and never the rest
	if err := <-answered; err == nil {
		t.Error("a body that never came was waited for")
	}
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct{ remote, forwarded, want, network string }{
		{"203.0.113.9:1", "", "203.0.113.9", "203.0.113.9"},
		{"203.0.113.9:1", "1.1.1.1", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:1", "1.1.1.1", "1.1.1.1", "1.1.1.1"},
		{"10.0.0.1:1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1", "1.1.1.1"},
		{"10.0.0.1:1", "garbage", "10.0.0.1", "10.0.0.1"},
		{"10.0.0.1:1", "1.1.1.1:555", "1.1.1.1", "1.1.1.1"},
		{"10.0.0.1:1", "", "10.0.0.1", "10.0.0.1"},
		{"[::1]:1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"[::ffff:203.0.113.9]:1", "", "203.0.113.9", "203.0.113.9"},
		{"[fe80::1%eth0]:1", "", "fe80::1%eth0", "fe80::/64"},
		{"@", "1.1.1.1", "invalid IP", ""},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		a := ClientAddr(r, proxies)
		if a.String() != c.want || Network(a) != c.network {
			t.Errorf("%s %q: %s in %q, want %s in %q", c.remote, c.forwarded, a, Network(a), c.want, c.network)
		}
	}
}
