package connection_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// organization deletes the bundle's organization, or brings it back, as its service does: the row, and the event that says so.
func (b *bundle) organization(t *testing.T, action string) {
	t.Helper()
	err := b.Door.System(t.Context(), "test", b.Org, func(ctx context.Context, e *door.Effect) error {
		var gone *time.Time
		if action == "organization.deleted" {
			gone = &e.Tx.Now
		}
		if _, err := e.Tx.Exec(ctx, "update organization set deleted_at = $2, version = version + 1 where id = $1", b.Org.UUID(), gone); err != nil {
			return err
		}
		e.Record(event.Change{OrgID: b.Org, Action: action, Subject: b.Org.String(), Version: 2, Payload: map[string]any{"v": 1}, Audited: true})
		return b.Authz.Revoke(ctx, e.Tx, authz.Memberships(b.User), action)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// behind reads a connection whoever may see it.
func (b *bundle) behind(t *testing.T, id ident.ConnectionID, state connection.State) *connection.Connection {
	t.Helper()
	c, err := b.S.Get(authz.System(t.Context(), "test"), id)
	if err != nil {
		t.Fatal(err)
	}
	if c.State != state {
		t.Fatalf("%s is %s, want %s; %+v", c.Hostname, c.State, state, c.Life)
	}
	return c
}

func (b *bundle) entry(t *testing.T, host string) edgeentry.Entry {
	t.Helper()
	e, err := b.Edge.Get(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestRU29_ADeletedOrganizationsConnections: they are suspended while it is deleted, and verified anew when it was restored; what was archived stays so.
func TestRU29_ADeletedOrganizationsConnections(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.start(t, "old.acme.lab")
	if _, err := b.S.Archive(b.As(t.Context()), old.ID, nil); err != nil {
		t.Fatal(err)
	}
	shop := b.live(t, "shop.acme.lab")
	b.World.set(func(w *world) { w.standing["routing"] = 0 })
	draft := b.start(t, "draft.acme.lab")
	b.after(t, 0)
	b.want(t, draft.ID, connection.ActionRequired)
	target := shop.Target

	b.organization(t, "organization.deleted")
	b.after(t, 0)
	b.lawful(t, "the deletion")
	got := b.behind(t, shop.ID, connection.Suspended)
	if got.StateReason == nil || *got.StateReason != connection.OrganizationDeleted || got.LiveAt != nil || got.FirstLiveAt == nil || got.NextCheckAt != nil || got.Facets.Edge.Value != connection.SuspendedEdge {
		t.Errorf("%+v", got)
	}
	if e := b.entry(t, "shop.acme.lab"); e.Mode != edgeentry.Suspended || e.Serve || e.CertAllowed {
		t.Errorf("the edges serve %+v", e)
	}
	b.behind(t, draft.ID, connection.Suspended)
	b.behind(t, old.ID, connection.Archived)
	for _, id := range []ident.ConnectionID{shop.ID, draft.ID} {
		if all := b.actions(t, id); all[len(all)-1] != "connection.suspended" {
			t.Errorf("%v", all)
		}
	}

	t.Run("NobodyLooksAndNobodyOrders", func(t *testing.T) {
		asked := len(b.World.questions())
		for range 3 {
			b.after(t, 8*24*time.Hour)
		}
		if n := len(b.World.questions()); n != asked {
			t.Errorf("%d questions about names that are suspended", n-asked)
		}
		if p, err := b.S.Ready(t.Context(), shop.ID, true); err != nil || p.OK {
			t.Errorf("a renewal may be ordered: %+v, %v", p, err)
		}
		b.behind(t, shop.ID, connection.Suspended)
		b.behind(t, draft.ID, connection.Suspended)
	})
	t.Run("ItsPeopleFindNothing", func(t *testing.T) {
		if _, err := b.S.Get(b.As(t.Context()), shop.ID); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("%v", err)
		}
		if _, err := b.S.Start(authz.System(t.Context(), "late"), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "late.acme.lab"}); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("a connection of a deleted organization was started: %v", err)
		}
	})

	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	b.organization(t, "organization.restored")
	b.drainReaders(t)
	if got = b.want(t, shop.ID, connection.Verifying); got.WindowEndsAt == nil || got.NextCheckAt == nil || got.NextCheckAt.After(b.DB.Now()) {
		t.Errorf("%+v", got)
	}
	b.want(t, draft.ID, connection.Verifying)
	b.lawful(t, "the restoring")
	b.after(t, 0)
	b.after(t, 2*time.Second)
	b.after(t, 2*time.Second)
	got = b.want(t, shop.ID, connection.Live)
	if got.Target != target || got.SuspendedAt != nil || got.FirstLiveAt == nil || !got.FirstLiveAt.Equal(*shop.FirstLiveAt) {
		t.Errorf("%+v", got)
	}
	if e := b.entry(t, "shop.acme.lab"); e.Mode != edgeentry.Proxy || !e.Serve {
		t.Errorf("the edges serve %+v", e)
	}
	all := b.actions(t, shop.ID)
	at := slices.Index(all, "connection.suspended")
	if rest := all[at+1:]; len(rest) < 2 || rest[0] != "connection.verifying" || rest[len(rest)-1] != "connection.live" {
		t.Errorf("after the suspension: %v", rest)
	}
	b.want(t, draft.ID, connection.Securing)
	b.want(t, old.ID, connection.Archived)
	b.lawful(t, "the return")
}

// TestRU29_ManyInShares: no transaction is as large as a customer.
func TestRU29_ManyInShares(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const many = 230
	for n := range many {
		b.start(t, fmt.Sprintf("n%d.acme.lab", n))
	}
	shares := func(action string) (rows, transactions int) {
		t.Helper()
		if err := b.DB.QueryRow(t.Context(), "select count(*), count(distinct xmin::text) from event where action = $1", action).Scan(&rows, &transactions); err != nil {
			t.Fatal(err)
		}
		return rows, transactions
	}
	b.organization(t, "organization.deleted")
	b.drainReaders(t)
	if rows, txs := shares("connection.suspended"); rows != many || txs != 3 {
		t.Errorf("%d suspended in %d transactions", rows, txs)
	}
	b.organization(t, "organization.restored")
	b.drainReaders(t)
	var back int
	if err := b.DB.QueryRow(t.Context(), "select count(*) from connection where suspended_at is null and org_id = $1", b.Org.UUID()).Scan(&back); err != nil || back != many {
		t.Errorf("%d came back, %v", back, err)
	}
	b.organization(t, "organization.deleted")
	b.drainReaders(t)
	shared := 0
	for more := true; more; {
		err := b.Door.System(t.Context(), "purge", b.Org, func(ctx context.Context, e *door.Effect) (err error) {
			e.Quiet()
			more, err = b.S.ArchiveSomeTx(ctx, e, b.Org)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		shared++
	}
	if rows, _ := shares("connection.archived"); rows != many || shared != 4 {
		t.Errorf("%d archived in %d shares", rows, shared)
	}
	b.lawful(t, "the end")
}

// TestRU29_WhoStartsWhileItIsDeleted: whatever was started in time is suspended with the rest, and the rest is refused.
func TestRU29_WhoStartsWhileItIsDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t, "first.acme.lab")
	var wg sync.WaitGroup
	for n := range 12 {
		wg.Go(func() {
			if n == 6 {
				b.organization(t, "organization.deleted")
				return
			}
			_, err := b.S.Start(authz.System(t.Context(), "test"), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: fmt.Sprintf("n%d.acme.lab", n)})
			if err != nil && !fault.Is(err, fault.NotFoundCode) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b.drainReaders(t)
	var open int
	if err := b.DB.QueryRow(t.Context(), "select count(*) from connection where archived_at is null and suspended_at is null").Scan(&open); err != nil || open > 0 {
		t.Errorf("%d connections of a deleted organization go on, %v", open, err)
	}
}

// TestRU29_ACheckUnderWayChangesNothing: what was asked before the deletion is not written after it.
func TestRU29_ACheckUnderWayChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	shop := b.live(t, "shop.acme.lab")
	b.World.set(func(w *world) {
		w.before = func(analysis.Question) {
			w.set(func(w *world) { w.before = nil })
			b.organization(t, "organization.deleted")
			b.drainReaders(t)
		}
	})
	b.after(t, 20*time.Minute)
	b.behind(t, shop.ID, connection.Suspended)
	if e := b.entry(t, "shop.acme.lab"); e.Mode != edgeentry.Suspended {
		t.Errorf("the edges serve %+v", e)
	}
	if all := b.actions(t, shop.ID); all[len(all)-1] != "connection.suspended" {
		t.Errorf("%v", all)
	}
	b.after(t, 20*time.Minute)
	b.behind(t, shop.ID, connection.Suspended)
}

// drainReaders lets the readers of the ledger read, and nothing else work.
func (b *bundle) drainReaders(t *testing.T) {
	t.Helper()
	if _, err := b.Ledger.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}
