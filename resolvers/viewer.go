package resolvers

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// home is the organization that the caller works in: that of the credential, else the default one. Zero when there is none.
func home(ctx context.Context, v *account.Viewer) ident.OrgID {
	org := authz.From(ctx).OrgID
	if org.IsZero() && v.DefaultOrganizationID != nil {
		org = *v.DefaultOrganizationID
	}
	return org
}

// watchViewer sends the caller now, and after each change of what stands below the viewer.
func (r *Resolver) watchViewer(ctx context.Context) <-chan live.Result[*account.Viewer] {
	caller := authz.From(ctx)
	var version int64
	var sent string
	return live.Watch(ctx, r.house.hub, append(caller.Subjects(), caller.OrgID.String()), func(ctx context.Context) (*account.Viewer, int64, error) {
		v, now, err := r.snapshot(ctx)
		if err == nil && now != sent {
			version, sent = version+1, now
		}
		return v, version, err
	})
}

// snapshot is the viewer, and all that a change of which is news.
func (r *Resolver) snapshot(ctx context.Context) (*account.Viewer, string, error) {
	v, err := r.platform.accounts.Viewer(ctx)
	if err != nil {
		return nil, "", err
	}
	all := struct {
		Viewer  *account.Viewer
		Held    []authz.Permission
		Profile *profile.Profile
		Session *session.Session
	}{Viewer: v}
	if all.Held, err = r.house.authz.Permissions(ctx, home(ctx, v)); err != nil {
		return nil, "", err
	}
	if v.UserID != nil {
		if all.Profile, err = r.platform.profiles.Of(ctx, *v.UserID); err != nil {
			return nil, "", err
		}
	}
	if all.Session, err = r.platform.sessions.Current(ctx); err != nil {
		return nil, "", err
	}
	if s := all.Session; s != nil {
		s.LastSeenAt, s.ExpiresAt = s.CreatedAt, s.CreatedAt // they move with every request
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return nil, "", fmt.Errorf("compare the viewer: %w", err)
	}
	return v, string(raw), nil
}
