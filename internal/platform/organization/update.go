package organization

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/organizationq"
)

// UpdateOrganizationInput changes what is given. With a version that is not the present one nothing changes.
type UpdateOrganizationInput struct {
	Name             *string
	Slug             *string
	EmailDomains     []string // nil: as they are; empty: all may join
	HideMemberEmails *bool
	Version          *int32
}

// MfaPolicy says which second factors members need. The strictest of all of a person's organizations counts.
type MfaPolicy struct {
	Required              bool         `json:"required"`
	RequiredForRoles      []authz.Role `json:"requiredForRoles"`
	PhishingResistantOnly bool         `json:"phishingResistantOnly"` // passkeys alone
	OobAllowed            bool         `json:"oobAllowed"`            // codes by mail or SMS count
}

// UnmarshalJSON reads a stored policy; what it does not say allows.
func (p *MfaPolicy) UnmarshalJSON(raw []byte) error {
	type plain MfaPolicy
	stored := plain{OobAllowed: true, RequiredForRoles: []authz.Role{}}
	if err := json.Unmarshal(raw, &stored); err != nil {
		return err
	}
	*p = MfaPolicy(stored)
	return nil
}

// MfaPolicyInput is MfaPolicy as it is asked for.
type MfaPolicyInput MfaPolicy

// Update changes the organization's name, short name, mail domains and whether members see each other's addresses.
func (s *Service) Update(ctx context.Context, id ident.OrgID, in UpdateOrganizationInput) (*Organization, error) {
	return change(ctx, s, door.Action{Name: "organization.update", Permission: "organization.update"}, id, in,
		func(ctx context.Context, e *door.Effect, o *Organization, in UpdateOrganizationInput) (*event.Change, error) {
			if in.Version != nil && *in.Version != o.Version {
				return nil, e.Lost(id.String(), o.Version)
			}
			next, err := in.on(*o)
			if err != nil {
				return nil, err
			}
			fields := o.changed(next)
			if len(fields) == 0 {
				return nil, nil
			}
			err = e.Tx.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				return s.q.UpdateOrganization(ctx, tx, organizationq.UpdateOrganizationParams{ID: id.UUID(), Name: next.Name, Slug: next.Slug, EmailDomains: next.EmailDomains, HideMemberEmails: next.HideMemberEmails})
			})
			if db.Violates(err, "organization_slug_key") {
				return nil, s.taken(ctx, e.Tx, next.Slug)
			} else if err != nil {
				return nil, fmt.Errorf("update the organization: %w", err)
			}
			return &event.Change{Action: "organization.updated", Payload: map[string]any{"v": 1, "fields": fields}}, nil
		})
}

// on applies the input to what is there, or answers all its faults.
func (in UpdateOrganizationInput) on(o Organization) (Organization, error) {
	var faults []error
	if in.Name != nil {
		name, err := checkName(*in.Name)
		o.Name, faults = name, append(faults, err)
	}
	if in.Slug != nil && *in.Slug != o.Slug {
		o.Slug, faults = *in.Slug, append(faults, checkSlug(*in.Slug))
	}
	if in.EmailDomains != nil {
		domains, err := checkDomains(in.EmailDomains)
		o.EmailDomains, faults = domains, append(faults, err)
	}
	if in.HideMemberEmails != nil {
		o.HideMemberEmails = *in.HideMemberEmails
	}
	return o, errors.Join(faults...)
}

// changed names the fields in which next differs.
func (o *Organization) changed(next Organization) (fields []string) {
	for field, same := range map[string]bool{"name": o.Name == next.Name, "slug": o.Slug == next.Slug, "emailDomains": slices.Equal(o.EmailDomains, next.EmailDomains), "hideMemberEmails": o.HideMemberEmails == next.HideMemberEmails} {
		if !same {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields)
	return fields
}

// SetMfaPolicy says which second factors members need, from their next sign-in on.
func (s *Service) SetMfaPolicy(ctx context.Context, id ident.OrgID, in MfaPolicyInput) (*Organization, error) {
	return change(ctx, s, door.Action{Name: "organization.secure", Permission: "organization.secure", StepUp: true}, id, in,
		func(ctx context.Context, e *door.Effect, _ *Organization, in MfaPolicyInput) (*event.Change, error) {
			raw, err := json.Marshal(MfaPolicy(in))
			if err != nil {
				return nil, err
			}
			if err := s.q.SetMfaPolicy(ctx, e.Tx, organizationq.SetMfaPolicyParams{ID: id.UUID(), MfaPolicy: raw}); err != nil {
				return nil, fmt.Errorf("set the policy: %w", err)
			}
			return &event.Change{Action: "organization.secured", Payload: map[string]any{"v": 1, "policy": in}}, nil
		})
}

// change runs do on the locked organization and records the event that it answers; nil when nothing changed.
func change[In any](ctx context.Context, s *Service, a door.Action, id ident.OrgID, in In, do func(context.Context, *door.Effect, *Organization, In) (*event.Change, error)) (*Organization, error) {
	return door.Do(ctx, s.Door, door.Change[In, *Organization]{
		Action: a,
		Org:    func(context.Context, In) (ident.OrgID, error) { return id, nil },
		Do: func(ctx context.Context, e *door.Effect, in In) (*Organization, error) {
			if err := s.q.LockOrganization(ctx, e.Tx, organizationq.LockOrganizationParams{ID: id.UUID()}); err != nil {
				return nil, fmt.Errorf("lock the organization: %w", err)
			}
			o, err := s.byID(ctx, e.Tx, id)
			if err != nil {
				return nil, err
			}
			c, err := do(ctx, e, o, in)
			if err != nil {
				return nil, err
			}
			if c == nil {
				e.Quiet()
				return o, nil
			}
			c.OrgID, c.Subject, c.Version, c.Audited = id, id.String(), o.Version+1, true
			e.Record(*c)
			return s.byID(ctx, e.Tx, id)
		},
	}, in)
}
