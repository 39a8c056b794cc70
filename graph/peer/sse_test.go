package peer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// follow opens an event stream; its body is closed with the test.
func (h *hall) follow(t *testing.T, caller, body string, head ...string) *http.Response {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+"/graphql", strings.NewReader(body))
	r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}, "Test-Caller": {caller}}
	for n := 0; n < len(head); n += 2 {
		r.Header.Set(head[n], head[n+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// events reads up to n events, as name and data; comments are "".
func events(t *testing.T, in *bufio.Reader, n int) (out []string) {
	t.Helper()
	event := ""
	for len(out) < n {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			return append(out, "end")
		} else if err != nil {
			t.Fatalf("after %q: %v", out, err)
		}
		switch line = strings.TrimRight(line, "\n"); {
		case line == "" && event != "":
			out, event = append(out, event), ""
		case strings.HasPrefix(line, "event: "):
			event = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data:") && line != "data:":
			event += strings.TrimPrefix(line, "data:")
		}
	}
	return out
}

func TestStream_Operations(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	for name, c := range map[string]struct{ query, want string }{
		"Query":        {"{ hello }", `next {"data":{"hello":"hello"}}|complete|end`},
		"Mutation":     {"mutation { change }", `next {"data":{"change":"hello"}}|complete|end`},
		"Subscription": {"subscription { count(to: 2) }", `next {"data":{"count":1,"fill":""}}|next {"data":{"count":2,"fill":""}}|complete|end`},
		"TooLarge":     {"subscription { large }", `next {"errors":[{"message":"Ask for less.","extensions":{"code":"INVALID","field":"query","reason":"subscription_size","requestId":"req-1"}}]}|complete|end`},
		"NotOpened":    {"subscription { broken }", `next {"errors":[{"message":"cannot be opened","extensions":{"requestId":"req-1"}}]}|complete|end`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := h.follow(t, name, `{"query":"`+c.query+`"}`)
			if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" || res.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%d %v", res.StatusCode, res.Header)
			}
			if got := strings.Join(events(t, bufio.NewReader(res.Body), 9), "|"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What is wrong before anything runs is an ordinary answer.
func TestStream_RefusedRequests(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	for name, c := range map[string]struct {
		body   string
		status int
		head   []string
	}{
		"NotJSON": {`hunter2`, 400, nil}, "Unparsable": {`{"query":"{ hunter2"}`, 400, nil}, "NotInTheSchema": {`{"query":"{ nothing }"}`, 400, nil}, "NoQuery": {`{}`, 400, nil},
		"MemberTwice": {`{"query":"{ hello }","query":"{ hello }"}`, 400, nil}, "Large": {`{"query":"` + strings.Repeat("x", maxBody) + `"}`, 413, nil},
		"OtherType": {`{"query":"{ hello }"}`, 415, []string{"Content-Type", "text/plain"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := h.follow(t, name, c.body, c.head...)
			raw, _ := io.ReadAll(res.Body)
			if res.StatusCode != c.status || !strings.HasPrefix(string(raw), `{"errors":[`) || strings.Contains(string(raw), `"hunter2`) || strings.Contains(string(raw), `"data"`) {
				t.Errorf("%d %s", res.StatusCode, raw)
			}
		})
	}
}

func TestStream_CommentsKeepItOpenAndTheStopEndsIt(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{Ping: 20 * time.Millisecond})
	res := h.follow(t, "a", `{"query":"subscription { state }"}`)
	in := bufio.NewReader(res.Body)
	if got := events(t, in, 1); got[0] != `next {"data":{"state":1,"fill":""}}` {
		t.Fatalf("%q", got)
	}
	for comments := 0; comments < 3; {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == ":\n" {
			comments++
		}
	}
	h.change()
	if got := events(t, in, 1); got[0] != `next {"data":{"state":2,"fill":""}}` {
		t.Errorf("%q", got)
	}
	h.Close(t.Context())
	if got := events(t, in, 1); got[0] != "end" { // and no complete: the client comes back
		t.Errorf("%q", got)
	}
	if res := h.follow(t, "a", `{"query":"subscription { state }"}`); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after the stop: %d", res.StatusCode)
	}
}

func TestStream_CountsAmongTheSockets(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	h.callers["page"] = authz.Principal{Kind: authz.WIDGET, Widget: &authz.WidgetClaims{TokenID: ident.New[ident.WidgetTokenID](time.Now()), ExpiresAt: time.Now().Add(time.Hour)}}
	for range 2 {
		h.enter(t, "page")
	}
	for range 3 {
		events(t, bufio.NewReader(h.follow(t, "page", `{"query":"subscription { state }"}`).Body), 1)
	}
	res := h.follow(t, "page", `{"query":"subscription { state }"}`)
	raw, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "1" || !strings.Contains(string(raw), `"RATE_LIMITED"`) {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, raw)
	}
	s := h.knock(t)
	s.say(`{"type":"connection_init","payload":{"authorization":"Bearer page"}}`)
	if code, text := s.code(); code != 1013 || text != "Too many sockets" {
		t.Errorf("one socket more ended with %d %s", code, text)
	}
}

func TestStream_EndsWithTheToken(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	h.callers["page"] = authz.Principal{Kind: authz.WIDGET, Widget: &authz.WidgetClaims{TokenID: ident.New[ident.WidgetTokenID](time.Now()), ExpiresAt: time.Now().Add(300 * time.Millisecond)}}
	in := bufio.NewReader(h.follow(t, "page", `{"query":"subscription { state }"}`).Body)
	began := time.Now()
	if got := events(t, in, 2); got[1] != "end" || time.Since(began) > 2*time.Second {
		t.Errorf("%q after %s", got, time.Since(began))
	}
}

func TestHostile_Streams(t *testing.T) {
	h := open(t, Patience{Write: time.Second})
	h.many(t)
	before := measure()
	h.many(t)
	before.rested(t)
	if h.hub.Watchers() != 0 || h.places.taken() != 0 {
		t.Errorf("%d watch, %d places are taken", h.hub.Watchers(), h.places.taken())
	}
}

// many opens streams that read nothing, and are cut; others whose clients go away.
func (h *hall) many(t *testing.T) {
	for n := range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, h.URL+"/graphql", strings.NewReader(`{"query":"subscription { state(size: 100000) }"}`))
		r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}, "Test-Caller": {fmt.Sprint(n)}}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if n%4 != 0 {
			cancel()
			res.Body.Close()
			continue
		}
		defer func() { cancel(); res.Body.Close() }()
	}
	for deadline := time.Now().Add(60 * time.Second); h.Count() > 0; <-time.After(time.Millisecond) {
		h.change()
		if time.Now().After(deadline) {
			t.Fatalf("%d slow readers are still served", h.Count())
		}
	}
}

func TestEncodeEvent_LineBreaksBeginALine(t *testing.T) {
	t.Parallel()
	got := string(encodeEvent(nil, frame{kind: nextMessage, payload: []byte("{\"a\":\r\n\n1}")}))
	if want := "event: next\ndata: {\"a\":\ndata: 1}\n\n"; got != want {
		t.Errorf("%q", got)
	}
}
