package webhook

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// listening is a bundle whose application is for tests.
func listening(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	b.s.OrgOfApplication = func(_ context.Context, id ident.ApplicationID) (ident.OrgID, error) {
		org := ident.OrgID{}
		if err := b.DB.QueryRow(t.Context(), "select org_id::text from application where id = $1", id.UUID()).Scan(new(string)); err != nil {
			return org, fault.NotFound("application")
		}
		return b.Org, nil
	}
	b.exec("update application set environment = 'TEST' where id = $1", b.app.UUID())
	return b
}

// heard takes steps until nothing is left, and answers the topics with their webhook-ids and the last cursor.
func heard(t *testing.T, next func(context.Context) ([]*WebhookMessageBatch, bool, error), ctx context.Context) (topics, ids []string, cursor string) {
	t.Helper()
	for more := true; more; {
		var news []*WebhookMessageBatch
		var err error
		if news, more, err = next(ctx); err != nil {
			t.Fatal(err)
		}
		for _, b := range news {
			cursor = b.Cursor
			for _, m := range b.Messages {
				topics, ids = append(topics, m.Topic), append(ids, m.WebhookID)
			}
		}
	}
	return topics, ids, cursor
}

// TestListen: a listener hears what an endpoint would be sent, byte for byte, and nothing is written for it.
func TestListen(t *testing.T) {
	b := listening(t)
	_, other := b.application(b.Org)
	k := receiver(t, status(200))
	r := b.create(CreateWebhookEndpointInput{OrganizationID: b.Org, URL: k.URL, Topics: []string{"*", "record.status_changed"}, ApplicationID: &b.app})
	ctx := b.As(t.Context())
	b.happen(b.con, "connection.created", `{"v":1}`) // before anybody listened
	b.pass(time.Second)
	f, err := b.s.Listen(ctx, b.app, []string{"*", "record.status_changed"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	first, more, err := f.Next(ctx)
	if err != nil || more || len(first) != 1 || len(first[0].Messages) != 0 || first[0].Cursor == "" || f.Subjects[0] != b.Org.String() {
		t.Fatalf("the first step: %+v %v %v", first, more, err)
	}
	if again, _, err := f.Next(ctx); err != nil || len(again) != 0 {
		t.Fatalf("without news: %+v %v", again, err)
	}
	b.happen(b.con, "connection.checked", `{"v":1,"state":"LIVE","records":[{"key":"target","from":"OK","to":"WRONG_VALUE","have":0,"of":2}]}`)
	b.happen(b.con, "connection.live", `{"v":1,"state":"LIVE"}`)
	b.happen(other, "connection.live", `{"v":1,"state":"LIVE"}`) // of another application
	b.happen(b.con, "connection.updated", `{"v":1}`)             // told to nobody
	news, _, err := f.Next(ctx)
	if err != nil || len(news) != 1 {
		t.Fatalf("%+v %v", news, err)
	}
	b.drain()
	bodies := map[string]string{}
	for _, m := range k.all() {
		bodies[m.header.Get("Webhook-Id")] = m.body
	}
	if len(news[0].Messages) != 2 || news[0].Messages[0].Topic != "record.status_changed" || news[0].Messages[1].Topic != "connection.live" {
		t.Fatalf("heard %+v", news[0].Messages)
	}
	for _, m := range news[0].Messages {
		if bodies[m.WebhookID] != m.Body {
			t.Errorf("heard %s, and %s was sent to the endpoint", m.Body, bodies[m.WebhookID])
		}
	}
	if n := len(b.log(r.Endpoint.ID)); n != 3 {
		t.Errorf("the log has %d deliveries: a listener writes none", n)
	}

	// Back at once: nothing of before it began, and what is repeated has the same id.
	early := news[0].Cursor
	at, err := b.s.Listen(ctx, b.app, []string{"*", "record.status_changed"}, &early)
	if err != nil {
		t.Fatal(err)
	}
	if topics, ids, _ := heard(t, at.Next, ctx); strings.Join(topics, " ") != "record.status_changed connection.live" || ids[1] != news[0].Messages[1].WebhookID {
		t.Errorf("repeated: %v", topics)
	}

	// Away for an hour, and back with the cursor: nothing is left out; what is repeated has the same id.
	cursor := news[0].Cursor
	b.pass(time.Hour)
	for n := range 3*heardAtOnce + 7 {
		b.happen(b.con, "connection.verifying", fmt.Sprintf(`{"v":1,"state":"VERIFYING","n":%d}`, n))
	}
	back, err := b.s.Listen(ctx, b.app, nil, &cursor)
	if err != nil {
		t.Fatal(err)
	}
	topics, ids, _ := heard(t, back.Next, ctx)
	unique := map[string]bool{}
	for _, id := range ids {
		unique[id] = true
	}
	if got := strings.Count(strings.Join(topics, " "), "connection.verifying"); got != 3*heardAtOnce+7 || len(unique) != len(ids) {
		t.Errorf("heard %d of %d, %d times in all", got, 3*heardAtOnce+7, len(ids))
	}

	// What was begun before and becomes visible late is heard too, once.
	late := b.now
	b.pass(5 * time.Second)
	heard(t, back.Next, ctx)
	now := b.now
	b.mu.Lock()
	b.now = late.Add(time.Second)
	b.mu.Unlock()
	b.happen(b.con, "connection.recovered", `{"v":1,"state":"LIVE"}`)
	b.mu.Lock()
	b.now = now
	b.mu.Unlock()
	if topics, _, _ := heard(t, back.Next, ctx); strings.Join(topics, " ") != "connection.recovered" {
		t.Errorf("late: %v", topics)
	}
	if topics, _, _ := heard(t, back.Next, ctx); len(topics) != 0 {
		t.Errorf("twice: %v", topics)
	}
}

// TestListen_Refusals: who may not, and what is not for tests.
func TestListen_Refusals(t *testing.T) {
	b := listening(t)
	live, _ := b.application(b.Org)
	ctx := b.As(t.Context())
	narrowed := authz.With(ctx, authz.Principal{Kind: authz.API_KEY, OrgID: b.Org, UserID: b.User, ApplicationID: live, Scopes: []authz.Permission{"webhook.read"}})
	without := authz.With(ctx, authz.Principal{Kind: authz.API_KEY, OrgID: b.Org, UserID: b.User, Scopes: []authz.Permission{"application.read"}})
	old, short := heardCursor(b.now.AddDate(-1, 0, 0), b.now.AddDate(-1, 0, 0)), cursor(b.now)
	for name, c := range map[string]struct {
		ctx    context.Context
		app    ident.ApplicationID
		topics []string
		after  *string
		want   string
	}{
		"Live":        {ctx, live, nil, nil, ":application_live"},
		"Unknown":     {ctx, ident.New[ident.ApplicationID](b.now), nil, nil, ":"},
		"Nobody":      {t.Context(), b.app, nil, nil, ":"},
		"Narrowed":    {narrowed, b.app, nil, nil, ":"},
		"Scope":       {without, b.app, nil, nil, ":"},
		"Topic":       {ctx, b.app, []string{"connection.born"}, nil, "topics.0:topic_unknown"},
		"ManyTopics":  {ctx, b.app, make([]string, 101), nil, "topics:topics_count"},
		"Cursor":      {ctx, b.app, nil, new("nonsense"), "after:cursor"},
		"OfAnother":   {ctx, b.app, nil, &short, "after:cursor"},
		"OldCursor":   {ctx, b.app, nil, &old, ""}, // no further than three days
		"EmptyCursor": {ctx, b.app, nil, new(""), ""},
	} {
		if _, err := b.s.Listen(c.ctx, c.app, c.topics, c.after); reasons(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	f, err := b.s.Listen(narrowed, live, nil, nil)
	if !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("%v %v", f, err)
	}
}
