package connection_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// TestEdgeSecret_IsShownOnceAndReachesTheEdges: each rotation is one generation that brings the new secret and, for the overlap, the one before; it is sealed where
// it stands; the names of the application say whose secret signs.
func TestEdgeSecret_IsShownOnceAndReachesTheEdges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.live(t, "shop.acme.lab")
	before, err := b.Edge.Generation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rotate := func(hours int32) *application.EdgeSecretPayload {
		t.Helper()
		p, err := b.Apps.RotateEdgeSecret(b.As(t.Context()), application.RotateEdgeSecretInput{ApplicationID: b.App.ID, OverlapHours: hours})
		if err != nil {
			t.Fatal(err)
		}
		b.after(t, 0)
		return p
	}
	known := func(after int64) edgeentry.Secret {
		t.Helper()
		s, err := b.Edge.Delta(t.Context(), after)
		if err != nil || len(s.Secrets) != 1 || s.Secrets[0].ApplicationID != b.App.ID {
			t.Fatalf("the edges learn %+v: %v", s.Secrets, err)
		}
		return s.Secrets[0]
	}
	first := rotate(24)
	if first.PreviousUntil != nil || first.Application.EdgeSecretAt == nil || first.Application.Version != b.App.Version+1 {
		t.Fatalf("the first secret: %+v", first)
	}
	if got := known(before); got.Current != first.Secret || !got.Previous.IsZero() {
		t.Fatal("the edges do not have the first secret, or another beside it")
	}
	entry, err := b.Edge.Get(t.Context(), "shop.acme.lab")
	if err != nil || entry.Route.ApplicationID != b.App.ID || entry.ConnectionID != c.ID {
		t.Fatalf("the name does not say whose secret signs: %+v %v", entry.Route, err)
	}
	second := rotate(24)
	if got := known(before); got.Current != second.Secret || got.Previous != first.Secret || !got.PreviousUntil.Equal(b.Clock.Now().Add(24*time.Hour)) || !second.PreviousUntil.Equal(*got.PreviousUntil) {
		t.Fatal("the former secret does not sign along for a day")
	}
	third := rotate(0)
	if got := known(before); got.Current != third.Secret || !got.Previous.IsZero() || got.PreviousUntil != nil || third.PreviousUntil != nil {
		t.Fatal("a former secret signs along without an overlap")
	}
	var sealed []byte
	if err := b.DB.QueryRow(t.Context(), "select sealed from edge_secret").Scan(&sealed); err != nil || bytes.Contains(sealed, []byte("npe_")) {
		t.Fatalf("it stands in clear: %v", err)
	}
	if all, err := b.Edge.Load(t.Context()); err != nil || len(all.Secrets) != 1 || all.Secrets[0].Current != third.Secret {
		t.Fatalf("an edge that starts learns %+v: %v", all.Secrets, err)
	}
	if err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.Vault.Destroy(ctx, tx, b.Org) }); err != nil {
		t.Fatal(err)
	}
	if all, err := b.Edge.Load(t.Context()); err != nil || len(all.Secrets) != 0 || len(all.Entries) != 1 {
		t.Fatalf("an organization whose keys are gone stands in the way of all edges: %+v %v", all, err)
	}
}

// TestEdgeSecret_WhoMay: strangers find no application, a wrong overlap names its field, and an archived application gets none.
func TestEdgeSecret_WhoMay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		app   ident.ApplicationID
		hours int32
		code  fault.Code
	}{
		"Unknown": {ident.New[ident.ApplicationID](b.Clock.Now()), 1, "NOT_FOUND"}, "Negative": {b.App.ID, -1, "INVALID"}, "TooLong": {b.App.ID, 169, "INVALID"},
	} {
		_, err := b.Apps.RotateEdgeSecret(b.As(t.Context()), application.RotateEdgeSecretInput{ApplicationID: c.app, OverlapHours: c.hours})
		if !fault.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s, err := b.Edge.Load(t.Context()); err != nil || len(s.Secrets) != 0 {
		t.Errorf("%d secrets were made: %v", len(s.Secrets), err)
	}
}
