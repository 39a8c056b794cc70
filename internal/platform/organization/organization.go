// Package organization is the tenant: everything of a customer of this installation belongs to one, and people belong to it by membership.
package organization

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/organizationq"
)

// Organization is a tenant.
type Organization struct {
	ID               ident.OrgID
	Slug             string
	Name             string
	Ownership        Ownership
	CreatedByID      ident.UserID
	BuyerID          *ident.UserID // who pays; nil where nobody does
	HostRegion       string
	EmailDomains     []string // whose addresses may join without an owner's word; none: all
	HideMemberEmails bool
	MfaPolicy        MfaPolicy
	Version          int32
	CreatedAt        time.Time
	DeletedAt        *time.Time
}

func (*Organization) IsNode() {}

// Ownership says whether an organization is one person's own or shared.
type Ownership string

const (
	Personal Ownership = "PERSONAL"
	Shared   Ownership = "SHARED"
)

// Service makes, changes and reads organizations.
type Service struct {
	DB      *db.DB
	Door    *door.Door
	Authz   *authz.Authorizer
	Members *membership.Service
	Billing Billing
	// Empty ends some of what still serves for an organization that is gone for good, and says whether there was any; nil: nothing does.
	Empty func(ctx context.Context, e *door.Effect, org ident.OrgID) (any bool, err error)
	// Destroy forgets the key that everything sealed of an organization was sealed with.
	Destroy func(ctx context.Context, e *door.Effect, org ident.OrgID) error
	// SetDefault says where a person's console begins: in an organization that was just made.
	SetDefault func(ctx context.Context, e *door.Effect, user ident.UserID, org ident.OrgID) error

	q organizationq.Queries
}

// Billing is what organizations need of the plan: it begins with the organization, and its buyer decides about the end.
type Billing interface {
	// StartTx begins the plan of a new organization; buyer pays for it.
	StartTx(ctx context.Context, e *door.Effect, org ident.OrgID, buyer ident.UserID) error
	// StartBasicTx begins the least plan, for a machine that is nobody's.
	StartBasicTx(ctx context.Context, e *door.Effect, org ident.OrgID, buyer ident.UserID) error
	// BuyerTx answers who pays; the zero id when nobody does.
	BuyerTx(ctx context.Context, tx *db.Tx, org ident.OrgID) (ident.UserID, error)
}

// Get reads an organization that the caller belongs to, by id or by slug (exactly one).
func (s *Service) Get(ctx context.Context, id *ident.OrgID, slug *string) (*Organization, error) {
	if (id == nil) == (slug == nil) {
		return nil, fault.Invalid("id", "exactly_one", "Send either id or slug.")
	}
	if id == nil {
		if !slugs.MatchString(strings.ToLower(*slug)) {
			return nil, fault.NotFound("organization")
		}
		u, err := s.q.OrgOfSlug(ctx, s.DB, organizationq.OrgOfSlugParams{Slug: *slug})
		if db.NotFound(err) {
			return nil, fault.NotFound("organization")
		} else if err != nil {
			return nil, fmt.Errorf("find the organization: %w", err)
		}
		id = new(ident.From[ident.OrgID](u))
	}
	if _, err := s.Authz.Authorize(ctx, "organization.read", *id); err != nil {
		return nil, err
	}
	return s.ByID(ctx, *id)
}

// ByID reads an organization for a caller who is known to belong to it.
func (s *Service) ByID(ctx context.Context, id ident.OrgID) (*Organization, error) {
	return s.byID(ctx, s.DB, id)
}

func (s *Service) byID(ctx context.Context, on organizationq.DBTX, id ident.OrgID) (*Organization, error) {
	r, err := s.q.OrganizationByID(ctx, on, organizationq.OrganizationByIDParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("organization")
	} else if err != nil {
		return nil, fmt.Errorf("read the organization %s: %w", id, err)
	}
	return fromRow(r)
}

func fromRow(r *organizationq.OrganizationByIDRow) (*Organization, error) {
	o := &Organization{ID: ident.From[ident.OrgID](r.ID), Slug: r.Slug, Name: r.Name, Ownership: Ownership(r.Ownership), CreatedByID: ident.From[ident.UserID](r.CreatedBy),
		BuyerID: ident.FromPtr[ident.UserID](r.BuyerUserID), HostRegion: r.HostRegion, EmailDomains: r.EmailDomains, HideMemberEmails: r.HideMemberEmails,
		Version: r.Version, CreatedAt: r.CreatedAt, DeletedAt: r.DeletedAt}
	if err := json.Unmarshal(r.MfaPolicy, &o.MfaPolicy); err != nil {
		return nil, fmt.Errorf("read the policy of %s: %w", o.ID, err)
	}
	return o, nil
}

// Part is what organizations contribute.
func (s *Service) Part() part.Part {
	all, owner := []authz.Role{authz.Member, authz.Owner, authz.BillingAdmin}, []authz.Role{authz.Owner}
	return part.Part{Name: "organization", Periodics: []work.Periodic{{Kind: "organization.purge", Every: 24 * time.Hour, Do: s.Purge}}, Grants: []authz.Grant{
		{Permission: "organization.read", Roles: all, What: "see the organization"},
		{Permission: "organization.update", Roles: owner, What: "rename the organization, say who may join and who sees addresses"},
		{Permission: "organization.secure", Roles: owner, What: "say which second factors members need"},
		{Permission: "organization.delete", Roles: owner, What: "delete the organization, for who also pays for it"},
		{Permission: mayReadAny, Operator: true, What: "see all organizations, also deleted ones"},
		{Permission: mayRestore, Operator: true, What: "bring an organization back within 30 days of its deletion"},
	}, Nodes: map[string]part.Finder{"org": func(ctx context.Context, a ident.Any) (any, error) {
		id, err := ident.As[ident.OrgID](a, "id")
		if err != nil {
			return nil, err
		}
		return s.Get(ctx, &id, nil)
	}}}
}
