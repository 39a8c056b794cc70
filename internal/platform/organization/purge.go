package organization

import (
	"context"
	"fmt"
	"strings"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/organizationq"
)

const (
	purgeAtOnce = 50
	gone        = "Deleted organization"
)

// Purge ends the organizations that were deleted 30 days ago: what still served for them, then name, memberships and what is sealed for them. Their rows and
// their ledger stay.
func (s *Service) Purge(ctx context.Context) error {
	ids, err := s.q.OrgOfPurgeable(ctx, s.DB, organizationq.OrgOfPurgeableParams{Before: s.DB.Now().Add(-keptFor), Most: purgeAtOnce})
	if err != nil {
		return fmt.Errorf("look for what was deleted long ago: %w", err)
	}
	for _, u := range ids {
		id := ident.From[ident.OrgID](u)
		for more := true; more; {
			if more, err = s.purge(ctx, id); err != nil {
				return fmt.Errorf("purge %s: %w", id, err)
			}
		}
	}
	return nil
}

// purge ends one organization, a share in each transaction. It answers true until there is nothing left of it.
func (s *Service) purge(ctx context.Context, id ident.OrgID) (more bool, err error) {
	err = s.Door.System(ctx, "purge", id, func(ctx context.Context, e *door.Effect) error {
		more = false
		r, err := s.q.LockDeleted(ctx, e.Tx, organizationq.LockDeletedParams{ID: id.UUID()})
		if err != nil {
			return fmt.Errorf("lock the organization: %w", err)
		}
		if r.DeletedAt == nil || r.PurgedAt != nil || e.Tx.Now.Sub(*r.DeletedAt) < keptFor {
			return door.ErrNothing // restored, or somebody was faster
		}
		if s.Empty != nil {
			if more, err = s.Empty(ctx, e, id); err != nil || more {
				return err
			}
		}
		if err := s.Members.EndAllTx(ctx, e, id); err != nil {
			return err
		}
		if err := s.q.PurgeOrganization(ctx, e.Tx, organizationq.PurgeOrganizationParams{ID: id.UUID(), Name: gone, Slug: slugOfGone(id), Now: e.Tx.Now}); err != nil {
			return fmt.Errorf("purge the organization: %w", err)
		}
		e.Record(event.Change{OrgID: id, Action: "organization.purged", Subject: id.String(), Version: r.Version + 1, Payload: map[string]any{"v": 1}, Audited: true})
		return s.Destroy(ctx, e, id)
	})
	return more, err
}

// slugOfGone frees the short name; it has the id's own characters, which nobody else has.
func slugOfGone(id ident.OrgID) string {
	return "gone-" + strings.ReplaceAll(id.UUID().String(), "-", "")
}

// ErasePersonalTx deletes a person's own organization with the account. It is called after nobody from then on.
func (s *Service) ErasePersonalTx(ctx context.Context, e *door.Effect, user ident.UserID) error {
	r, err := s.q.OrgOfPersonal(ctx, e.Tx, organizationq.OrgOfPersonalParams{CreatedBy: user.UUID()})
	if db.NotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("find the person's own organization: %w", err)
	}
	id := ident.From[ident.OrgID](r.ID)
	if err := s.q.ErasePersonal(ctx, e.Tx, organizationq.ErasePersonalParams{ID: r.ID, Name: gone, Slug: slugOfGone(id), Now: e.Tx.Now}); err != nil {
		return fmt.Errorf("delete the person's own organization: %w", err)
	}
	e.Record(event.Change{OrgID: id, Action: "organization.deleted", Subject: id.String(), Version: r.Version + 1, Payload: map[string]any{"v": 1, "reason": "erased"}, Audited: true})
	return s.Authz.Revoke(ctx, e.Tx, authz.Organization(id), "organization.deleted")
}
