package resolvers

import (
	"context"
	"encoding/json"
	"time"

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

// watchViewer is the caller, with a version of its own for each change of what stands below the viewer.
func (r *Resolver) watchViewer(ctx context.Context) live.Feed[*account.Viewer] {
	caller := authz.From(ctx)
	var version int64
	var before string
	return live.Feed[*account.Viewer]{
		Subjects: append(caller.Subjects(), caller.OrgID.String()),
		Now: func(ctx context.Context) (*account.Viewer, int64, error) {
			v, now, err := r.snapshot(ctx)
			if err == nil && now != before {
				version, before = version+1, now
			}
			return v, version, err
		},
	}
}

// shown is what stands below a viewer: a change of it is news.
type shown struct {
	Viewer  *account.Viewer
	Held    []authz.Permission
	Profile *profile.Profile
	Session *session.Session
	Belongs string // changes with the caller's roles in any organization: permissions may be asked for each
}

// snapshot is the viewer, and all that stands below it as text.
func (r *Resolver) snapshot(ctx context.Context) (*account.Viewer, string, error) {
	v, err := r.platform.accounts.Viewer(ctx)
	if err != nil {
		return nil, "", err
	}
	all := shown{Viewer: v}
	if err := r.below(ctx, &all); err != nil {
		return nil, "", err
	}
	raw, err := json.Marshal(all)
	return v, string(raw), err
}

func (r *Resolver) below(ctx context.Context, s *shown) (err error) {
	if s.Held, err = r.house.authz.Permissions(ctx, home(ctx, s.Viewer)); err != nil {
		return err
	}
	if s.Viewer.UserID != nil {
		if s.Profile, err = r.platform.profiles.Of(ctx, *s.Viewer.UserID); err != nil {
			return err
		}
	}
	if s.Belongs, err = r.platform.members.OwnState(ctx); err != nil {
		return err
	}
	s.Session, err = r.quietSession(ctx)
	return err
}

// quietSession is the session of the request without what moves with every request.
func (r *Resolver) quietSession(ctx context.Context) (*session.Session, error) {
	now, err := r.platform.sessions.Current(ctx)
	if now == nil {
		return nil, err
	}
	quiet := *now
	quiet.LastSeenAt, quiet.ExpiresAt = time.Time{}, time.Time{}
	return &quiet, err
}
