package usage_test

import (
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/usage"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// A batch counts once however often it comes, each month has its own counter, and an organization that is gone keeps nobody from being counted.
func TestEdges_BatchesCountOnce(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t)
	s := &usage.Edges{DB: b.DB}
	one, two, gone := ident.New[ident.EdgeNodeID](time.Now()), ident.New[ident.EdgeNodeID](time.Now()), ident.New[ident.OrgID](time.Now())
	counted := func(metric string, want int64) {
		t.Helper()
		var got int64
		if err := b.DB.QueryRow(t.Context(), "select coalesce(sum(used), 0) from usage_counter where org_id = $1 and metric = $2 and period_start = date_trunc('month', $3::timestamptz at time zone 'UTC')", b.Org.UUID(), metric, b.DB.Now()).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %d, want %d, %v", metric, got, want, err)
		}
	}
	add := func(node ident.EdgeNodeID, number int64, uses ...usage.EdgeUse) {
		t.Helper()
		if err := s.Add(t.Context(), node, number, uses); err != nil {
			t.Error(err)
		}
	}
	for range 3 {
		add(one, 1, usage.EdgeUse{Org: gone, Requests: 9}, usage.EdgeUse{Org: b.Org, Requests: 2, Bytes: 1000})
	}
	add(two, 1, usage.EdgeUse{Org: b.Org, Requests: 1})
	add(one, 2, usage.EdgeUse{Org: b.Org, Bytes: 24})
	add(one, 3)
	counted(usage.EdgeRequests, 3)
	counted(usage.EdgeBytes, 1024)
	b.DB.SetClock(func() time.Time { return time.Now().AddDate(0, 2, 0) })
	counted(usage.EdgeRequests, 0)
	add(one, 4, usage.EdgeUse{Org: b.Org, Requests: 5})
	counted(usage.EdgeRequests, 5)
	for _, p := range s.Part().Periodics {
		if err := p.Do(t.Context()); err != nil {
			t.Error(err)
		}
	}
	var left int
	if err := b.DB.QueryRow(t.Context(), "select count(*) from edge_batch").Scan(&left); err != nil || left != 1 {
		t.Errorf("%d batches are remembered, %v", left, err)
	}
}
