// Package organization is the tenant: everything of a customer of this installation belongs to one, and people belong to it by membership.
package organization

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/queries/organizationq"
	"golang.org/x/text/unicode/norm"
)

// Organization is a tenant.
type Organization struct {
	ID        ident.OrgID
	Slug      string
	Name      string
	Ownership Ownership
	Version   int32
	CreatedAt time.Time
}

func (*Organization) IsNode() {}

// Ownership says whether an organization is one person's own or shared.
type Ownership string

const (
	Personal Ownership = "PERSONAL"
	Shared   Ownership = "SHARED"
)

// Service makes and reads organizations.
type Service struct {
	DB    *db.DB
	Authz *authz.Authorizer
	q     organizationq.Queries
}

var slugs = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){1,38}$`)

// reserved are first segments of the console's addresses.
var reserved = strings.Fields("account admin alerts api app approvals apps assets audit auth badge catalog connect dashboard domains dr drift git-repos graphiql graphql healthz home hooks " +
	"incidents instances internal invite jobs keys lab login logout maintenance metrics notifications observability ofrep ops people pricing providers rbac readyz reservations scheduler " +
	"secrets servers settings signup ssh-keys static terms usage v1 webhooks widget")

// CreateTx makes a shared organization with its first member, who holds all three roles. id is the effect's organization.
func (s *Service) CreateTx(ctx context.Context, e *door.Effect, id ident.OrgID, name, slug string, owner ident.UserID) error {
	var faults []error
	name = norm.NFC.String(strings.TrimSpace(name))
	if n := utf8.RuneCountInString(name); n == 0 || n > 100 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		faults = append(faults, fault.Invalid("name", "name_length", "Give a name of 1 to 100 characters on one line."))
	}
	if len(slug) > 39 || !slugs.MatchString(slug) {
		faults = append(faults, fault.Invalid("slug", "slug", "Use 2 to 39 lower-case letters, digits and single hyphens."))
	}
	if slices.Contains(reserved, slug) {
		faults = append(faults, fault.Invalid("slug", "slug_reserved", "%q is an address of the console itself. Choose another.", slug))
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	err := s.q.AddOrganization(ctx, e.Tx, organizationq.AddOrganizationParams{ID: id.UUID(), Slug: slug, Name: name, Ownership: string(Shared), CreatedBy: owner.UUID(), CreatedAt: e.Tx.Now})
	if db.Violates(err, "organization_slug_key") {
		return fault.Conflict("slug", "slug_taken", "There is an organization with this short name already.")
	} else if err != nil {
		return fmt.Errorf("add the organization: %w", err)
	}
	member := ident.New[ident.MembershipID](e.Tx.Now)
	roles := []string{string(authz.Member), string(authz.Owner), string(authz.BillingAdmin)}
	if err := s.q.AddMembership(ctx, e.Tx, organizationq.AddMembershipParams{ID: member.UUID(), OrgID: id.UUID(), UserID: owner.UUID(), Roles: roles, JoinedAt: e.Tx.Now}); err != nil {
		return fmt.Errorf("add the first member: %w", err)
	}
	e.Record(
		event.Change{OrgID: id, Action: "organization.created", Subject: id.String(), Version: 1, Payload: map[string]any{"v": 1, "slug": slug}, Audited: true},
		event.Change{OrgID: id, Action: "member.joined", Subject: member.String(), Version: 1, Payload: map[string]any{"v": 1, "user": owner.String(), "roles": roles}, Audited: true},
	)
	return nil
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
	r, err := s.q.OrganizationByID(ctx, s.DB, organizationq.OrganizationByIDParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("organization")
	} else if err != nil {
		return nil, fmt.Errorf("read the organization %s: %w", id, err)
	}
	return &Organization{ID: id, Slug: r.Slug, Name: r.Name, Ownership: Ownership(r.Ownership), Version: r.Version, CreatedAt: r.CreatedAt}, nil
}

// Part is what organizations contribute.
func (s *Service) Part() part.Part {
	all := []authz.Role{authz.Member, authz.Owner, authz.BillingAdmin}
	return part.Part{Name: "organization", Grants: []authz.Grant{
		{Permission: "organization.read", Roles: all, What: "see the organization"},
	}, Nodes: map[string]part.Finder{"org": func(ctx context.Context, a ident.Any) (any, error) {
		id, err := ident.As[ident.OrgID](a, "id")
		if err != nil {
			return nil, err
		}
		return s.Get(ctx, &id, nil)
	}}}
}
