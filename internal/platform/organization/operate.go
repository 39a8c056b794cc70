package organization

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/queries/organizationq"
)

const (
	mayReadAny authz.Permission = "organization.read_any"

	countedMost = 10_000
	maxSearch   = 100
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
	if f.Text != nil {
		p.Text = strings.TrimSpace(*f.Text)
	}
	if f.Deleted != nil {
		p.Deleted = *f.Deleted
	}
	if utf8.RuneCountInString(p.Text) > maxSearch || !utf8.ValidString(p.Text) || strings.ContainsRune(p.Text, 0) {
		return nil, fault.Invalid("filter.text", "too_long", "Search for at most %d characters.", maxSearch)
	}
	rows, err := s.q.ListOrganizations(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("list the organizations: %w", err)
	}
	n, err := s.q.CountOrganizations(ctx, s.DB, organizationq.CountOrganizationsParams{Text: p.Text, Deleted: p.Deleted, Most: countedMost + 1})
	if err != nil {
		return nil, fmt.Errorf("count the organizations: %w", err)
	}
	all := make([]*Organization, len(rows))
	for i, r := range rows {
		if all[i], err = fromRow((*organizationq.OrganizationByIDRow)(r)); err != nil {
			return nil, err
		}
	}
	var total *int32
	if n <= countedMost {
		total = new(int32(n))
	}
	return new(page.Make(a, all, total, func(o *Organization) page.Cursor { return page.Cursor{ID: o.ID.UUID()} })), nil
}
