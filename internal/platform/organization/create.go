package organization

import (
	"context"
	"errors"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/organizationq"
)

// founder holds all three roles.
var founder = []authz.Role{authz.Member, authz.Owner, authz.BillingAdmin}

// CreateOrganizationInput asks for a shared organization. Without a slug one is made of the name.
type CreateOrganizationInput struct {
	Name             string
	Slug             *string
	ClientMutationID *string
}

// Create makes a shared organization for a person, who becomes its owner and buyer; the person's console begins there from now on.
func (s *Service) Create(ctx context.Context, in CreateOrganizationInput) (*Organization, error) {
	caller := authz.From(ctx)
	if caller.Kind != authz.USER {
		return nil, fault.Forbidden("self.write")
	}
	id := ident.New[ident.OrgID](s.DB.Now())
	return door.Do(ctx, s.Door, door.Change[CreateOrganizationInput, *Organization]{
		Action: door.Action{Name: "organization.create", Own: true, Paid: true},
		Key:    func(in CreateOrganizationInput) *string { return in.ClientMutationID },
		Do: func(ctx context.Context, e *door.Effect, in CreateOrganizationInput) (*Organization, error) {
			slug, err := s.chosen(ctx, e.Tx, in)
			if err != nil {
				return nil, err
			}
			if err := s.CreateTx(ctx, e, id, in.Name, slug, caller.UserID); err != nil {
				return nil, err
			}
			if err := s.SetDefault(ctx, e, caller.UserID, id); err != nil {
				return nil, err
			}
			return s.byID(ctx, e.Tx, id)
		},
	}, in)
}

// chosen is the short name that was asked for, else a free one made of the name.
func (s *Service) chosen(ctx context.Context, tx *db.Tx, in CreateOrganizationInput) (string, error) {
	if in.Slug != nil && *in.Slug != "" {
		return *in.Slug, nil
	}
	return s.free(ctx, tx, slugOf(in.Name))
}

// CreateTx makes a shared organization with its first member, who holds all three roles and pays. id is new.
func (s *Service) CreateTx(ctx context.Context, e *door.Effect, id ident.OrgID, name, slug string, owner ident.UserID) error {
	return s.add(ctx, e, plot{id, Shared, name, slug, owner, founder, s.Billing.StartTx})
}

// CreatePersonalTx makes a person's (or machine's) own organization, which nobody else joins and which cannot be deleted. Its short name is made of name.
func (s *Service) CreatePersonalTx(ctx context.Context, e *door.Effect, name string, owner ident.UserID) (ident.OrgID, error) {
	id := ident.New[ident.OrgID](e.Tx.Now)
	slug, err := s.free(ctx, e.Tx, slugOf(name))
	if err != nil {
		return id, err
	}
	return id, s.add(ctx, e, plot{id, Personal, name, slug, owner, founder, s.Billing.StartTx})
}

// CreateMachineTx makes a machine's own organization, in which it is a member and no more. Without entitled it has the least plan.
func (s *Service) CreateMachineTx(ctx context.Context, e *door.Effect, name string, machine ident.UserID, entitled bool) (ident.OrgID, error) {
	id, start := ident.New[ident.OrgID](e.Tx.Now), s.Billing.StartTx
	if !entitled {
		start = s.Billing.StartBasicTx
	}
	slug, err := s.free(ctx, e.Tx, slugOf(name))
	if err != nil {
		return id, err
	}
	return id, s.add(ctx, e, plot{id, Personal, name, slug, machine, []authz.Role{authz.Member}, start})
}

// EndMachineTx takes the organization of a machine away that is gone.
func (s *Service) EndMachineTx(ctx context.Context, e *door.Effect, id ident.OrgID) error {
	o, err := s.byID(ctx, e.Tx, id)
	if err != nil {
		return err
	}
	if err := s.q.DeleteOrganization(ctx, e.Tx, organizationq.DeleteOrganizationParams{ID: id.UUID(), Now: e.Tx.Now}); err != nil {
		return fmt.Errorf("delete the organization of a machine: %w", err)
	}
	e.Record(event.Change{OrgID: id, Action: "organization.deleted", Subject: id.String(), Version: o.Version + 1, Payload: map[string]any{"v": 1, "slug": o.Slug}, Audited: true})
	return s.Authz.Revoke(ctx, e.Tx, authz.Organization(id), "organization.deleted")
}

// plot is an organization about to be made: whose it is, what its first member holds, and how its plan begins.
type plot struct {
	id         ident.OrgID
	as         Ownership
	name, slug string
	owner      ident.UserID
	roles      []authz.Role
	start      func(ctx context.Context, e *door.Effect, org ident.OrgID, buyer ident.UserID) error
}

func (s *Service) add(ctx context.Context, e *door.Effect, p plot) error {
	id, slug := p.id, p.slug
	name, wrong := checkName(p.name)
	if err := errors.Join(wrong, checkSlug(slug)); err != nil {
		return err
	}
	err := e.Tx.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { // a savepoint: a taken name leaves the transaction usable for the proposal
		return s.q.AddOrganization(ctx, tx, organizationq.AddOrganizationParams{ID: id.UUID(), Slug: slug, Name: name, Ownership: string(p.as), CreatedBy: p.owner.UUID(), CreatedAt: tx.Now})
	})
	if db.Violates(err, "organization_slug_key") {
		return s.taken(ctx, e.Tx, slug)
	} else if err != nil {
		return fmt.Errorf("add the organization: %w", err)
	}
	e.Record(event.Change{OrgID: id, Action: "organization.created", Subject: id.String(), Version: 1, Payload: map[string]any{"v": 1, "slug": slug}, Audited: true})
	if _, err := s.Members.JoinTx(ctx, e, id, p.owner, p.roles); err != nil {
		return err
	}
	return p.start(ctx, e, id, p.owner)
}

// taken refuses a short name that somebody has, and offers a free one.
func (s *Service) taken(ctx context.Context, tx *db.Tx, slug string) error {
	offer, err := s.free(ctx, tx, slug)
	if err != nil {
		return err
	}
	return fault.Conflict("slug", "slug_taken", "There is an organization with this short name already. %q is free.", offer).With("free", offer)
}
