package apikey

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/queries/apikeyq"
)

// Filter says which keys are listed. A person who names a user and no organization sees that user's keys everywhere: the user is the person, or a machine that
// the person registered.
type Filter struct {
	Org      *ident.OrgID
	User     *ident.UserID
	Inactive bool // those that were deleted or have expired, too
}

// List pages through the keys of an organization: one's own, or with apikey.read all of them. A narrowed key sees its own application's.
func (s *Service) List(ctx context.Context, f Filter, a page.Args) (*ApiKeyPage, error) {
	caller := authz.From(ctx)
	if f.User != nil && f.Org == nil && caller.Kind == authz.USER {
		return s.listOf(ctx, f, a)
	}
	org := f.Org
	if org == nil {
		org = &caller.OrgID
	}
	scope, all, err := s.reader(ctx, *org)
	if err != nil {
		return nil, err
	}
	user := caller.UserID
	if f.User != nil && *f.User != user {
		if !all {
			return nil, fault.At(fault.NotFound("user"), "userId")
		}
		user = *f.User
	}
	everybody, app := all && f.User == nil, scope.Application()
	rows, err := s.q.ListKeys(ctx, s.DB, apikeyq.ListKeysParams{OrgID: scope.OrgUUID(), AllUsers: everybody, UserID: user.UUID(), AllApps: app.IsZero(), AppID: app.UUID(),
		Inactive: f.Inactive, Now: s.DB.Now(), Before: before(a), Most: int32(a.First + 1)})
	if err != nil {
		return nil, fmt.Errorf("list the keys: %w", err)
	}
	n, err := s.q.CountKeys(ctx, s.DB, apikeyq.CountKeysParams{OrgID: scope.OrgUUID(), AllUsers: everybody, UserID: user.UUID(), AllApps: app.IsZero(), AppID: app.UUID(), Inactive: f.Inactive, Now: s.DB.Now()})
	if err != nil {
		return nil, fmt.Errorf("count the keys: %w", err)
	}
	keys := make([]*ApiKey, len(rows))
	for i, r := range rows {
		keys[i] = fromRow((*row)(r))
	}
	return new(page.Make(a, keys, new(int32(n)), at)), nil
}

// listOf pages through the keys of one user in all organizations.
func (s *Service) listOf(ctx context.Context, f Filter, a page.Args) (*ApiKeyPage, error) {
	caller := authz.From(ctx)
	if *f.User != caller.UserID {
		mine, err := s.q.MadeBy(ctx, s.DB, apikeyq.MadeByParams{Machine: f.User.UUID(), Person: caller.UserID.UUID()})
		if err != nil {
			return nil, fmt.Errorf("ask who registered %s: %w", f.User, err)
		}
		if !mine {
			return nil, fault.At(fault.NotFound("user"), "userId")
		}
	}
	rows, err := s.q.OrgOfKeysOf(ctx, s.DB, apikeyq.OrgOfKeysOfParams{UserID: f.User.UUID(), Inactive: f.Inactive, Now: s.DB.Now(), Before: before(a), Most: int32(a.First + 1)})
	if err != nil {
		return nil, fmt.Errorf("list the keys of %s: %w", f.User, err)
	}
	n, err := s.q.OrgOfKeysOfCount(ctx, s.DB, apikeyq.OrgOfKeysOfCountParams{UserID: f.User.UUID(), Inactive: f.Inactive, Now: s.DB.Now()})
	if err != nil {
		return nil, fmt.Errorf("count the keys of %s: %w", f.User, err)
	}
	keys := make([]*ApiKey, len(rows))
	for i, r := range rows {
		keys[i] = fromRow((*row)(r))
	}
	return new(page.Make(a, keys, new(int32(n)), at)), nil
}

func before(a page.Args) uuid.UUID {
	if a.After != nil {
		return a.After.ID
	}
	return uuid.Max
}

func at(k *ApiKey) page.Cursor { return page.Cursor{ID: k.ID.UUID()} }
