package account_test

import (
	"context"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func TestViewer_SaysWhoIsAskingAndWhereToBegin(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t)
	s := &account.Service{DB: b.DB}
	var user ident.UserID
	err := b.Door.System(t.Context(), "test", b.Org, func(ctx context.Context, e *door.Effect) (err error) {
		user, err = s.RegisterTx(ctx, e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Viewer(t.Context())
	if err != nil || v.IsAuthenticated || v.UserID != nil || v.Landing != "/login" {
		t.Errorf("nobody: %+v, %v", v, err)
	}
	ctx := spinetest.As(t.Context(), user)
	if v, err = s.Viewer(ctx); err != nil || !v.IsAuthenticated || *v.UserID != user || v.DefaultOrganizationID != nil {
		t.Errorf("without an organization: %+v, %v", v, err)
	}
	err = b.Door.System(t.Context(), "test", b.Org, func(ctx context.Context, e *door.Effect) error {
		e.Quiet()
		return s.SetDefaultTx(ctx, e, user, b.Org)
	})
	if err != nil {
		t.Fatal(err)
	}
	if v, err = s.Viewer(ctx); err != nil || v.Landing != "/acme" || *v.DefaultOrganizationID != b.Org {
		t.Errorf("with one: %+v, %v", v, err)
	}
	if _, err := b.DB.Exec(t.Context(), "update organization set deleted_at = now() where id = $1", b.Org.UUID()); err != nil {
		t.Fatal(err)
	}
	if v, err = s.Viewer(ctx); err != nil || v.Landing != "/login" {
		t.Errorf("with one that is gone: %+v, %v", v, err)
	}
	if v, err := s.Viewer(authz.With(t.Context(), authz.Principal{Kind: authz.WIDGET, OrgID: b.Org})); err != nil || !v.IsAuthenticated || v.UserID != nil {
		t.Errorf("a widget: %+v, %v", v, err)
	}
	if _, err := s.Get(t.Context(), ident.New[ident.UserID](time.Now())); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("an unknown person: %v", err)
	}
	u, err := s.Get(t.Context(), user)
	if err != nil || u.Suspended || u.Version != 2 {
		t.Errorf("%+v, %v", u, err)
	}
}
