package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// house is the connections of one organization in a real database, and feeds of them.
type house struct {
	*spinetest.Bundle
	cons    *connection.Service
	queries *dbtest.Asked
	ids     []ident.ConnectionID
	feeds   *Feeds
	key     authz.Principal
}

func build(t testing.TB, connections int) *house {
	t.Helper()
	h := &house{Bundle: spinetest.New(t)}
	h.feeds = &Feeds{Hub: h.Hub}
	catalogue, err := provider.Load(provider.LabRows)
	if err != nil {
		t.Fatal(err)
	}
	d, asked := dbtest.Counted(t, h.DB, db.MaxConns(16))
	h.queries = asked
	recipes, edge := &recipe.Service{DB: d, Authz: h.Authz}, &edgeentry.Service{DB: d, Hub: h.Hub, Zone: "edge.lab"}
	apps := &application.Service{DB: d, Door: h.Door, Authz: h.Authz, Hub: h.Hub, Seeds: recipes, Lab: true}
	h.cons = &connection.Service{DB: d, Door: h.Door, Authz: h.Authz, Ledger: h.Ledger, Hub: h.Hub, Work: h.Work, Applications: apps, Recipes: recipes, Edge: edge, Catalogue: catalogue,
		Records: &record.Store{}, Claims: &claim.Claims{}, Checks: &check.Store{Providers: catalogue},
		Settings: connection.Settings{EdgeZone: "edge.lab", Hostnames: hostname.Policy{Lab: true, OwnZones: []string{"edge.lab"}}}}
	apps.Connections = h.cons
	h.Join(apps.Part(), recipes.Part(), h.cons.Part())
	h.key = authz.Principal{Kind: authz.API_KEY, UserID: h.User, KeyID: ident.New[ident.KeyID](time.Now()), OrgID: h.Org, Scopes: []authz.Permission{"connection.read"}}
	app, err := apps.Create(h.As(t.Context()), application.CreateApplicationInput{OrganizationID: h.Org, Name: "Shop"})
	if err != nil {
		t.Fatal(err)
	}
	for n := range connections {
		p, err := h.cons.Start(h.As(t.Context()), connection.StartConnectionInput{ApplicationID: app.Application.ID, Hostname: fmt.Sprintf("shop%d.acme.lab", n)})
		if err != nil {
			t.Fatal(err)
		}
		h.ids = append(h.ids, p.Connection.ID)
	}
	return h
}

// progress is connectionProgress as the executor hands it over.
func (h *house) progress(id ident.ConnectionID) plan.Subscription {
	return plan.Subscription{Key: "progress " + id.String(), Open: func(ctx context.Context) (live.Feed[any], plan.Render, *graphql.Response) {
		f, err := h.cons.Watch(ctx, id)
		if err != nil {
			return live.Feed[any]{}, nil, &graphql.Response{Errors: present.Errors(ctx, err)}
		}
		return f.Any(), func(_ context.Context, v any) *graphql.Response {
			c := v.(*connection.Connection)
			raw, _ := json.Marshal(map[string]any{"id": c.ID, "version": c.Version})
			return &graphql.Response{Data: raw}
		}, nil
	}}
}

// change makes a newer version, and says so.
func (h *house) change(t testing.TB, id ident.ConnectionID) {
	t.Helper()
	if _, err := h.DB.Exec(t.Context(), "update connection set version = version + 1 where id = $1", id.UUID()); err != nil {
		t.Fatal(err)
	}
	h.Hub.Poke(id.String(), 0)
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick, late := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// All come back at once: what Postgres is asked depends on what they look at, and not on how many they are.
func TestAHerdSharesItsReads(t *testing.T) {
	const subjects, herd = 50, 500
	h := build(t, subjects)
	before, readers := h.queries.Len(), make([]*listener, herd)
	for n := range readers {
		caller := h.key
		caller.RequestID, caller.IP = fmt.Sprint(n), fmt.Sprint("192.0.2.", n%250)
		readers[n] = &listener{}
		defer h.feeds.Join(authz.With(t.Context(), caller), h.progress(h.ids[n%subjects]), readers[n])()
	}
	has := func(n int) func() bool {
		return func() bool {
			for _, r := range readers {
				if got, _ := r.all(); len(got) < n {
					return false
				}
			}
			return true
		}
	}
	eventually(t, "all have their state", has(1))
	// To open one: whose it is. The rows are read together, to open and to read, and once more for those who came during the read. Roles are remembered.
	if n := h.queries.Len() - before; n > 2*subjects+10 {
		t.Errorf("%d queries for %d subscribers of %d connections", n, herd, subjects)
	}
	eventually(t, "all rest", func() bool { return h.resting() })
	before = h.queries.Len()
	for _, id := range h.ids {
		h.change(t, id)
	}
	eventually(t, "all have the change", has(2))
	if n := h.queries.Len() - before; n > subjects+10 {
		t.Errorf("%d queries for a change of each of %d connections", n, subjects)
	}
	for n, r := range readers {
		if got, _ := r.all(); !strings.Contains(got[0], h.ids[n%subjects].String()) {
			t.Fatalf("listener %d has %v", n, got)
		}
	}
}

// Who changes while a statement is under way is read by the next one, however many they are.
func TestStatesThatChangeTogetherShareAStatement(t *testing.T) {
	const subjects = 60
	h := build(t, subjects)
	readers := make([]*listener, subjects)
	for n := range readers {
		readers[n] = &listener{}
		defer h.feeds.Join(authz.With(t.Context(), h.key), h.progress(h.ids[n]), readers[n])()
	}
	has := func(n int) func() bool {
		return func() bool {
			return !slices.ContainsFunc(readers, func(r *listener) bool { got, _ := r.all(); return len(got) < n })
		}
	}
	eventually(t, "all have their state", has(1))
	eventually(t, "all rest", h.resting)
	tx, err := h.DB.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	for _, sql := range []string{"lock table connection in access exclusive mode", "update connection set version = version + 1"} { // nobody reads until the end
		if _, err := tx.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	before := h.queries.Len()
	for _, id := range h.ids {
		h.Hub.Poke(id.String(), 0)
	}
	eventually(t, "all are being read", func() bool {
		h.feeds.mu.Lock()
		defer h.feeds.mu.Unlock()
		return len(h.feeds.queue) == 0
	})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all have the change", has(2))
	if n := h.queries.Len() - before; n > 5 { // the first, the others, and the roles, which may have to be read again
		t.Errorf("%d queries for %d changes at once", n, subjects)
	}
}

// resting says that no step is due or goes on.
func (h *house) resting() bool {
	h.feeds.mu.Lock()
	defer h.feeds.mu.Unlock()
	for e := h.feeds.order.Front(); e != nil; e = e.Next() {
		if g := e.Value.(*group); g.stage != still || g.waits {
			return false
		}
	}
	return true
}

// A right that ends while nobody cuts the socket gives no further state.
func TestAccessIsAskedForEachMessage(t *testing.T) {
	h := build(t, 1)
	one, two := &listener{}, &listener{}
	for _, r := range []*listener{one, two} {
		defer h.feeds.Join(authz.With(t.Context(), h.key), h.progress(h.ids[0]), r)()
	}
	eventually(t, "they have their state", func() bool { got, _ := two.all(); return len(got) == 1 && h.resting() })
	h.Roles(t, h.Org, h.User)
	eventually(t, "the right ends", func() bool { // roles are remembered for a second
		_, err := h.Authz.Authorize(authz.With(t.Context(), h.key), "connection.read", h.Org)
		return err != nil
	})
	h.change(t, h.ids[0])
	for _, r := range []*listener{one, two} {
		eventually(t, "it ends", func() bool { _, ended := r.all(); return ended != "" })
		if got, ended := r.all(); len(got) != 1 || !strings.Contains(ended, "NOT_FOUND") {
			t.Errorf("got %v and %s", got, ended)
		}
	}
	late := &listener{}
	defer h.feeds.Join(authz.With(t.Context(), h.key), h.progress(h.ids[0]), late)()
	eventually(t, "it is refused", func() bool { _, ended := late.all(); return ended != "" })
	late.want(t, "NOT_FOUND")
}

// BenchmarkVersions is how many versions a process reads, renders and hands on when all of its groups change all the time.
func BenchmarkVersions(b *testing.B) {
	const subjects = 200
	h := build(b, subjects)
	readers := make([]*tally, subjects)
	for n := range readers {
		readers[n] = &tally{}
		defer h.feeds.Join(authz.With(b.Context(), h.key), h.progress(h.ids[n]), readers[n])()
	}
	eventually(b, "all have their state", func() bool { return h.resting() })
	began, before, frames := time.Now(), h.queries.Len(), int64(0)
	for b.Loop() {
		if _, err := h.DB.Exec(b.Context(), "update connection set version = version + 1"); err != nil {
			b.Fatal(err)
		}
		frames += subjects
		for _, id := range h.ids {
			h.Hub.Poke(id.String(), 0)
		}
		eventually(b, "all have it", func() bool {
			for _, r := range readers {
				if r.n.Load() <= frames/subjects {
					return false
				}
			}
			return true
		})
	}
	b.ReportMetric(float64(frames)/time.Since(began).Seconds(), "versions/s")
	b.ReportMetric(float64(h.queries.Len()-before)/float64(frames), "statements/version")
}

type tally struct{ n atomic.Int64 }

func (r *tally) Next([]byte) { r.n.Add(1) }
func (*tally) Fail([]byte)   {}
func (*tally) Complete()     {}
