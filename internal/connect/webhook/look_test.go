package webhook

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// pages is how many pages of the database the statements have read.
func pages(plans []dbtest.Plan) (n int) {
	for _, p := range plans {
		n += p.Pages()
	}
	return n
}

// TestALookReadsFewPages: whatever the filter, a page of a log of 60,000 deliveries over three months costs some dozens of pages and not the table.
func TestALookReadsFewPages(t *testing.T) {
	b := setup(t)
	id := b.endpoint(somewhere, "*").Endpoint.ID
	const rows = 60_000
	began := b.now.Add(-90 * 24 * time.Hour)
	b.exec(`insert into webhook_delivery (id, org_id, endpoint_id, event_id, event_at, stream, sequence, topic, body, state, attempts, created_at, finished_at)
		select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8000' || lpad(to_hex(n), 12, '0'))::uuid, $1, $2, gen_random_uuid(), at,
		  'con_' || n % 5000, n, case when n % 997 = 0 then 'connection.live' else 'connection.verifying' end, '{}', case when n % 1009 = 0 then 'FAILED' else 'SUCCEEDED' end, 1, at, at
		from (select n, $3::timestamptz + n * interval '2 minutes' as at from generate_series(1, $4::int) n) r`, b.Org.UUID(), id.UUID(), began, rows)
	b.exec("vacuum analyze webhook_delivery")
	scope, _, err := b.s.reach(b.As(t.Context()), mayRead, id)
	if err != nil {
		t.Fatal(err)
	}
	con := ident.New[ident.ConnectionID](b.now)
	b.exec("update webhook_delivery set stream = $1 where stream = 'con_17'", con.String())
	b.exec("vacuum analyze webhook_delivery")
	day := &TimeWindow{began.Add(30 * 24 * time.Hour), began.Add(31 * 24 * time.Hour)}
	for name, c := range map[string]struct {
		f     DeliveryFilter
		found int
	}{
		"Everything":     {DeliveryFilter{}, 26},
		"State":          {DeliveryFilter{State: []WebhookDeliveryState{Failed, Skipped, Retrying}}, 26},
		"Topic":          {DeliveryFilter{Topic: new("connection.live")}, 26},
		"Connection":     {DeliveryFilter{ConnectionID: &con}, 12},
		"Time":           {DeliveryFilter{Window: day}, 26},
		"StateAndTime":   {DeliveryFilter{State: []WebhookDeliveryState{Failed}, Window: day}, 1},
		"TopicAndTime":   {DeliveryFilter{Topic: new("connection.live"), Window: day}, 1},
		"TopicSucceeded": {DeliveryFilter{Topic: new("connection.live"), State: []WebhookDeliveryState{Succeeded}}, 26},
		"NothingThere":   {DeliveryFilter{Topic: new("connection.archived")}, 0},
	} {
		l, err := b.s.look(id, scope, c.f)
		if err != nil {
			t.Fatal(err)
		}
		on := &dbtest.Explained{Executor: b.DB, T: t}
		for range 8 { // prepared statements get a general plan in the end
			on.Plans = nil
			got, err := l.list(t.Context(), &b.s.q, on, 26)
			if err != nil || len(got) < c.found || c.found < 26 && len(got) > c.found+1 {
				t.Fatalf("%s: %d rows, not %d: %v", name, len(got), c.found, err)
			}
		}
		if n := pages(on.Plans); n > 150 {
			t.Errorf("%s reads %d pages", name, n)
		}
		on.Plans = nil
		if _, err := l.count(t.Context(), &b.s.q, on, 1001); err != nil {
			t.Fatal(err)
		}
		if n := pages(on.Plans); n > 1300 {
			t.Errorf("%s reads %d pages to count", name, n)
		}
	}
	l, _ := b.s.look(id, scope, DeliveryFilter{})
	seen := map[uuid.UUID]bool{}
	for range 5 { // on from page to page
		rows, err := l.list(t.Context(), &b.s.q, b.DB, 100)
		if err != nil || len(rows) != 100 {
			t.Fatal(len(rows), err)
		}
		for _, r := range rows {
			if seen[r.ID] {
				t.Fatal(fmt.Sprint(r.ID, " comes twice"))
			}
			seen[r.ID] = true
		}
		l.before = rows[99].ID
	}
}
