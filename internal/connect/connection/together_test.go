package connection_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// held holds the first statement that reads connections, once it is armed, until goOn is closed, and counts them all.
type held struct {
	armed atomic.Bool
	n     atomic.Int64
	began chan struct{}
	goOn  chan struct{}
}

func (h *held) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	reads := strings.Contains(q.SQL, "name: ConnectionsByIDs ") || strings.Contains(q.SQL, "name: ConnectionByID ")
	if reads && h.armed.Load() && h.n.Add(1) == 1 {
		close(h.began)
		<-h.goOn
	}
	return ctx
}
func (h *held) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestWatch_StatesThatAreReadAtTheSameTimeShareAStatement(t *testing.T) {
	t.Parallel()
	const many, each = 20, 10
	b, h := setup(t), &held{began: make(chan struct{}), goOn: make(chan struct{})}
	d, err := db.Open(t.Context(), b.DB.Pool().Config().ConnString(), func(c *pgxpool.Config) { c.ConnConfig.Tracer = h })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	b.S.DB = d
	ctx := b.As(t.Context())
	ids, feeds := make([]ident.ConnectionID, many), make([]live.Feed[*connection.Connection], many)
	for n := range ids {
		ids[n] = b.start(t, fmt.Sprintf("shop%d.acme.lab", n)).ID
		if feeds[n], err = b.S.Watch(ctx, ids[n]); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	gone, leave := context.WithCancel(ctx)
	h.armed.Store(true)
	all.Go(func() { _, _, _ = feeds[0].Now(gone) })
	<-h.began
	leave() // who ran the statement leaves; the others must not notice
	before := b.get(t, ids[0]).Version
	if _, err := b.DB.Exec(ctx, "update connection set version = version + 1"); err != nil {
		t.Fatal(err)
	}
	for n := range many * each {
		all.Go(func() {
			c, version, err := feeds[n%many].Now(ctx)
			if err != nil || c.ID != ids[n%many] || version <= int64(before) {
				t.Errorf("reader %d has %+v in version %d, %v", n, c, version, err)
			}
		})
	}
	for late := time.After(time.Minute); b.S.Waiting(b.Org) < many*each; runtime.Gosched() {
		select {
		case <-late:
			t.Fatalf("%d of %d reads wait for the statement that is under way", b.S.Waiting(b.Org), many*each)
		default:
		}
	}
	close(h.goOn)
	all.Wait()
	if n := h.n.Load(); n != 3 { // the one that was under way, the look at the version before, and one for all who came meanwhile
		t.Errorf("%d statements for %d reads at the same time", n, many*each)
	}
	if _, err := b.DB.Exec(ctx, "truncate connection cascade"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := feeds[0].Now(ctx); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("a connection that is gone: %v", err)
	}
}
