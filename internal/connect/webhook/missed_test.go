package webhook

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func TestFiveDaysOfFailureDisable_AndWhatWasMissedIsSentOnRequest(t *testing.T) {
	b := setup(t)
	broken := true
	k := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if broken {
			w.WriteHeader(500)
		}
	})
	id := b.endpoint(k.URL, "*").Endpoint.ID
	for day := range 6 {
		b.happen(b.con, "connection.verifying", `{"v":1}`)
		b.drain()
		got := strings.Join(b.Actions(t), " ")
		if warned := strings.Contains(got, FailingEvent); warned != (day >= 1) || strings.Count(got, FailingEvent) > 1 {
			t.Fatalf("day %d: %s", day, got)
		}
		if disabled := strings.Contains(got, message.DisabledEvent); disabled != (day >= 5) {
			t.Fatalf("day %d: %s", day, got)
		}
		b.pass(24 * time.Hour)
	}
	e := b.get(id)
	if e.Status != AutoDisabled || *e.DisabledReason != Failing || e.DisabledAt == nil || e.Pending != 0 {
		t.Fatalf("%+v", e)
	}
	b.happen(b.con, "connection.live", `{"v":1}`) // while it is disabled
	b.drain()
	if n, err := b.s.Missed(b.As(t.Context()), id); err != nil || n != 7 {
		t.Fatalf("%d were missed: %v", n, err)
	}
	broken = false
	before := len(k.all())
	r, err := b.s.Update(b.As(t.Context()), UpdateWebhookEndpointInput{ID: id, Version: e.Version, Status: new(Enabled), ReplayMissed: true})
	if err != nil || r.Endpoint.Status != Enabled || r.Endpoint.Pending != 7 || r.Endpoint.DisabledAt != nil {
		t.Fatalf("%+v %v", r, err)
	}
	b.drain()
	inOrder(t, k.all()[before:], 7)
	if n, err := b.s.Missed(b.As(t.Context()), id); err != nil || n != 0 {
		t.Fatalf("%d are still missed: %v", n, err)
	}
	for _, action := range []string{"webhook_endpoint.enabled", "webhook_endpoint.replayed"} {
		if got := b.Actions(t); !slices.Contains(got, action) {
			t.Fatalf("no %s: %v", action, got)
		}
	}
}

// inOrder holds messages of one connection to the order of their stream.
func inOrder(t *testing.T, all []received, want int) {
	t.Helper()
	if len(all) != want {
		t.Fatalf("%d messages, not %d", len(all), want)
	}
	last := int64(0)
	for _, m := range all {
		var body message.Body[message.ConnectionData]
		if err := json.Unmarshal([]byte(m.body), &body); err != nil || body.Data.Sequence <= last {
			t.Fatalf("%d came after %d: %v", body.Data.Sequence, last, err)
		}
		last = body.Data.Sequence
	}
}

func TestReplayAll_SendsARangeInOrderWithTheSameBytes(t *testing.T) {
	b := setup(t)
	k := receiver(t, status(200))
	r := b.endpoint(k.URL, "*")
	began := b.now
	for range 5 {
		b.happen(b.con, "connection.verifying", `{"v":1}`)
		b.pass(time.Minute)
	}
	b.happen(b.con, "connection.live", `{"v":1}`)
	b.drain()
	first := k.all()
	in := ReplayRange{EndpointID: r.Endpoint.ID, Window: TimeWindow{began, b.now.Add(time.Hour)}, States: []WebhookDeliveryState{Succeeded}, Topics: []string{"connection.verifying"}}
	b.pass(time.Minute)
	if n, err := b.s.ReplayAll(b.As(t.Context()), in); err != nil || n != 5 {
		t.Fatalf("%d: %v", n, err)
	}
	if n, err := b.s.ReplayAll(b.As(t.Context()), in); err != nil || n != 5 { // beside the first one, and behind it
		t.Fatalf("%d: %v", n, err)
	}
	b.drain()
	again := k.all()[len(first):]
	if len(again) != 10 {
		t.Fatalf("%d messages", len(again))
	}
	same := map[string]int{}
	for _, m := range again {
		verify(t, r, m)
		same[m.header.Get("webhook-id")+m.body]++
	}
	for _, m := range first[:5] {
		if same[m.header.Get("webhook-id")+m.body] != 2 {
			t.Fatalf("%s was not sent again as it was", m.header.Get("webhook-id"))
		}
	}
	for name, c := range map[string]ReplayRange{
		"window:window":              {EndpointID: r.Endpoint.ID},
		"states:delivery_unfinished": {EndpointID: r.Endpoint.ID, Window: in.Window, States: []WebhookDeliveryState{Pending}},
		"topics.0:topic_unknown":     {EndpointID: r.Endpoint.ID, Window: in.Window, Topics: []string{"nope"}},
	} {
		if _, err := b.s.ReplayAll(b.As(t.Context()), c); reasons(err) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, stranger := b.Organization(t, "other")
	if _, err := b.s.ReplayAll(spinetest.As(t.Context(), stranger), in); !fault.Is(err, fault.NotFoundCode) {
		t.Fatal(err)
	}
}
