package webhook

import (
	"fmt"
	"testing"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
)

// TestBacklog_CostsFewStatements: deliveries that wait are read, sent and written in sets: far fewer statements than deliveries, and one attempt for each.
func TestBacklog_CostsFewStatements(t *testing.T) {
	b := setup(t)
	d, asked := dbtest.Counted(t, b.DB, db.MaxConns(10))
	const endpoints, each = 16, 100
	k := receiver(t, status(204))
	for n := range endpoints {
		id := b.create(CreateWebhookEndpointInput{OrganizationID: b.Org, URL: fmt.Sprintf("%s/%d", k.URL, n), Topics: []string{"*"}, Ordered: new(false)}).Endpoint.ID
		b.exec(`insert into webhook_delivery (id, org_id, endpoint_id, event_id, event_at, stream, sequence, topic, body, state, due_at, created_at)
			select gen_random_uuid(), $1, $2, gen_random_uuid(), $3, 'con_' || n, 1, 'connection.verifying', '{}', 'PENDING', $3, $3 from generate_series(1, $4::int) n`, b.Org.UUID(), id.UUID(), b.now, each)
		b.exec("update webhook_lane set due_at = $2 where endpoint_id = $1", id.UUID(), b.now)
	}
	b.s.DB, b.Work.DB = d, d
	b.working()
	var done, tried int
	eventually(t, func() bool {
		if err := b.DB.QueryRow(t.Context(), "select count(*) filter (where state = 'SUCCEEDED'), (select count(*) from webhook_attempt) from webhook_delivery").Scan(&done, &tried); err != nil {
			t.Fatal(err)
		}
		return done == endpoints*each
	})
	n := asked.Len()
	t.Logf("%d statements for %d deliveries", n, done)
	if tried != done || len(k.all()) != done || n > endpoints*each/2 {
		t.Errorf("%d statements for %d deliveries; %d requests, %d attempts", n, done, len(k.all()), tried)
	}
}
