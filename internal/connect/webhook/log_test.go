package webhook

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/live/livetest"
)

func TestOnlyWhatWasAskedForIsSent(t *testing.T) {
	b := setup(t)
	app2, con2 := b.application(b.Org)
	k := receiver(t, status(200))
	make := func(in CreateWebhookEndpointInput) ident.WebhookID {
		in.OrganizationID, in.URL = b.Org, k.URL
		return b.create(in).Endpoint.ID
	}
	all := make(CreateWebhookEndpointInput{Topics: []string{"*"}})
	named := make(CreateWebhookEndpointInput{Topics: []string{"connection.checked", "record.status_changed"}})
	second := make(CreateWebhookEndpointInput{Topics: []string{"*"}, ApplicationID: &app2})
	filtered := make(CreateWebhookEndpointInput{Topics: []string{"connection.*"}, Filter: json.RawMessage(`{"state":"LIVE","applicationId":"` + b.app.String() + `"}`)})
	b.happen(b.con, "connection.live", `{"v":1,"state":"LIVE"}`)
	b.happen(b.con, "connection.checked", `{"v":1,"state":"LIVE","records":[{"key":"target","from":"OK","to":"WRONG_VALUE","have":0,"of":2}]}`)
	b.happen(b.con, "connection.updated", `{"v":1}`)
	b.happen(con2, "connection.archived", `{"v":1,"state":"ARCHIVED"}`)
	b.happen(ident.New[ident.ConnectionID](b.now), "connection.live", `{"v":1}`) // nobody knows it
	if _, err := b.s.Update(b.As(t.Context()), UpdateWebhookEndpointInput{ID: second, Version: 1, Status: new(Disabled)}); err != nil {
		t.Fatal(err)
	}
	b.drain()
	for id, want := range map[ident.WebhookID]string{all: "connection.live connection.archived webhook.disabled", named: "connection.checked record.status_changed", second: "connection.archived", filtered: "connection.live"} {
		var got []string
		for _, d := range b.log(id) {
			got = append(got, d.Topic)
		}
		slices.Sort(got)
		wanted := strings.Fields(want)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%s got %v, not %v", id, got, wanted)
		}
	}
}

func TestTheLogPagesAndFilters(t *testing.T) {
	b := setup(t)
	other := b.connection(b.Org, b.app, "other.example.com")
	k := receiver(t, status(200), status(200), status(200), status(500))
	r := b.endpoint(k.URL, "*")
	for range 3 {
		b.happen(b.con, "connection.verifying", `{"v":1}`)
		b.drain()
	}
	b.pass(time.Minute)
	b.happen(other, "connection.live", `{"v":1}`)
	b.drain()
	ctx := b.As(t.Context())
	for name, c := range map[string]struct {
		f    DeliveryFilter
		want int32
	}{
		"All":        {DeliveryFilter{}, 4},
		"State":      {DeliveryFilter{State: []WebhookDeliveryState{Retrying, Failed}}, 1},
		"Topic":      {DeliveryFilter{Topic: new("connection.verifying")}, 3},
		"Connection": {DeliveryFilter{ConnectionID: &other}, 1},
		"Window":     {DeliveryFilter{Window: &TimeWindow{b.now.Add(-time.Hour), b.now}}, 3},
	} {
		p, err := b.s.Deliveries(ctx, r.Endpoint.ID, c.f, page.Args{First: 2})
		if err != nil || *p.TotalCount != c.want || len(p.Nodes) != min(2, int(c.want)) || p.PageInfo.HasNextPage != (c.want > 2) {
			t.Fatalf("%s: %+v %v", name, p, err)
		}
		if c.want > 2 {
			after, err := page.ParseCursor(*p.PageInfo.EndCursor)
			if err != nil {
				t.Fatal(err)
			}
			next, err := b.s.Deliveries(ctx, r.Endpoint.ID, c.f, page.Args{First: 2, After: &after})
			if err != nil || len(next.Nodes) != int(c.want)-2 || next.Nodes[0].ID.String() >= p.Nodes[1].ID.String() {
				t.Fatalf("%s: %+v %v", name, next, err)
			}
		}
	}
	if _, err := b.s.Deliveries(ctx, r.Endpoint.ID, DeliveryFilter{Window: &TimeWindow{b.now, b.now}}, page.Args{First: 2}); reasons(err) != "window:window" {
		t.Fatal(err)
	}
}

func TestWatchersSeeEachStateAndResume(t *testing.T) {
	b := setup(t)
	k := receiver(t, status(500), status(200))
	r := b.endpoint(k.URL, "*")
	b.happen(b.con, "connection.created", `{"v":1}`)
	b.drain() // 500: it was there before anybody looked
	ctx, leave := context.WithCancel(b.As(t.Context()))
	f, err := b.s.Watch(ctx, r.Endpoint.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := livetest.Channel(ctx, b.Hub, f)
	next := func(c <-chan livetest.Result[*WebhookDelivery]) *WebhookDelivery {
		select {
		case m, ok := <-c:
			if !ok || m.Err != nil {
				t.Fatalf("the stream ended: %v", m.Err)
			}
			return m.Value
		case <-time.After(10 * time.Second):
			t.Fatal("nothing came")
		}
		return nil
	}
	b.pass(6 * time.Second)
	b.drain()
	d := next(c)
	for d.State != Succeeded {
		d = next(c)
	}
	test, err := b.s.Test(b.As(t.Context()), r.Endpoint.ID, message.TestTopic)
	if err != nil {
		t.Fatal(err)
	}
	if d = next(c); d.ID != test.ID || d.State != Pending {
		t.Fatalf("%+v", d)
	}
	cursor := d.Cursor
	leave()
	for range c {
	}
	b.pass(time.Minute)
	b.drain() // the test arrives while nobody looks
	ctx, leave = context.WithCancel(b.As(t.Context()))
	if f, err = b.s.Watch(ctx, r.Endpoint.ID, &cursor); err != nil {
		t.Fatal(err)
	}
	c = livetest.Channel(ctx, b.Hub, f)
	for d = next(c); d.ID != test.ID || d.State != Succeeded; d = next(c) {
	}
	leave()
	for range c {
	}
	for _, bad := range []string{"x", cursor + "A", "AAAAAAAAAAA", "__________8"} {
		if _, err := b.s.Watch(b.As(t.Context()), r.Endpoint.ID, &bad); reasons(err) != "after:cursor" {
			t.Fatalf("%q: %v", bad, err)
		}
	}
	ended, err := b.s.Watch(b.As(t.Context()), r.Endpoint.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.s.Delete(b.As(t.Context()), r.Endpoint.ID); err != nil {
		t.Fatal(err)
	}
	for m := range livetest.Channel(b.As(t.Context()), b.Hub, ended) {
		if m.Err != nil && !fault.Is(m.Err, fault.NotFoundCode) {
			t.Fatal(m.Err)
		}
	}
}

// What is sent between an empty list and its feed is told.
func TestTheFeedOfAnEmptyListBeginsAtIt(t *testing.T) {
	b := setup(t)
	k := receiver(t, status(200))
	r := b.endpoint(k.URL, "*")
	ctx, leave := context.WithCancel(b.As(t.Context()))
	defer leave()
	list, err := b.s.Deliveries(ctx, r.Endpoint.ID, DeliveryFilter{}, page.Args{First: 2})
	if err != nil || len(list.Nodes) != 0 {
		t.Fatalf("%+v %v", list, err)
	}
	b.pass(time.Second)
	test, err := b.s.Test(ctx, r.Endpoint.ID, message.TestTopic)
	if err != nil {
		t.Fatal(err)
	}
	b.drain() // it has arrived before anybody looks
	f, err := b.s.Watch(ctx, r.Endpoint.ID, &list.Cursor)
	if err != nil {
		t.Fatal(err)
	}
	news, _, err := f.Next(ctx)
	if err != nil || len(news) != 1 || news[0].ID != test.ID || news[0].State != Succeeded {
		t.Fatalf("%+v %v", news, err)
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(cursor(time.Now()))
	f.Add("AAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if at, err := parseCursor(s); err == nil && cursor(at) != s {
			t.Fatalf("%q reads as %s", s, at)
		}
	})
}
