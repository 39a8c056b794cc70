package organization

import (
	"context"
	"fmt"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/organizationq"
)

// DeleteInput names the organization twice: by id, and by the name that the person typed.
type DeleteInput struct {
	ID               ident.OrgID
	ConfirmName      string
	ClientMutationID *string
}

// DonePayload says that a change was made, or that it waits.
type DonePayload struct {
	Done    bool
	Waiting *door.Waiting
	EventID *ident.EventID
}

// Delete takes a shared organization away, for the owner who pays and is its last member. For 30 days it can be brought back.
func (s *Service) Delete(ctx context.Context, in DeleteInput) (*DonePayload, error) {
	return door.Do(ctx, s.Door, door.Change[DeleteInput, *DonePayload]{
		Action: door.Action{Name: "organization.delete", Permission: "organization.delete", StepUp: true, Paid: true, Once: true},
		Org:    func(_ context.Context, in DeleteInput) (ident.OrgID, error) { return in.ID, nil },
		Key:    func(in DeleteInput) *string { return in.ClientMutationID },
		Do: func(ctx context.Context, e *door.Effect, in DeleteInput) (*DonePayload, error) {
			if err := s.q.LockOrganization(ctx, e.Tx, organizationq.LockOrganizationParams{ID: in.ID.UUID()}); err != nil {
				return nil, fmt.Errorf("lock the organization: %w", err)
			}
			o, err := s.byID(ctx, e.Tx, in.ID)
			if err != nil {
				return nil, err
			}
			if err := s.deletable(ctx, e, o, in.ConfirmName); err != nil {
				return nil, err
			}
			if err := s.q.DeleteOrganization(ctx, e.Tx, organizationq.DeleteOrganizationParams{ID: in.ID.UUID(), Now: e.Tx.Now}); err != nil {
				return nil, fmt.Errorf("delete the organization: %w", err)
			}
			e.Record(event.Change{OrgID: in.ID, Action: "organization.deleted", Subject: in.ID.String(), Version: o.Version + 1, Payload: map[string]any{"v": 1, "slug": o.Slug}, Audited: true})
			if err := s.Members.Left(ctx, e, in.ID, e.Caller.UserID); err != nil {
				return nil, err
			}
			e.Poke(e.Caller.UserID.String(), e.Tx.Now.UnixMicro())
			if err := s.Authz.Revoke(ctx, e.Tx, authz.Organization(in.ID), "organization.deleted"); err != nil {
				return nil, err
			}
			return &DonePayload{Done: true}, s.Authz.Revoke(ctx, e.Tx, authz.Memberships(e.Caller.UserID), "organization.deleted")
		},
	}, in)
}

func (s *Service) deletable(ctx context.Context, e *door.Effect, o *Organization, confirm string) error {
	if o.Ownership == Personal {
		return fault.Precondition("personal_organization", "This organization is one person's own and stays as long as the account.")
	}
	if strings.TrimSpace(confirm) != o.Name {
		return fault.Invalid("confirmName", "confirm_name", "Type the organization's name, %q, to delete it.", o.Name)
	}
	buyer, err := s.Billing.BuyerTx(ctx, e.Tx, o.ID)
	if err != nil {
		return err
	}
	if !buyer.IsZero() && buyer != e.Caller.UserID {
		return fault.Precondition("buyer_only", "Only who pays for the organization can delete it.")
	}
	others, n, err := s.Members.OthersTx(ctx, e.Tx, o.ID, e.Caller.UserID)
	if err != nil {
		return err
	}
	if n > 0 {
		return fault.Precondition("members_left", "There are other members: %s. Remove them first.", strings.Join(others, ", ")).With("members", others).With("count", n)
	}
	return nil
}
