package organization

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/organizationq"
)

const (
	mayReadAny authz.Permission = "organization.read_any"
	mayRestore authz.Permission = "organization.restore"

	keptFor     = 30 * 24 * time.Hour // a deleted organization can be brought back so long
	countedMost = 10_000
	maxSearch   = 100
	maxReason   = 500
)

type (
	OrganizationPage = page.Of[*Organization]
	OrganizationEdge = page.Edge[*Organization]
)

// OrganizationFilter narrows an operator's list; what is nil does not.
type OrganizationFilter struct {
	Text    *string // part of a name or of a short name
	Deleted *bool   // those alone that can be brought back
}

// Inspect reads any organization for an operator, also a deleted one.
func (s *Service) Inspect(ctx context.Context, id ident.OrgID) (*Organization, error) {
	if err := s.Authz.Operate(ctx, mayReadAny); err != nil {
		return nil, err
	}
	return s.any(ctx, s.DB, id)
}

func (s *Service) any(ctx context.Context, on organizationq.DBTX, id ident.OrgID) (*Organization, error) {
	r, err := s.q.AnyOrganizationByID(ctx, on, organizationq.AnyOrganizationByIDParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("organization")
	} else if err != nil {
		return nil, fmt.Errorf("read the organization %s: %w", id, err)
	}
	return fromRow((*organizationq.OrganizationByIDRow)(r))
}

// ListAny pages through all organizations for an operator, the newest first.
func (s *Service) ListAny(ctx context.Context, f OrganizationFilter, a page.Args) (*OrganizationPage, error) {
	if err := s.Authz.Operate(ctx, mayReadAny); err != nil {
		return nil, err
	}
	p := organizationq.ListOrganizationsParams{Before: uuid.Max, Most: int32(a.First) + 1}
	if a.After != nil {
		p.Before = a.After.ID
	}
	text := ""
	if f.Text != nil {
		text = strings.TrimSpace(*f.Text)
	}
	if f.Deleted != nil {
		p.Deleted = *f.Deleted
	}
	if utf8.RuneCountInString(text) > maxSearch || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, fault.Invalid("filter.text", "too_long", "Search for at most %d characters.", maxSearch)
	}
	all, n, err := s.find(ctx, p, text)
	if err != nil {
		return nil, fmt.Errorf("list the organizations: %w", err)
	}
	var total *int32
	if n <= countedMost {
		total = new(int32(n))
	}
	return new(page.Make(a, all, total, func(o *Organization) page.Cursor { return page.Cursor{ID: o.ID.UUID()} })), nil
}

// find answers a page of organizations and how many there are, up to one more than is counted.
func (s *Service) find(ctx context.Context, p organizationq.ListOrganizationsParams, text string) (all []*Organization, n int64, err error) {
	add := func(r *organizationq.OrganizationByIDRow) error {
		o, err := fromRow(r)
		all = append(all, o)
		return err
	}
	if text != "" {
		like := page.Contains(text)
		rows, err := s.q.SearchOrganizations(ctx, s.DB, organizationq.SearchOrganizationsParams{Before: p.Before, Pattern: like, Deleted: p.Deleted, Most: p.Most})
		if err != nil {
			return nil, 0, err
		}
		for _, r := range rows {
			if err := add((*organizationq.OrganizationByIDRow)(r)); err != nil {
				return nil, 0, err
			}
		}
		n, err = s.q.CountFoundOrganizations(ctx, s.DB, organizationq.CountFoundOrganizationsParams{Pattern: like, Deleted: p.Deleted, Most: countedMost + 1})
		return all, n, err
	}
	rows, err := s.q.ListOrganizations(ctx, s.DB, p)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range rows {
		if err := add((*organizationq.OrganizationByIDRow)(r)); err != nil {
			return nil, 0, err
		}
	}
	n, err = s.q.CountOrganizations(ctx, s.DB, organizationq.CountOrganizationsParams{Deleted: p.Deleted, Most: countedMost + 1})
	return all, n, err
}

// RestoreInput brings a deleted organization back, and says why.
type RestoreInput struct {
	ID     ident.OrgID
	Reason string
}

// Restore brings back what was deleted within the last 30 days, with its members and their roles; its domains are verified anew. Keys stay ended.
func (s *Service) Restore(ctx context.Context, in RestoreInput) (*Organization, error) {
	return door.Do(ctx, s.Door, door.Change[RestoreInput, *Organization]{
		Action: door.Action{Name: "organization.restore", Permission: mayRestore, Operator: true, StepUp: true},
		Validate: func(_ context.Context, _ *door.Effect, in *RestoreInput) error {
			in.Reason = strings.TrimSpace(in.Reason)
			if n := utf8.RuneCountInString(in.Reason); n == 0 || n > maxReason || strings.ContainsRune(in.Reason, 0) {
				return fault.Invalid("reason", "reason", "Say why, in at most %d characters.", maxReason)
			}
			return nil
		},
		Do: func(ctx context.Context, e *door.Effect, in RestoreInput) (*Organization, error) {
			if err := s.q.LockOrganization(ctx, e.Tx, organizationq.LockOrganizationParams{ID: in.ID.UUID()}); err != nil && !db.NotFound(err) {
				return nil, fmt.Errorf("lock the organization: %w", err)
			}
			o, err := s.any(ctx, e.Tx, in.ID)
			if err != nil {
				return nil, err
			}
			switch {
			case o.Ownership == Personal && o.DeletedAt != nil:
				return nil, fault.Precondition("personal_organization", "Its person erased the account, and does not come back.")
			case o.DeletedAt == nil:
				return nil, fault.Precondition("not_deleted", "This organization was not deleted.")
			case e.Tx.Now.Sub(*o.DeletedAt) > keptFor:
				return nil, fault.Precondition("too_late", "It was deleted more than 30 days ago and cannot be brought back.")
			}
			if err := s.q.RestoreOrganization(ctx, e.Tx, organizationq.RestoreOrganizationParams{ID: in.ID.UUID()}); err != nil {
				return nil, fmt.Errorf("restore the organization: %w", err)
			}
			e.Record(event.Change{OrgID: in.ID, Action: "organization.restored", Subject: in.ID.String(), Version: o.Version + 1, Payload: map[string]any{"v": 1, "reason": in.Reason}, Audited: true})
			return s.any(ctx, e.Tx, in.ID)
		},
	}, in)
}
