package webhook

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// TestLog_EachLookReadsWhatItShows: in a log over three months, with the distribution of bench/webhooks, each way to look at it goes by an index and reads
// little more than it shows and counts, however many rows lie beside them.
func TestLog_EachLookReadsWhatItShows(t *testing.T) {
	b := setup(t)
	fill, err := os.ReadFile("../../../bench/webhooks/log.sql")
	if err != nil {
		t.Fatal(err)
	}
	const rows, span, first = 40_000, 60 * 24 * time.Hour, 20
	now := time.Date(2031, 3, 15, 12, 0, 0, 0, time.UTC)
	b.now = now.Add(-span)
	if err := event.MakePartitions(t.Context(), b.DB); err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		b.endpoint(fmt.Sprintf("http://127.0.0.1:%d/", 20000+n), "*")
	}
	b.exec(string(fill), 1, rows, rows, now.Add(-span), span.Seconds())
	quiet := b.endpoint("http://127.0.0.1:19999/", "*").Endpoint.ID // had all that it ever got long ago
	b.exec("update webhook_delivery set endpoint_id = $1 where id in (select id from webhook_delivery order by id limit 30)", quiet.UUID())
	b.exec("analyze webhook_delivery")
	b.now = now
	scope, _, err := b.s.reach(b.As(t.Context()), mayRead, quiet)
	if err != nil {
		t.Fatal(err)
	}
	var busiest uuid.UUID
	var stream string
	if err := b.DB.QueryRow(t.Context(), "select endpoint_id, min(stream) from webhook_delivery group by endpoint_id order by count(*) desc limit 1").Scan(&busiest, &stream); err != nil {
		t.Fatal(err)
	}
	con, err := ident.Parse[ident.ConnectionID](stream)
	if err != nil {
		t.Fatal(err)
	}
	day := &TimeWindow{now.Add(-50 * 24 * time.Hour), now.Add(-49 * 24 * time.Hour)}
	for name, c := range map[string]struct {
		f     DeliveryFilter
		after time.Duration // a page that far back
		most  float64       // rows that may be read for the list
	}{
		"Newest":         {DeliveryFilter{}, 0, 60},
		"Quiet":          {DeliveryFilter{}, 0, 60},
		"Middle":         {DeliveryFilter{}, span / 2, 60},
		"Failed":         {DeliveryFilter{State: []WebhookDeliveryState{Failed}}, 0, 60},
		"Pending":        {DeliveryFilter{State: []WebhookDeliveryState{Pending}}, 0, 60},
		"Succeeded":      {DeliveryFilter{State: []WebhookDeliveryState{Succeeded}}, span / 2, 60},
		"FrequentTopic":  {DeliveryFilter{Topic: new("connection.verifying")}, span / 2, 60},
		"RareTopic":      {DeliveryFilter{Topic: new("connection.archived")}, 0, 60},
		"TopicFailed":    {DeliveryFilter{Topic: new("connection.verifying"), State: []WebhookDeliveryState{Failed}}, 0, 120},
		"TopicSucceeded": {DeliveryFilter{Topic: new("connection.verifying"), State: []WebhookDeliveryState{Succeeded}}, 0, 60},
		"Day":            {DeliveryFilter{Window: day}, 0, 160},
		"DayFailed":      {DeliveryFilter{Window: day, State: []WebhookDeliveryState{Failed}}, 0, 60},
		"DayTopic":       {DeliveryFilter{Window: day, Topic: new("connection.live")}, 0, 60},
		"Connection":     {DeliveryFilter{ConnectionID: &con}, 0, 60},
		"ConnectionDay":  {DeliveryFilter{ConnectionID: &con, Window: day}, 0, 60},
	} {
		t.Run(name, func(t *testing.T) {
			id := ident.From[ident.WebhookID](busiest)
			if name == "Quiet" {
				id = quiet
			}
			look, err := b.s.look(id, scope, c.f)
			if err != nil {
				t.Fatal(err)
			}
			counting := &dbtest.Explained{Executor: b.DB, T: t}
			total, err := look.count(t.Context(), &b.s.q, counting, countedAtMost+1)
			if err != nil {
				t.Fatal(err)
			}
			if c.after > 0 {
				look.before = ident.V7(now.Add(-c.after))
			}
			listing := &dbtest.Explained{Executor: b.DB, T: t}
			list, err := look.list(t.Context(), &b.s.q, listing, first+1)
			if may := name == "RareTopic" || name == "DayFailed" || name == "ConnectionDay"; err != nil || len(list) == 0 && !may {
				t.Fatalf("%d rows: %v", len(list), err)
			}
			within(t, counting.Plans, float64(total)*1.2+60)
			within(t, listing.Plans, c.most)
		})
	}
}

// within fails when a table was read from one end to the other, or when more rows were read than may be.
func within(t *testing.T, plans []dbtest.Plan, most float64) {
	t.Helper()
	all := 0.0
	for _, p := range plans {
		if all += p.Touched(); len(p.ReadWhole()) > 0 {
			t.Errorf("%v read as a whole by %s", p.ReadWhole(), p.SQL)
		}
	}
	if all > most {
		t.Errorf("%.0f rows were read, and %.0f may be: %+v", all, most, plans)
	}
}
