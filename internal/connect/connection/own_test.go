package connection_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

func TestOwn_AreTheOpenOnesOfTokenAndEndUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.application(t, b.As(t.Context()), b.Org, "Other")
	start := func(app *application.Application, host, endUser string) ident.ConnectionID {
		t.Helper()
		p, err := b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: app.ID, Hostname: host, EndUserRef: &endUser})
		if err != nil {
			t.Fatal(err)
		}
		b.Clock.add(time.Second) // ids are as old as their rows
		return p.Connection.ID
	}
	first, bobs, nobodys := start(b.App, "one.acme.lab", "ann"), start(b.App, "two.acme.lab", "bob"), start(b.App, "three.acme.lab", "")
	elsewhere, gone, last := start(other, "one.acme.lab", "ann"), start(b.App, "four.acme.lab", "ann"), start(b.App, "five.acme.lab", "ann")
	if _, err := b.S.Archive(b.As(t.Context()), gone, nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		claims authz.WidgetClaims
		want   []ident.ConnectionID
	}{
		"EndUser":         {authz.WidgetClaims{EndUserRef: "ann"}, []ident.ConnectionID{last, first}},
		"EndUserAndNamed": {authz.WidgetClaims{EndUserRef: "ann", ConnectionIDs: []ident.ConnectionID{bobs, first}}, []ident.ConnectionID{last, bobs, first}},
		"Named":           {authz.WidgetClaims{ConnectionIDs: []ident.ConnectionID{gone, elsewhere, nobodys}}, []ident.ConnectionID{nobodys}},
		"OneName":         {authz.WidgetClaims{EndUserRef: "ann", Hostname: "one.acme.lab"}, []ident.ConnectionID{first}},
		"Nobody":          {authz.WidgetClaims{}, nil},
		"MayNotLook":      {authz.WidgetClaims{EndUserRef: "ann", Scopes: []string{"START"}}, nil},
	} {
		got, err := b.S.Own(widget(t, b, c.claims))
		if err != nil || got == nil || !slices.Equal(ids(got), c.want) {
			t.Errorf("%s: %v %v", name, ids(got), err)
		}
	}
	for name, ctx := range map[string]context.Context{"Person": b.As(t.Context()), "Public": t.Context(), "System": authz.System(t.Context(), "test")} {
		if got, err := b.S.Own(ctx); err != nil || got == nil || len(got) > 0 {
			t.Errorf("%s: %v %v", name, ids(got), err)
		}
	}
	for n := range 20 {
		last = start(b.App, fmt.Sprintf("n%d.acme.lab", n), "ann")
	}
	if got, err := b.S.Own(widget(t, b, authz.WidgetClaims{EndUserRef: "ann"})); err != nil || len(got) != 20 || got[0].ID != last {
		t.Errorf("%d of 22, the first %s: %v", len(got), got[0].Hostname, err)
	}
}

func ids(all []*connection.Connection) []ident.ConnectionID {
	var out []ident.ConnectionID
	for _, c := range all {
		out = append(out, c.ID)
	}
	return out
}

func TestByHostname_FindsTheOpenOneOfTheApplication(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.application(t, b.As(t.Context()), b.Org, "Other")
	c := b.start(t, "shop.acme.lab")
	got, err := b.S.ByHostname(t.Context(), b.App, "shop.acme.lab")
	if err != nil || got == nil || got.ID != c.ID {
		t.Fatal(got, err)
	}
	stranger := *b.App
	stranger.OrgID = ident.New[ident.OrgID](time.Now())
	for name, ask := range map[string]struct {
		app  *application.Application
		host string
	}{"PartOfTheName": {b.App, "shop.acme"}, "OtherApplication": {other, "shop.acme.lab"}, "OtherOrganization": {&stranger, "shop.acme.lab"}} {
		if got, err := b.S.ByHostname(t.Context(), ask.app, ask.host); err != nil || got != nil {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	if _, err := b.S.Archive(b.As(t.Context()), c.ID, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := b.S.ByHostname(t.Context(), b.App, "shop.acme.lab"); err != nil || got != nil {
		t.Errorf("an archived one: %v %v", got, err)
	}
}

func TestOrgOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	if org, app, err := b.S.OrgOf(t.Context(), c.ID); err != nil || org != b.Org || app != b.App.ID {
		t.Fatal(org, app, err)
	}
	if _, _, err := b.S.OrgOf(t.Context(), ident.New[ident.ConnectionID](time.Now())); !fault.Is(err, fault.NotFoundCode) {
		t.Fatal(err)
	}
}
