package webhook

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

func (b *bundle) partitions(t *testing.T, table string) []string {
	t.Helper()
	rows, err := b.DB.Query(t.Context(), "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass($1) order by 1", table)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestRetention_DropsMonthsAndKeepsCountsAndWhatWaits(t *testing.T) {
	b := setup(t)
	b.now = time.Date(2030, 1, 20, 12, 0, 0, 0, time.UTC)
	make := func() {
		if err := event.MakePartitions(t.Context(), b.DB); err != nil {
			t.Fatal(err)
		}
	}
	make()
	k := receiver(t, status(200), status(500))
	id := b.endpoint(k.URL, "*").Endpoint.ID
	b.happen(b.con, "connection.verifying", `{"v":1}`)
	b.drain()
	b.pass(28 * 24 * time.Hour) // the 17th of February
	make()
	b.happen(b.con, "connection.live", `{"v":1}`) // is never delivered
	b.drain()
	retain := func() {
		if err := b.s.retention().Do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	retain()
	if n := len(b.log(id)); n != 2 || !slices.Contains(b.partitions(t, "webhook_delivery"), "webhook_delivery_2030_01") {
		t.Fatalf("%d deliveries are left of 2 that are not old", n)
	}
	b.now = time.Date(2030, 4, 5, 12, 0, 0, 0, time.UTC)
	retain()
	if got := b.partitions(t, "webhook_delivery"); slices.Contains(got, "webhook_delivery_2030_01") || !slices.Contains(got, "webhook_delivery_2030_02") {
		t.Fatalf("the log has %v: what waits keeps its month", got)
	}
	if got := b.partitions(t, "webhook_attempt"); slices.Contains(got, "webhook_attempt_2030_01") || slices.Contains(got, "webhook_attempt_2030_02") {
		t.Fatalf("the attempts have %v", got)
	}
	if list := b.log(id); len(list) != 1 || list[0].Topic != "connection.live" {
		t.Fatalf("%+v", list)
	}
	var hours int
	count := func() int {
		if err := b.DB.QueryRow(t.Context(), "select count(*) from webhook_hour").Scan(&hours); err != nil {
			t.Fatal(err)
		}
		return hours
	}
	if count() != 2 {
		t.Fatalf("%d hours are counted", hours)
	}
	b.now = time.Date(2031, 2, 25, 12, 0, 0, 0, time.UTC) // thirteen months after the first
	b.exec("update webhook_delivery set finished_at = $1, due_at = null, state = 'FAILED' where finished_at is null", b.now)
	retain()
	if got := b.partitions(t, "webhook_delivery"); slices.Contains(got, "webhook_delivery_2030_02") || count() != 1 {
		t.Fatalf("the log has %v, %d hours are counted", got, hours)
	}
	old := ident.V7(b.now.AddDate(0, -3, 0))
	b.exec(`insert into webhook_delivery (id, org_id, endpoint_id, event_id, event_at, stream, sequence, topic, body, state, created_at, finished_at)
		values ($1, $2, $3, $1, $4, 'x', 1, 'webhook.test', '{}', 'FAILED', $4, $4)`, old, b.Org.UUID(), id.UUID(), time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC)) // of a month that was never made
	retain()
	if n := len(b.log(id)); n != 0 {
		t.Fatalf("%d deliveries are left in the default partition", n)
	}
	if _, err := event.DropPartitions(t.Context(), b.DB, "connection", b.now, nil); err == nil {
		t.Fatal("a table without partitions was touched")
	}
}
