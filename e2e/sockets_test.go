package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/e2e/stage"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// ended is how soon the end of a right must be felt: a second is promised, three are given to a busy machine.
const ended = 3 * time.Second

// TestO4_RightsEndEverywhere: whoever loses a right loses the open sockets with it, whichever process took it away (RU-6).
func TestO4_RightsEndEverywhere(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("rights.acme.lab")
	feed := documentNamed(t, h, "widget", "documentsProgressSubscription")
	for _, m := range []struct {
		name string
		make func(h *harness.House) (harness.Caller, harness.Query, func())
	}{
		{"DeletedKey", func(h *harness.House) (harness.Caller, harness.Query, func()) {
			caller, id := h.Key(nil)
			return caller, progressOf(c.ID), func() {
				a := h.Send(h.SignIn(), harness.Query{Document: documentNamed(t, h, "console", "KeysTableDeleteMutation"), Variables: map[string]any{"id": id.String()}})
				if len(a.Faults) > 0 {
					t.Fatalf("delete the key: %s", a.Raw)
				}
			}
		}},
		{"RevokedToken", func(h *harness.House) (harness.Caller, harness.Query, func()) {
			caller, id := h.Widget(map[string]any{"connectionIds": []string{c.ID}})
			return caller, harness.Query{Document: feed, Variables: map[string]any{"id": c.ID, "domain": "", "applicationId": h.Addresses.ApplicationID}}, func() {
				h.Must(`mutation($id: ID!) { revokeWidgetToken(tokenId: $id) { ok } }`, map[string]any{"id": id}, &struct{}{})
			}
		}},
		{"SignedOut", func(h *harness.House) (harness.Caller, harness.Query, func()) {
			browser := h.SignIn()
			return browser, harness.Query{Document: documentNamed(t, h, "console", "TimelineTailSubscription"), Variables: map[string]any{"id": c.ID, "after": 0}}, func() { signOut(t, h, browser) }
		}},
		{"RevokedProgram", func(h *harness.House) (harness.Caller, harness.Query, func()) {
			var made struct {
				AuthenticatePassword struct {
					Tokens struct{ AccessToken, RefreshToken string }
				}
			}
			a := h.Send(harness.Caller{}, harness.Query{Text: `mutation($in: AuthenticatePasswordInput!) { authenticatePassword(input: $in) { ... on TokensIssued { tokens { accessToken refreshToken } } } }`,
				Variables: map[string]any{"in": map[string]any{"username": stage.Email, "password": stage.Password, "client": "Backup"}}})
			tokens := &made.AuthenticatePassword.Tokens
			if decode(a.Data, &made); tokens.AccessToken == "" {
				t.Fatalf("sign a program in: %s", a.Raw)
			}
			return harness.Caller{Bearer: tokens.AccessToken}, progressOf(c.ID), func() {
				a := h.Send(harness.Caller{}, harness.Query{Text: `mutation($t: Secret!) { revokeToken(token: $t) { ok } }`, Variables: map[string]any{"t": tokens.RefreshToken}})
				if len(a.Faults) > 0 {
					t.Fatalf("revoke the tokens: %s", a.Raw)
				}
			}
		}},
		{"ByAnotherProcess", func(h *harness.House) (harness.Caller, harness.Query, func()) {
			caller, id := h.Key(nil)
			return caller, progressOf(c.ID), func() {
				elsewhere := authz.New(h.App.DB) // knows nothing of this process's sockets, and pokes nobody
				if err := h.App.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return elsewhere.Revoke(ctx, tx, id.String(), "revoked") }); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(m.name, func(t *testing.T) {
			h := h.With(t)
			caller, q, end := m.make(h)
			socket := h.Connect(caller)
			f := socket.Subscribe(q)
			if first, ok := f.Next(10 * time.Second); !ok || first.Type != "next" || strings.Contains(string(first.Payload), `"errors"`) {
				t.Fatalf("the subscription began with %s %s", first.Type, first.Payload)
			}
			idle := h.Connect(caller) // says nothing: it ends all the same
			end()
			began := time.Now()
			for name, s := range map[string]*harness.Socket{"busy": socket, "idle": idle} {
				if code, text := s.Code(ended); code != 4403 {
					t.Errorf("the %s socket ended with %d %s", name, code, text)
				}
			}
			t.Logf("ended after %s", time.Since(began))
			if again, _, err := h.Dial(caller); err == nil {
				again.Hello(caller)
				if code, text := again.Code(ended); code != 4403 {
					t.Errorf("a new socket ended with %d %s", code, text)
				}
			}
		})
	}
	t.Run("ExpiredToken", func(t *testing.T) {
		h := h.With(t)
		caller, _ := h.Widget(map[string]any{"connectionIds": []string{c.ID}, "ttlSeconds": 60})
		socket := h.Connect(caller)
		h.Lab.Clock.Advance(2 * time.Minute)
		if again, _, err := h.Dial(caller); err == nil {
			again.Hello(caller)
			if code, text := again.Code(ended); code != 4403 {
				t.Errorf("a socket with an expired token ended with %d %s", code, text)
			}
		}
		socket.Kill()
	})
}

// TestOrgs7_RemovedMember: who is removed from an organization loses what is open there within a second, and stays somebody elsewhere.
func TestOrgs7_RemovedMember(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("removed.acme.lab")
	guest := h.Tenant("guest")
	err := h.App.Door.System(t.Context(), "test", h.Org, func(ctx context.Context, e *door.Effect) error {
		_, err := h.App.Members.JoinTx(ctx, e, h.Org, guest.User, []authz.Role{authz.Member})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	browser := h.SignInAs(guest.Email, guest.Password)
	timeline := harness.Query{Document: documentNamed(t, h, "console", "TimelineTailSubscription"), Variables: map[string]any{"id": c.ID, "after": 0}}
	socket := h.Connect(browser)
	if first, ok := socket.Subscribe(timeline).Next(10 * time.Second); !ok || first.Type != "next" || strings.Contains(string(first.Payload), `"errors"`) {
		t.Fatalf("the subscription began with %s %s", first.Type, first.Payload)
	}
	owner, _ := h.Key(nil) // its scopes were listed after the member's permissions came to be
	a := h.Send(owner, harness.Query{Text: `mutation($org: ID!, $user: ID!) { uninviteMember(organizationId: $org, userId: $user) { members { totalCount nodes { email isOwner isBuyer } } } }`,
		Variables: map[string]any{"org": h.Org.String(), "user": guest.User.String()}})
	if len(a.Faults) > 0 || !strings.Contains(string(a.Raw), `"totalCount":1`) {
		t.Fatalf("remove the member: %s", a.Raw)
	}
	if code, text := socket.Code(ended); code != 4403 {
		t.Errorf("the socket ended with %d %s", code, text)
	}
	again := h.Connect(browser) // signed in still
	if first, ok := again.Subscribe(timeline).Next(10 * time.Second); !ok || first.Type != "error" || !strings.Contains(string(first.Payload), "NOT_FOUND") {
		t.Errorf("what was seen before: %s %s", first.Type, first.Payload)
	}
}

func progressOf(id string) harness.Query {
	return harness.Query{Text: `subscription($id: ID!) { connectionProgress(id: $id) { id version state } }`, Variables: map[string]any{"id": id}}
}

// documentNamed answers the id of the trusted document with an operation's name.
func documentNamed(t *testing.T, h *harness.House, front, name string) string {
	t.Helper()
	for id, text := range h.Documents(front) {
		for _, kind := range []string{"query ", "mutation ", "subscription "} {
			if strings.Contains(text, kind+name) {
				return id
			}
		}
	}
	t.Fatalf("graph/documents/%s.json has no %s", front, name)
	return ""
}

func signOut(t *testing.T, h *harness.House, browser harness.Caller) {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.Addresses.Console+"/auth/sign-out", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Cookie", "__Host-np_s="+browser.Cookie)
	r.Header.Set("X-Nameplate-Csrf", browser.CSRF)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("sign out: %d", res.StatusCode)
	}
}

type progress struct {
	ConnectionProgress struct {
		ID, State string
		Version   int
	}
}

type rows struct {
	ConnectionEvents struct {
		ID, Type string
		Sequence int
	}
}

// TestC4_LiveOverCutSockets: watchers see the state now and every newer version, and the events without a gap or a repeat, however often the network
// cuts them off (CN-40).
func TestC4_LiveOverCutSockets(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("cut.acme.lab")
	key := harness.Caller{Bearer: h.Addresses.APIKey}
	events := func(after int) harness.Query {
		return harness.Query{Text: `subscription($id: ID!, $after: Int64) { connectionEvents(id: $id, after: $after) { id sequence type } }`, Variables: map[string]any{"id": c.ID, "after": after}}
	}
	var seen []rows
	states, version, sockets := []string{}, 0, 0
	// watch follows both feeds of one socket until the condition holds, then cuts it.
	watch := func(until func() bool) {
		socket := h.Connect(key)
		sockets++
		state, stream := socket.Subscribe(progressOf(c.ID)), socket.Subscribe(events(len(seen)))
		var now progress
		state.Data(10*time.Second, &now)
		if now.ConnectionProgress.Version < version {
			t.Errorf("after the cut the state now is version %d, older than %d", now.ConnectionProgress.Version, version)
		}
		note := func(p progress) {
			version = p.ConnectionProgress.Version
			if s := p.ConnectionProgress.State; len(states) == 0 || states[len(states)-1] != s {
				states = append(states, s)
			}
		}
		note(now)
		h.Until("what is watched for", 30*time.Second, func() (bool, string) {
			for {
				m, ok := state.Next(0)
				if !ok {
					break
				}
				var p progress
				if err := json.Unmarshal(m.Payload, &struct{ Data *progress }{&p}); err != nil || m.Type != "next" {
					t.Fatalf("%s %s", m.Type, m.Payload)
				}
				if p.ConnectionProgress.Version <= version {
					t.Errorf("version %d came after %d", p.ConnectionProgress.Version, version)
				}
				note(p)
			}
			for {
				m, ok := stream.Next(0)
				if !ok {
					break
				}
				var r rows
				if err := json.Unmarshal(m.Payload, &struct{ Data *rows }{&r}); err != nil || m.Type != "next" {
					t.Fatalf("%s %s", m.Type, m.Payload)
				}
				if seen = append(seen, r); r.ConnectionEvents.Sequence != len(seen) {
					t.Fatalf("event %d came where %d was next", r.ConnectionEvents.Sequence, len(seen))
				}
			}
			return until(), fmt.Sprintf("versions to %d, states %v, %d events", version, states, len(seen))
		})
		socket.Kill()
	}
	reached := func(s string) func() bool { return func() bool { return slices.Contains(states, s) } }
	watch(reached("ACTION_REQUIRED"))
	h.AddRecords("acme.lab", h.Connection(c.ID))
	watch(func() bool { return len(seen) > 2 })
	watch(reached("LIVE"))
	watch(func() bool { return seen[len(seen)-1].ConnectionEvents.Type == "connection.live" })

	var timeline struct {
		Connection struct {
			Version  int
			Timeline struct{ Nodes []struct{ ID string } }
		}
	}
	h.Until("the feeds are where the object is", 10*time.Second, func() (bool, string) {
		h.Must(`query($id: ID!) { connection(id: $id) { version timeline(first: 100) { nodes { id } } } }`, map[string]any{"id": c.ID}, &timeline)
		if len(timeline.Connection.Timeline.Nodes) > len(seen) {
			n := len(timeline.Connection.Timeline.Nodes)
			watch(func() bool { return len(seen) >= n })
		}
		return timeline.Connection.Version == version && len(timeline.Connection.Timeline.Nodes) == len(seen), fmt.Sprintf("%+v, seen version %d and %d events", timeline, version, len(seen))
	})
	newest := timeline.Connection.Timeline.Nodes
	for n, r := range seen {
		if r.ConnectionEvents.ID != newest[len(newest)-1-n].ID {
			t.Errorf("event %d of the feed is not that of the timeline", n+1)
		}
	}
	t.Logf("%d sockets, states %v, %d events", sockets, states, len(seen))

	t.Run("EndsWithTheConnection", func(t *testing.T) {
		h := h.With(t)
		f := h.Connect(key).Subscribe(progressOf(c.ID))
		var p progress
		f.Data(10*time.Second, &p)
		h.Must(`mutation($id: ID!) { archiveConnection(id: $id, confirmHostname: "cut.acme.lab") { connection { id } } }`, map[string]any{"id": c.ID}, &struct{}{})
		for p.ConnectionProgress.State != "ARCHIVED" {
			f.Data(10*time.Second, &p)
		}
		if m, ok := f.Next(10 * time.Second); !ok || m.Type != "complete" {
			t.Errorf("after the archive came %s %s", m.Type, m.Payload)
		}
	})
}

// TestC4_EventStream: where sockets are impossible, the same subscriptions come as an event stream (CN-40).
func TestC4_EventStream(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.StartConnection("stream.acme.lab")
	body, _ := json.Marshal(progressOf(c.ID))
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.Addresses.GraphQL, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+h.Addresses.APIKey)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if ct := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || !strings.HasPrefix(ct, "text/event-stream") {
		t.Fatalf("%d %s", res.StatusCode, ct)
	}
	type line struct{ event, data string }
	lines := make(chan line)
	go func() {
		defer close(lines)
		var l line
		in := bufio.NewScanner(res.Body)
		for in.Scan() {
			switch key, value, _ := strings.Cut(in.Text(), ":"); {
			case key == "event":
				l.event = strings.TrimSpace(value)
			case key == "data":
				l.data += strings.TrimSpace(value)
			case in.Text() == "" && l.event != "":
				select {
				case lines <- l:
				case <-t.Context().Done():
					return
				}
				l = line{}
			}
		}
	}()
	version, added, archived := 0, false, false
	deadline := time.After(60 * time.Second)
	for {
		var l line
		var open bool
		select {
		case l, open = <-lines:
		case <-deadline:
			t.Fatalf("the stream stands still at version %d of %+v", version, h.Connection(c.ID))
		}
		if !open {
			t.Fatal("the stream broke off")
		}
		if l.event == "complete" {
			break
		}
		var p struct{ Data progress }
		if err := json.Unmarshal([]byte(l.data), &p); err != nil || l.event != "next" {
			t.Fatalf("%+v: %v", l, err)
		}
		now := p.Data.ConnectionProgress
		if now.Version <= version {
			t.Errorf("version %d came after %d", now.Version, version)
		}
		version = now.Version
		switch {
		case now.State == "ACTION_REQUIRED" && !added:
			added = true
			h.AddRecords("acme.lab", h.Connection(c.ID))
		case now.State == "LIVE" && !archived:
			archived = true
			h.Must(`mutation($id: ID!) { archiveConnection(id: $id, confirmHostname: "stream.acme.lab") { connection { id } } }`, map[string]any{"id": c.ID}, &struct{}{})
		}
	}
	if !archived {
		t.Errorf("the stream completed before the connection was archived")
	}
}
