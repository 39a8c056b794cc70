package peer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// TestSocket_Protocol is every order and form of messages, with what the server says until the end: kinds of messages with their ids, then the close code.
// A code of 0 means that the socket goes on, which a ping proves.
func TestSocket_Protocol(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	const hello, over = `{"type":"connection_init"}`, `{"type":"complete","id":"1"}`
	ask := func(id, query string) string {
		return fmt.Sprintf(`{"type":"subscribe","id":%q,"payload":{"query":%q}}`, id, query)
	}
	idle, query := ask("1", "subscription { state }"), ask("1", "{ hello }")
	binary := func(c *client) { _ = c.WriteMessage(websocket.BinaryMessage, []byte(hello)) }
	for _, c := range []struct {
		name, say, hears string // lines; messages by kind and id
		code             int
	}{
		{"Query", hello + "\n" + query, "connection_ack; next 1; complete 1", 0},
		{"Mutation", hello + "\n" + ask("1", "mutation { change }"), "connection_ack; next 1; complete 1", 0},
		{"QueryWithErrors", hello + "\n" + ask("1", "{ fail }"), "connection_ack; next 1; complete 1", 0},
		{"Subscription", hello + "\n" + idle, "connection_ack; next 1", 0},
		{"SubscriptionThatEnds", hello + "\n" + ask("1", "subscription { count(to: 3) }"), "connection_ack; next 1; next 1; next 1; complete 1", 0},
		{"SubscriptionTooLarge", hello + "\n" + ask("1", "subscription { large }"), "connection_ack; error 1", 0},
		{"Refused", hello + "\n" + ask("1", "subscription { refused }"), "connection_ack; error 1", 0},
		{"NotOpened", hello + "\n" + ask("1", "subscription { broken }"), "connection_ack; error 1", 0},
		{"Panic", hello + "\n" + ask("1", "{ crash }"), "connection_ack; error 1", 0},
		{"Unparsable", hello + "\n" + ask("1", "{ hello"), "connection_ack; error 1", 0},
		{"NotInTheSchema", hello + "\n" + ask("1", "{ nothing }"), "connection_ack; error 1", 0},
		{"WrongVariable", hello + "\n" + `{"type":"subscribe","id":"1","payload":{"query":"subscription($n: Int!) { count(to: $n) }","variables":{"n":"x"}}}`, "connection_ack; error 1", 0},
		{"IDAgainAfterComplete", hello + "\n" + query + "\n?complete\n" + query, "connection_ack; next 1; complete 1; next 1; complete 1", 0},
		{"IDAgainAfterError", hello + "\n" + ask("1", "{ nothing }") + "\n?error\n" + query, "connection_ack; error 1; next 1; complete 1", 0},
		{"IDAgainAfterOurComplete", hello + "\n" + idle + "\n?next\n" + over + "\n" + idle, "connection_ack; next 1; next 1", 0},
		{"CompleteUnknown", hello + "\n" + `{"type":"complete","id":"nine"}`, "connection_ack", 0},
		{"CompleteAfterComplete", hello + "\n" + query + "\n?complete\n" + over, "connection_ack; next 1; complete 1", 0},
		{"CompleteBeforeHello", over + "\n" + hello, "connection_ack", 0},
		{"PingBeforeHello", `{"type":"ping"}` + "\n" + hello, "pong; connection_ack", 0},
		{"PingWithPayload", `{"type":"ping","payload":{"n":1.50}}` + "\n" + hello, `pong {"n":1.50}; connection_ack`, 0},
		{"PingWithNull", `{"type":"ping","payload":null}` + "\n" + hello, "pong; connection_ack", 0},
		{"PongUnasked", hello + "\n" + `{"type":"pong","payload":{}}`, "connection_ack", 0},
		{"HelloWithNull", `{"type":"connection_init","payload":null}`, "connection_ack", 0},
		{"HelloWithObject", `{"type":"connection_init","payload":{"more":[1,{"a":null}]}}`, "connection_ack", 0},
		{"UnknownMembers", `{"type":"connection_init","id":"x","more":true}`, "connection_ack", 0},
		{"LongID", hello + "\n" + ask(strings.Repeat("i", 300), "{ hello }"), "connection_ack; next " + strings.Repeat("i", 300) + "; complete " + strings.Repeat("i", 300), 0},
		{"DocumentID", hello + "\n" + `{"type":"subscribe","id":"1","payload":{"documentId":"sha256:00"}}`, "connection_ack; error 1", 0},

		{"HelloTwice", hello + "\n" + hello, "connection_ack", 4429},
		{"SubscribeBeforeHello", idle, "", 4401},
		{"SubscribeBeforeHelloWrong", `{"type":"subscribe","id":"1","payload":{"query":7}}`, "", 4401},
		{"SameIDTwice", hello + "\n" + idle + "\n" + idle, "connection_ack", 4409},
		{"LongIDTwice", hello + "\n" + ask(strings.Repeat("é", 200), "subscription { state }") + "\n" + ask(strings.Repeat("é", 200), "{ hello }"), "connection_ack", 4409},
		{"NotJSON", "hunter2", "", 4400},
		{"Empty", "", "", 4400},
		{"List", `[{"type":"connection_init"}]`, "", 4400},
		{"Text", `"connection_init"`, "", 4400},
		{"Null", `null`, "", 4400},
		{"Two", hello + hello, "", 4400},
		{"Unfinished", `{"type":"connection_init"`, "", 4400},
		{"Deep", `{"type":"connection_init","payload":{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}}`, "", 4400},
		{"NotUTF8", "{\"type\":\"connection_init\",\"payload\":{\"a\":\"\xff\"}}", "", 4400},
		{"MemberTwice", `{"type":"ping","type":"connection_init"}`, "", 4400},
		{"OtherCase", `{"Type":"connection_init"}`, "", 4400},
		{"NoType", `{"id":"1"}`, "", 4400},
		{"TypeIsNumber", `{"type":1}`, "", 4400},
		{"UnknownType", `{"type":"start","id":"1"}`, "", 4400},
		{"NextFromClient", hello + "\n" + `{"type":"next","id":"1","payload":{}}`, "connection_ack", 4400},
		{"ErrorFromClient", hello + "\n" + `{"type":"error","id":"1","payload":[]}`, "connection_ack", 4400},
		{"AckFromClient", `{"type":"connection_ack"}`, "", 4400},
		{"HelloWithList", `{"type":"connection_init","payload":[]}`, "", 4400},
		{"HelloWithText", `{"type":"connection_init","payload":"hunter2"}`, "", 4400},
		{"PingWithText", `{"type":"ping","payload":"x"}`, "", 4400},
		{"PongWithList", `{"type":"pong","payload":[]}`, "", 4400},
		{"SubscribeWithoutID", hello + "\n" + `{"type":"subscribe","payload":{"query":"{ hello }"}}`, "connection_ack", 4400},
		{"SubscribeWithEmptyID", hello + "\n" + `{"type":"subscribe","id":"","payload":{"query":"{ hello }"}}`, "connection_ack", 4400},
		{"SubscribeWithNumberAsID", hello + "\n" + `{"type":"subscribe","id":1,"payload":{"query":"{ hello }"}}`, "connection_ack", 4400},
		{"SubscribeWithoutPayload", hello + "\n" + `{"type":"subscribe","id":"1"}`, "connection_ack", 4400},
		{"SubscribeWithNull", hello + "\n" + `{"type":"subscribe","id":"1","payload":null}`, "connection_ack", 4400},
		{"SubscribeWithList", hello + "\n" + `{"type":"subscribe","id":"1","payload":[]}`, "connection_ack", 4400},
		{"SubscribeWithoutQuery", hello + "\n" + `{"type":"subscribe","id":"1","payload":{}}`, "connection_ack", 4400},
		{"QueryIsNumber", hello + "\n" + `{"type":"subscribe","id":"1","payload":{"query":7}}`, "connection_ack", 4400},
		{"VariablesAreList", hello + "\n" + `{"type":"subscribe","id":"1","payload":{"query":"{ hello }","variables":[]}}`, "connection_ack", 4400},
		{"NameIsObject", hello + "\n" + `{"type":"subscribe","id":"1","payload":{"query":"{ hello }","operationName":{}}}`, "connection_ack", 4400},
		{"ExtensionsAreText", hello + "\n" + `{"type":"subscribe","id":"1","payload":{"query":"{ hello }","extensions":"x"}}`, "connection_ack", 4400},
		{"CompleteWithoutID", hello + "\n" + `{"type":"complete"}`, "connection_ack", 4400},
		{"CompleteWithNumberAsID", hello + "\n" + `{"type":"complete","id":7}`, "connection_ack", 4400},
		{"WrongCredential", `{"type":"connection_init","payload":{"authorization":"Bearer wrong"}}`, "", 4403},
		{"CredentialIsNumber", `{"type":"connection_init","payload":{"authorization":7}}`, "", 4403},
		{"OtherScheme", `{"type":"connection_init","payload":{"authorization":"Basic aHVudGVyMg=="}}`, "", 4403},
		{"TooLarge", hello + "\n" + ask("1", strings.Repeat("x", maxMessage)), "connection_ack", 1009},
		{"TooLargeAtOnce", ask("1", strings.Repeat("x", 8*maxMessage)), "", 1009},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			head := http.Header{"Test-Caller": {c.name}}
			s, _, err := h.dial(t, head)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			heard := []string{}
			listen := func(until string) {
				for {
					m, err := s.any()
					if err != nil || m.Type == "pong" && string(m.Payload) == `{"end":1}` {
						if closed, ok := errors.AsType[*websocket.CloseError](err); ok && (closed.Code != c.code || strings.Contains(closed.Text, "hunter2") || closed.Text == "") {
							t.Errorf("it ended with %d %q", closed.Code, closed.Text)
						} else if c.code != 0 && !ok || err != nil && !ok {
							t.Errorf("it goes on, or was cut: %v", err)
						}
						return
					}
					line := strings.TrimSpace(m.Type + " " + m.ID)
					if m.Type == "pong" && m.Payload != nil {
						line += " " + string(m.Payload)
					}
					if heard = append(heard, line); m.Type == until {
						return
					}
				}
			}
			for line := range strings.SplitSeq(c.say, "\n") {
				switch kind, wait := strings.CutPrefix(line, "?"); {
				case wait:
					listen(kind)
				default:
					_ = s.WriteMessage(websocket.TextMessage, []byte(line)) // the server may have ended
				}
			}
			if want := strings.Split(c.hears, "; "); c.code == 0 { // until all came, then whatever comes before the answer to a ping
				for len(heard) < len(want) {
					listen(strings.Fields(want[len(heard)])[0])
					if t.Failed() {
						break
					}
				}
				s.say(`{"type":"ping","payload":{"end":1}}`)
			}
			listen("")
			var answers []string
			for _, line := range heard {
				if c.code == 0 || !strings.HasPrefix(line, "next") { // what was under way before a close may come or not
					answers = append(answers, line)
				}
			}
			if got := strings.Join(answers, "; "); got != c.hears {
				t.Errorf("heard %s\nwant  %s", got, c.hears)
			}
		})
	}
	t.Run("Binary", func(t *testing.T) {
		t.Parallel()
		s := h.knock(t)
		binary(s)
		if code, _ := s.code(); code != 4400 {
			t.Errorf("it ended with %d", code)
		}
	})
	t.Run("Stranger", func(t *testing.T) {
		t.Parallel()
		s := h.knock(t)
		s.say(hello)
		if code, _ := s.code(); code != 4403 {
			t.Errorf("it ended with %d", code)
		}
	})
	t.Run("ControlPing", func(t *testing.T) {
		t.Parallel()
		s := h.enter(t, "control")
		ponged := make(chan string, 1)
		s.SetPongHandler(func(data string) error { ponged <- data; return nil })
		_ = s.WriteControl(websocket.PingMessage, []byte("are you there"), time.Now().Add(time.Second))
		s.ask("1", "{ hello }")
		s.hear("next")
		if data := <-ponged; data != "are you there" {
			t.Errorf("pong %q", data)
		}
	})
	t.Run("ClientCloses", func(t *testing.T) {
		t.Parallel()
		s := h.enter(t, "closes")
		_ = s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "done"), time.Now().Add(time.Second))
		if code, _ := s.code(); code != 1000 { // an echo (RFC 6455, 5.5.1)
			t.Errorf("it ended with %d", code)
		}
	})
	for name, offer := range map[string][]string{"OldProtocol": {"graphql-ws"}, "NoProtocol": {}, "BothProtocols": {"graphql-ws", protocol}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, err := h.dial(t, http.Header{"Test-Caller": {name}}, offer...)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if name == "BothProtocols" {
				s.say(hello)
				s.hear("connection_ack")
				return
			}
			if code, _ := s.code(); code != 4406 {
				t.Errorf("it ended with %d", code)
			}
		})
	}
}

func TestSocket_OriginIsJudgedBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	for origin, allowed := range map[string]bool{"": true, "https://own.example": true, "https://evil.example": false, "null": false} {
		head := http.Header{}
		if origin != "" {
			head.Set("Origin", origin)
		}
		s, res, err := h.dial(t, head)
		if err == nil {
			s.Close()
		}
		if (err == nil) != allowed || !allowed && (res == nil || res.StatusCode != http.StatusForbidden) {
			t.Errorf("%q: %v %v", origin, res, err)
		}
	}
}

// What passes by itself must not end a session: two 4403 in a row do that in the client.
func TestSocket_OurOwnFaultIsNotTheCallers(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	for code, err := range map[int]error{4403: fault.Unauthorized("expired", "Over."), 1013: errors.New("the database is away")} {
		h.bearer.Store(&err)
		s := h.knock(t)
		s.say(`{"type":"connection_init","payload":{"authorization":"Bearer x"}}`)
		if got, text := s.code(); got != code || strings.Contains(text, "database") {
			t.Errorf("%v ended with %d %s", err, got, text)
		}
	}
	limited := error(fault.RateLimited(time.Second))
	h.bearer.Store(&limited)
	s := h.knock(t)
	s.say(`{"type":"connection_init","payload":{"authorization":"Bearer x"}}`)
	if got, _ := s.code(); got != 1013 {
		t.Errorf("too many attempts ended with %d", got)
	}
}

func TestSocket_EndsWithTheCredential(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	h.callers["page"] = authz.Principal{Kind: authz.WIDGET, Widget: &authz.WidgetClaims{TokenID: ident.New[ident.WidgetTokenID](time.Now())}}
	h.callers["key"] = authz.Principal{Kind: authz.API_KEY, KeyID: ident.New[ident.KeyID](time.Now())}
	h.callers["session"] = authz.Principal{Kind: authz.USER, SessionID: ident.New[ident.SessionID](time.Now())}
	for _, who := range []string{"page", "key", "session"} {
		soon := time.Now().Add(300 * time.Millisecond)
		h.callers["page"].Widget.ExpiresAt = soon
		for _, kind := range []string{"key", "session"} {
			p := h.callers[kind]
			p.Until = soon
			h.callers[kind] = p
		}
		s := h.enter(t, who)
		s.ask("1", "subscription { state }")
		s.hear("next")
		began := time.Now()
		if code, _ := s.code(); code != 4403 || time.Since(began) > 2*time.Second {
			t.Errorf("%s: %d after %s", who, code, time.Since(began))
		}
	}
	s := h.knock(t)
	s.say(`{"type":"connection_init","payload":{"authorization":"Bearer page"}}`)
	if code, _ := s.code(); code != 4403 {
		t.Errorf("with an old token: %d", code)
	}
}

// TestSocket_StaysWithACredentialThatWasExtended: the end that was known when it was opened is none, if the session was refreshed since.
func TestSocket_StaysWithACredentialThatWasExtended(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	var asked atomic.Int32
	h.Peers.Lasts = func(_ context.Context, caller authz.Principal) time.Time {
		if asked.Add(1) <= 2 && !caller.SessionID.IsZero() {
			return time.Now().Add(100 * time.Millisecond)
		}
		return time.Time{}
	}
	h.callers["session"] = authz.Principal{Kind: authz.USER, SessionID: ident.New[ident.SessionID](time.Now()), Until: time.Now().Add(50 * time.Millisecond)}
	s := h.enter(t, "session")
	s.ask("1", "subscription { state }")
	s.hear("next")
	if code, _ := s.code(); code != 4403 || asked.Load() != 3 {
		t.Errorf("%d after it was asked %d times", code, asked.Load())
	}
}

func TestSocket_NothingFollowsAComplete(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	s := h.enter(t, "done")
	s.ask("1", "subscription { state }")
	s.ask("2", "subscription { state }")
	s.hear("next")
	s.hear("next")
	s.say(`{"type":"complete","id":"1"}`)
	s.say(`{"type":"ping"}`)
	s.hear("pong") // it was read
	for range 5 {
		h.change()
		if m := s.hear("next"); m.ID != "2" {
			t.Fatalf("a message of %s came", m.ID)
		}
	}
}

func TestSocket_CompleteEndsWhatRuns(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	s := h.enter(t, "impatient")
	s.ask("1", "{ wait }")
	<-h.waiting
	s.say(`{"type":"complete","id":"1"}`)
	<-h.ended
	s.ask("1", "{ hello }")
	if m := s.hear("next"); string(m.Payload) != `{"data":{"hello":"hello"}}` {
		t.Errorf("%s", m.Payload)
	}
	s.hear("complete")
	s.ask("2", "{ wait }")
	<-h.waiting
	s.Close()
	<-h.ended
}

// Fifty answers of 200 kB at once wait for a reader that takes them.
func TestSocket_AnswersWaitForRoom(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	s := h.enter(t, "large")
	for n := range maxOperations {
		s.ask(fmt.Sprint(n), "{ long }")
	}
	whole := map[string]bool{}
	for len(whole) < maxOperations {
		m, err := s.any()
		if err != nil {
			t.Fatal(err)
		}
		if m.Type == "next" && len(m.Payload) > 200_000 {
			whole[m.ID] = true
		}
	}
}

func TestSocket_StopSaysGoingAway(t *testing.T) {
	t.Parallel()
	h := open(t, Patience{})
	var all []*client
	for n := range 20 {
		s := h.enter(t, fmt.Sprint(n))
		s.ask("1", "subscription { state }")
		s.hear("next")
		all = append(all, s)
	}
	silent := h.knock(t)
	codes := make(chan int)
	for _, s := range append(all, silent) {
		go func() { code, _ := s.code(); codes <- code }()
	}
	h.Close(t.Context())
	if n := h.Count(); n != 0 {
		t.Errorf("%d sockets are open after the stop", n)
	}
	for range len(all) + 1 {
		if code := <-codes; code != 1001 {
			t.Errorf("one ended with %d", code)
		}
	}
	if code, _ := h.knock(t).code(); code != 1001 {
		t.Errorf("a socket that came later ended with %d", code)
	}
	h.Close(t.Context())
}
