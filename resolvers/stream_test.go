package resolvers_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

func TestConnectionProgress(t *testing.T) {
	t.Parallel()
	s := start(t)
	con := s.connect(t, "shop.acme.lab")
	c := s.subscribe(t, "owner", `subscription($id: ID!) { connectionProgress(id: $id) { version state progress { headline } records { status } lastCheck { verdict } } }`, vars{"id": con})
	first := c.next()
	if at(t, first, "connectionProgress", "state") != "ACTION_REQUIRED" || at(t, first, "connectionProgress", "records", 0, "status") != "PENDING" {
		t.Fatalf("first %v", first)
	}
	s.World.right.Store(true)
	s.ask(t, "owner", `mutation($id: ID!) { checkConnection(id: $id) { connection { id } } }`, vars{"id": con})
	s.work(t)
	second := c.next()
	if at(t, second, "connectionProgress", "records", 0, "status") != "OK" || at(t, second, "connectionProgress", "lastCheck", "verdict") != "CORRECT" {
		t.Fatalf("the second message shows what the first one read: %v", second)
	}
	s.ask(t, "owner", `mutation($id: ID!) { archiveConnection(id: $id) { connection { id } } }`, vars{"id": con})
	for at(t, second, "connectionProgress", "state") != "ARCHIVED" {
		second = c.next()
	}
	c.ends()
	eventually(t, "nobody watches any more", func() bool { return s.Hub.Watchers() == 0 })
}

func TestTheLastMessageSaysWhyAWatchEnds(t *testing.T) {
	t.Parallel()
	s := start(t)
	con := s.connect(t, "shop.acme.lab")
	c := s.subscribe(t, "owner", `subscription($id: ID!) { connectionProgress(id: $id) { state } }`, vars{"id": con})
	c.next()
	s.Roles(t, s.Org, s.User)
	eventually(t, "the right ends", func() bool { // roles are remembered for a second
		_, err := s.Authz.Authorize(authz.With(t.Context(), s.caller("owner")), "connection.read", s.Org)
		return err != nil
	})
	s.Hub.Poke(con, 0)
	m := c.read()
	if m["type"] != "error" || at(t, m, "payload", 0, "extensions", "code") != "NOT_FOUND" {
		t.Fatalf("got %v", m)
	}
}

func TestStrangersCannotWatch(t *testing.T) {
	t.Parallel()
	s := start(t)
	con, unknown := s.connect(t, "shop.acme.lab"), ident.New[ident.ConnectionID](time.Now()).String()
	for _, text := range []string{`subscription($id: ID!) { connectionProgress(id: $id) { state } }`, `subscription($id: ID!) { connectionEvents(id: $id) { type } }`} {
		var got []string
		for _, id := range []string{con, unknown} {
			m := s.subscribe(t, "stranger", text, vars{"id": id}).read()
			raw, _ := json.Marshal(m)
			got = append(got, string(raw))
			if !strings.Contains(string(raw), "NOT_FOUND") {
				t.Errorf("%s: %s", text, raw)
			}
		}
		if got[0] != got[1] {
			t.Errorf("foreign %s\nunknown %s", got[0], got[1])
		}
	}
	m := s.subscribe(t, "owner", `subscription { connectionProgress(id: "nonsense") { state } }`, nil).read()
	if raw, _ := json.Marshal(m); !strings.Contains(string(raw), `"field":"id"`) {
		t.Errorf("a wrong id: %s", raw)
	}
}

func TestALargeSubscriptionIsRefusedInWords(t *testing.T) {
	t.Parallel()
	s := start(t)
	con, text, params := s.connect(t, "shop.acme.lab"), "", ""
	v := vars{"id": con}
	for n := range 7 {
		params += fmt.Sprintf(" $v%d: Boolean!", n)
		text += fmt.Sprintf(" a%d: state @skip(if: $v%d)", n, n)
		v[fmt.Sprintf("v%d", n)] = false
	}
	m := s.subscribe(t, "owner", `subscription($id: ID!`+params+`) { connectionProgress(id: $id) {`+text+` } }`, v).read()
	if m["type"] != "error" || at(t, m, "payload", 0, "extensions", "reason") != "subscription_size" || at(t, m, "payload", 0, "extensions", "code") != "INVALID" {
		t.Fatalf("got %v", m)
	}
}

func TestConnectionEvents(t *testing.T) {
	t.Parallel()
	s := start(t)
	con := s.connect(t, "shop.acme.lab")
	c := s.subscribe(t, "owner", `subscription($id: ID!) { connectionEvents(id: $id, after: 0) { sequence type text(locale: "de") connection { hostname } } }`, vars{"id": con})
	for n, want := range []string{"connection.created", "connection.analyzed"} {
		e := at(t, c.next(), "connectionEvents")
		if at(t, e, "sequence") != float64(n+1) || at(t, e, "type") != want || at(t, e, "connection", "hostname") != "shop.acme.lab" || at(t, e, "text") == want {
			t.Fatalf("event %d: %v", n, e)
		}
	}
	d := s.ask(t, "owner", `query($id: ID!) { connection(id: $id) { version } }`, vars{"id": con})
	s.ask(t, "owner", `mutation($i: UpdateConnectionInput!) { updateConnection(input: $i) { connection { id } } }`, vars{"i": vars{"id": con, "version": at(t, d, "connection", "version"), "labels": []string{"vip"}}})
	if e := at(t, c.next(), "connectionEvents"); at(t, e, "type") != "connection.updated" || at(t, e, "sequence") != 3.0 {
		t.Fatalf("live: %v", e)
	}
	resumed := s.subscribe(t, "owner", `subscription($id: ID!) { connectionEvents(id: $id, after: 2) { sequence } }`, vars{"id": con})
	if e := resumed.next(); at(t, e, "connectionEvents", "sequence") != 3.0 {
		t.Fatalf("resumed: %v", e)
	}
}

func TestConnectionsChanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.connect(t, "shop.acme.lab")
	c := s.subscribe(t, "owner", `subscription($o: ID!, $a: ID) { connectionsChanged(organizationId: $o, applicationId: $a) { position counts { state count } connection { hostname application { name } } } }`,
		vars{"o": s.Org.String(), "a": s.App.ID.String()})
	first := at(t, c.next(), "connectionsChanged")
	if at(t, first, "connection") != nil || at(t, first, "counts", 0, "state") != "ACTION_REQUIRED" || at(t, first, "counts", 0, "count") != 1.0 {
		t.Fatalf("first %v", first)
	}
	s.connect(t, "blog.acme.lab")
	for {
		m := at(t, c.next(), "connectionsChanged")
		if at(t, m, "position") == at(t, first, "position") {
			t.Fatal("something happened, and the position is the same")
		}
		if at(t, m, "connection", "hostname") == "blog.acme.lab" && at(t, m, "counts", 0, "count") == 2.0 {
			break
		}
	}
}

func TestCheckProgress(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.widget("page", "u1")
	body := document(t, "widget", "checkProgress")
	body["variables"] = vars{"hostname": "www.acme.lab", "applicationId": s.App.ID.String(), "locale": "de"}
	t.Run("Socket", func(t *testing.T) {
		c := s.subscribe(t, "owner", `subscription($a: ID!) { checkProgress(hostname: "www.acme.lab", applicationId: $a) { key state text result { hostname setup { type mechanism } records { id value } } } }`, vars{"a": s.App.ID.String()})
		for {
			step := at(t, c.next(), "checkProgress")
			if at(t, step, "key") == "result" {
				if at(t, step, "result", "hostname") != "www.acme.lab" || at(t, step, "result", "setup", 0, "type") != "MANUAL" {
					t.Errorf("result %v", step)
				}
				break
			}
		}
		c.ends()
	})
	t.Run("EventStream", func(t *testing.T) {
		raw, _ := json.Marshal(vars{"query": "", "extensions": vars{"documentId": body["documentId"]}, "variables": body["variables"]})
		q, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/graphql", strings.NewReader(string(raw)))
		q.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}, "Test-Caller": {"page"}}
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var got strings.Builder
		for in := bufio.NewScanner(resp.Body); in.Scan() && !strings.Contains(in.Text(), "event: complete"); {
			got.WriteString(in.Text() + "\n")
		}
		if !strings.Contains(got.String(), `"key":"result"`) || !strings.Contains(got.String(), `Sie legen die Einträge`) {
			t.Errorf("the stream: %s", got.String())
		}
	})
}

func TestViewerChanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.subscribe(t, "owner", `subscription($o: ID) { viewerChanged { isAuthenticated userId profile { displayName } permissions(organizationId: $o) currentOrganization { slug } } }`, vars{"o": s.Org.String()})
	first := at(t, c.next(), "viewerChanged")
	if at(t, first, "userId") != s.User.String() || at(t, first, "currentOrganization", "slug") != "acme" || at(t, first, "profile", "displayName") == "" {
		t.Fatalf("first %v", first)
	}
	if _, err := s.DB.Exec(t.Context(), "update user_profile set display_name = 'Ana', version = version + 1 where user_id = $1", s.User.UUID()); err != nil {
		t.Fatal(err)
	}
	s.Hub.Poke(s.Org.String(), 0) // somebody else's change looks again and finds this one
	if m := c.next(); at(t, m, "viewerChanged", "profile", "displayName") != "Ana" {
		t.Fatalf("second %v", m)
	}
}

func TestWebhookDeliveries(t *testing.T) {
	t.Parallel()
	s := start(t)
	d := s.ask(t, "owner", `mutation($i: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $i) { endpoint { id } } }`,
		vars{"i": vars{"organizationId": s.Org.String(), "url": "http://127.0.0.1:8443/hook", "topics": []string{"connection.live"}}})
	id := at(t, d, "createWebhookEndpoint", "endpoint", "id")
	sent := s.ask(t, "owner", `mutation($id: ID!) { sendTestWebhook(id: $id) { cursor } }`, vars{"id": id})
	c := s.subscribe(t, "owner", `subscription($id: ID!, $after: String) { webhookDeliveries(endpointId: $id, after: $after) { topic state endpoint { url } attempts { n } } }`,
		vars{"id": id, "after": at(t, sent, "sendTestWebhook", "cursor")})
	if m := at(t, c.next(), "webhookDeliveries"); at(t, m, "topic") != "webhook.test" || at(t, m, "state") != "PENDING" {
		t.Fatalf("got %v", m)
	}
}

// A page sees its own connections and no others, in its session as well as in a stream.
func TestAWidgetSeesItsOwn(t *testing.T) {
	t.Parallel()
	s := start(t)
	mine, err := s.Cons.Start(s.As(t.Context()), connection.StartConnectionInput{ApplicationID: s.App.ID, Hostname: "mine.acme.lab", EndUserRef: new("u1")})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := s.Cons.Start(s.As(t.Context()), connection.StartConnectionInput{ApplicationID: s.App.ID, Hostname: "theirs.acme.lab", EndUserRef: new("u2")})
	if err != nil {
		t.Fatal(err)
	}
	s.widget("u1", "u1")
	s.widget("claims", "", theirs.Connection.ID)
	for who, want := range map[string]string{"u1": "mine.acme.lab", "claims": "theirs.acme.lab"} {
		a := s.send(t, who, document(t, "widget", "widgetSession"))
		list, _ := at(t, a.Data, "widgetSession", "connections").([]any)
		if len(list) != 1 || at(t, list[0], "hostname") != want {
			t.Errorf("%s: %s", who, a.raw)
		}
	}
	body := document(t, "widget", "query documentsConnectionQuery")
	for id, open := range map[ident.ConnectionID]bool{mine.Connection.ID: true, theirs.Connection.ID: false} {
		body["variables"] = vars{"id": id.String()}
		if a := s.send(t, "u1", body); (len(a.Errors) == 0) != open {
			t.Errorf("%s: %s", id, a.raw)
		}
	}
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestOpsDeliveryChanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.failedMail(t, "lost@acme.example")
	s.let("operating", authz.Principal{Kind: authz.USER, UserID: s.User, SessionID: ident.New[ident.SessionID](time.Now()), AuthTime: time.Now(), AAL: 2, Operator: true}) // a browser: a person, who runs as an operator what is for operators
	c := s.subscribe(t, "operating", "", nil, document(t, "console", "subscription MessagesTailSubscription")["documentId"].(string))
	eventually(t, "somebody watches", func() bool { return s.Hub.Watchers() > 0 })
	if _, err := s.DB.Exec(t.Context(), "delete from suppression"); err != nil {
		t.Fatal(err)
	}
	s.ask(t, "operator", `mutation($id: ID!) { opsRedeliverEmail(id: $id) { id } }`, vars{"id": id})
	if m := c.next(); at(t, m, "opsDeliveryChanged", "id") != id || at(t, m, "opsDeliveryChanged", "state") != "QUEUED" {
		t.Errorf("%v", m)
	}
}
