package connection_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// side is one of two connections of the same name, each of an organization of its own.
type side struct {
	b   *bundle
	ctx context.Context
	app *application.Application
	*connection.Connection
}

// another starts a name that somebody has already, for an organization of its own.
func (b *bundle) another(t *testing.T, slug, host string, how ...connection.SetupType) *side {
	t.Helper()
	org, user := b.Organization(t, slug)
	ctx := spinetest.As(t.Context(), user)
	s := &side{b: b, ctx: ctx, app: b.application(t, ctx, org, slug)}
	in := connection.StartConnectionInput{ApplicationID: s.app.ID, Hostname: host}
	if len(how) > 0 {
		in.PreferredMethod = &how[0]
	}
	p, err := b.S.Start(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	s.Connection = p.Connection
	s.stand(map[string]int{})
	return s
}

// stand says what stands in the DNS of this side's lines alone.
func (s *side) stand(lines map[string]int) {
	s.b.World.set(func(w *world) { w.at[s.Target] = lines })
}

func (s *side) is(t *testing.T, state connection.State) *connection.Connection {
	t.Helper()
	c, err := s.b.S.Get(authz.System(t.Context(), "test"), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	if c.State != state {
		t.Fatalf("%s is %s (%s), want %s: %+v", s.ID, c.State, deref(c.StateReason), state, c.Facets)
	}
	s.Connection = c
	return c
}

func (s *side) line(t *testing.T, key string) *record.Record {
	t.Helper()
	lines, err := s.b.S.RecordsOf(authz.System(t.Context(), "test"), []*connection.Connection{s.Connection})
	if err != nil {
		t.Fatal(err)
	}
	if at := slices.IndexFunc(lines[0], func(r *record.Record) bool { return r.Key == key }); at >= 0 {
		return lines[0][at]
	}
	return nil
}

// two are a live name and somebody else who wants it and has been told what to do.
func two(t *testing.T) (b *bundle, holder, rival *side) {
	t.Helper()
	b = setup(t)
	holder = &side{b: b, ctx: b.As(t.Context()), app: b.App, Connection: b.live(t, "shop.acme.lab")}
	holder.stand(map[string]int{"routing": 2})
	rival = b.another(t, "rival", "shop.acme.lab")
	b.after(t, 0)
	if c := rival.is(t, connection.ActionRequired); deref(c.StateReason) != finding.HeldElsewhere {
		t.Fatalf("%s", deref(c.StateReason))
	}
	line := rival.line(t, record.TransferKey)
	if line == nil || line.FQDN != "_nameplate.shop.acme.lab" || line.Value != "np-transfer="+rival.VerificationToken {
		t.Fatalf("%+v", line)
	}
	holder.is(t, connection.Live)
	return b, holder, rival
}

// contested is two, once the rival's proof was seen twice.
func contested(t *testing.T) (b *bundle, holder, rival *side) {
	t.Helper()
	b, holder, rival = two(t)
	rival.stand(map[string]int{record.TransferKey: 2})
	b.after(t, 10*time.Second)
	holder.is(t, connection.Live) // one pass is none
	b.after(t, 2*time.Second)
	holder.is(t, connection.Contested)
	rival.is(t, connection.Verifying)
	return b, holder, rival
}

func (b *bundle) holderOf(t *testing.T, host string) ident.ConnectionID {
	t.Helper()
	var held []ident.ConnectionID
	rows, err := b.DB.Query(t.Context(), "select holder_connection_id::text from hostname_claim where hostname = $1", host)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		u, err := uuid.Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, ident.From[ident.ConnectionID](u))
	}
	if len(held) != 1 {
		return ident.ConnectionID{}
	}
	return held[0]
}

// TestT19_TheNameMovesAtItsTime: the holder is not disturbed until the rival's proof was seen in two passes; both hear when the name moves; until then the holder
// serves and nothing new is ordered for it; then it moves in one transaction.
func TestT19_TheNameMovesAtItsTime(t *testing.T) {
	t.Parallel()
	b, holder, rival := contested(t)
	at := b.Clock.Now().Add(24 * time.Hour)
	for name, c := range map[string]*connection.Connection{"holder": holder.Connection, "rival": rival.Connection} {
		if c.TransferAt() == nil || !c.TransferAt().Equal(at) {
			t.Errorf("the %s's clock ends at %v, want %v", name, c.TransferAt(), at)
		}
		var m connection.Moved
		payload(t, b, c, "connection.contested", &m)
		if m.TransferAt == nil || !m.TransferAt.Equal(at) {
			t.Errorf("the %s is told %+v", name, m)
		}
	}
	if line := holder.line(t, record.DefenceKey); line == nil || line.Value != record.Verification(holder.VerificationToken) {
		t.Errorf("the holder is asked for %+v", line)
	}
	if f := slices.IndexFunc(holder.Findings, func(f finding.Finding) bool { return f.Code == finding.ClaimContested }); f < 0 || holder.Findings[f].Params["until"] == nil {
		t.Errorf("the holder is told %+v", holder.Findings)
	}
	if e := b.entry(t, "shop.acme.lab"); !e.Serve || e.CertAllowed || e.ConnectionID != holder.ID {
		t.Errorf("the edges serve %+v", e)
	}
	if p, err := b.S.Ready(t.Context(), holder.ID, true); err != nil || p.OK {
		t.Errorf("a renewal may be ordered for a contested name: %+v, %v", p, err)
	}
	b.lawful(t, "the contest")
	b.stay(t, 23*time.Hour)
	holder.is(t, connection.Contested)
	if b.holderOf(t, "shop.acme.lab") != holder.ID {
		t.Fatal("it moved before its time")
	}
	b.after(t, at.Sub(b.Clock.Now()))
	rival.is(t, connection.Verifying) // its routing does not stand yet
	c := holder.is(t, connection.Archived)
	if b.holderOf(t, "shop.acme.lab") != rival.ID || rival.Facets.Ownership.Value != connection.Verified || rival.TransferAt() != nil || c.TransferAt() != nil {
		t.Errorf("%+v", rival.Facets.Ownership)
	}
	e := b.entry(t, "shop.acme.lab")
	if f := e.Route.Former; e.ConnectionID != rival.ID || !e.Serve || f == nil || f.ConnectionID != holder.ID || !f.Serve || f.Until.Sub(b.Clock.Now()) < 2*time.Second {
		t.Errorf("the edges serve %+v, before that %+v", e, e.Route.Former)
	}
	var ended connection.Ended
	if payload(t, b, c, "connection.archived", &ended); ended.Reason != connection.ClaimLost {
		t.Errorf("%+v", ended)
	}
	for _, s := range []*side{holder, rival} {
		var moved connection.Transferred
		payload(t, b, s.Connection, "connection.transferred", &moved)
		if want := map[ident.ConnectionID]string{holder.ID: "out", rival.ID: "in"}[s.ID]; moved.Direction != want {
			t.Errorf("%s is told %+v", s.ID, moved)
		}
	}
	b.lawful(t, "the transfer")
	rival.stand(map[string]int{record.TransferKey: 2, "routing": 2})
	b.after(t, 15*time.Minute)
	b.after(t, 2*time.Second)
	rival.is(t, connection.Securing)
	if e := b.entry(t, "shop.acme.lab"); e.Route.Former != nil {
		t.Errorf("the former holder is still there: %+v", e.Route.Former)
	}
	b.lawful(t, "the new beginning")
}

// TestT19_TheHolderKeepsItByAProofOfItsOwn: with both proofs the name stays, the rival is told to ask whoever runs the DNS, and cannot begin again until the
// holder's proof is gone.
func TestT19_TheHolderKeepsItByAProofOfItsOwn(t *testing.T) {
	t.Parallel()
	b, holder, rival := contested(t)
	live := holder.FirstLiveAt
	holder.stand(map[string]int{"routing": 2, record.DefenceKey: 2})
	b.after(t, 15*time.Minute)
	c := holder.is(t, connection.Live)
	if c.TransferAt() != nil || !c.FirstLiveAt.Equal(*live) {
		t.Errorf("%+v", c.Life)
	}
	b.after(t, 0)
	if c := rival.is(t, connection.ActionRequired); deref(c.StateReason) != finding.TransferRefused || c.TransferAt() != nil {
		t.Errorf("%s %+v", deref(c.StateReason), c.Facets.Ownership)
	}
	if e := b.entry(t, "shop.acme.lab"); !e.Serve || !e.CertAllowed {
		t.Errorf("the edges serve %+v", e)
	}
	b.lawful(t, "the defence")
	b.stay(t, 26*time.Hour)
	holder.is(t, connection.Live)
	if n := len(slices.DeleteFunc(b.actions(t, holder.ID), func(a string) bool { return a != "connection.live" })); n != 1 {
		t.Errorf("%d events connection.live in one live period", n)
	}
	holder.stand(map[string]int{"routing": 2})
	b.stay(t, 2*time.Hour)
	holder.is(t, connection.Contested)
	b.lawful(t, "the second contest")
}

// TestT19_TheProofGoesAway: a rival whose proof is gone contests nothing any more, nor one that is archived or gave up.
func TestT19_TheProofGoesAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(t *testing.T, b *bundle, rival *side){
		"TheRecord":   func(t *testing.T, b *bundle, rival *side) { rival.stand(map[string]int{}) },
		"OnOneServer": func(t *testing.T, b *bundle, rival *side) { rival.stand(map[string]int{record.TransferKey: 1}) },
		"TheConnection": func(t *testing.T, b *bundle, rival *side) {
			if _, err := b.S.Archive(rival.ctx, rival.ID, nil); err != nil {
				t.Fatal(err)
			}
		},
		"NobodyLooks": func(t *testing.T, b *bundle, rival *side) {
			if _, err := b.DB.Exec(t.Context(), "update connection_due set due_at = '9999-01-01' where connection_id = $1", rival.ID.UUID()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, holder, rival := contested(t)
			away(t, b, rival)
			b.stay(t, 26*time.Hour)
			c := holder.is(t, connection.Live)
			if c.TransferAt() != nil || b.holderOf(t, "shop.acme.lab") != holder.ID || holder.line(t, record.DefenceKey) != nil {
				t.Errorf("%+v", c.Facets.Ownership)
			}
			if n := len(slices.DeleteFunc(b.actions(t, holder.ID), func(a string) bool { return a != "connection.live" })); n != 1 {
				t.Errorf("%d events connection.live in one live period", n)
			}
			b.lawful(t, name)
		})
	}
}

// TestT19_EarlierWhenTheNameHasLeft: three passes, spaced, that see the name point at the rival end the notice.
func TestT19_EarlierWhenTheNameHasLeft(t *testing.T) {
	t.Parallel()
	b, holder, rival := contested(t)
	holder.stand(map[string]int{})
	rival.stand(map[string]int{record.TransferKey: 2, "routing": 2})
	began := b.Clock.Now()
	for b.holderOf(t, "shop.acme.lab") == holder.ID {
		if b.Clock.Now().Sub(began) > time.Hour {
			t.Fatalf("it waits: %+v", rival.is(t, connection.Verifying).Facets.Ownership)
		}
		b.after(t, time.Minute)
	}
	if took := b.Clock.Now().Sub(began); took < 10*time.Minute {
		t.Errorf("it moved after %s", took)
	}
	holder.is(t, connection.Archived)
	rival.is(t, connection.Securing)
	b.lawful(t, "the transfer")
}

// TestT19_OneContestAtATime: a third one waits, and the name goes to who was first.
func TestT19_OneContestAtATime(t *testing.T) {
	t.Parallel()
	b, holder, rival := contested(t)
	third := b.another(t, "third", "shop.acme.lab")
	b.after(t, 0)
	third.stand(map[string]int{record.TransferKey: 2})
	b.after(t, 10*time.Second)
	b.after(t, 10*time.Second)
	third.is(t, connection.ActionRequired)
	b.stay(t, 24*time.Hour)
	if holder.is(t, connection.Archived); b.holderOf(t, "shop.acme.lab") != rival.ID {
		t.Error("somebody else has it")
	}
	b.lawful(t, "the transfer")
}

// TestT19_WhoContestsAFreeNameHasIt: when the holder disconnects meanwhile, the proof that was asked for is enough.
func TestT19_WhoContestsAFreeNameHasIt(t *testing.T) {
	t.Parallel()
	b, holder, rival := contested(t)
	if _, err := b.S.Archive(holder.ctx, holder.ID, &holder.Hostname); err != nil {
		t.Fatal(err)
	}
	b.after(t, 10*time.Minute)
	if b.holderOf(t, "shop.acme.lab") != rival.ID {
		t.Error("nobody has it")
	}
	if e := b.entry(t, "shop.acme.lab"); e.ConnectionID != rival.ID || e.Mode != edgeentry.Proxy || e.Route.Former != nil {
		t.Errorf("%+v", e)
	}
	b.lawful(t, "the end")
}
