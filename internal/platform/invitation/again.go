package invitation

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/invitationq"
)

// Resend mails a new link for an invitation that is open or has expired, for 14 days anew; the old link ends. At most five times.
func (s *Service) Resend(ctx context.Context, id ident.InvitationID) (*Invitation, error) {
	return s.change(ctx, id, "invitation.resend", func(ctx context.Context, e *door.Effect, r *invitationq.Invitation) (*Invitation, error) {
		if st := status(r, e.Tx.Now); st != StatusPending && st != StatusExpired {
			return nil, closed(st)
		}
		if r.SentCount > resends {
			return nil, tooOften()
		}
		return s.again(ctx, e, r)
	})
}

// Revoke ends an invitation that nobody answered. One that is revoked stays so.
func (s *Service) Revoke(ctx context.Context, id ident.InvitationID) (*Invitation, error) {
	return s.change(ctx, id, "invitation.revoke", func(ctx context.Context, e *door.Effect, r *invitationq.Invitation) (*Invitation, error) {
		switch st := status(r, e.Tx.Now); st {
		case StatusRevoked:
			e.Quiet()
			return s.shown(ctx, e.Tx, id, e.Tx.Now)
		case StatusAccepted, StatusDeclined:
			return nil, closed(st)
		}
		r.RevokedAt = &e.Tx.Now
		if err := s.set(ctx, e, r, "invitation.revoked", nil); err != nil {
			return nil, err
		}
		return s.shown(ctx, e.Tx, id, e.Tx.Now)
	})
}

// change lets in who may invite to the invitation's organization; a referral's inviter; nobody else learns that it exists.
func (s *Service) change(ctx context.Context, id ident.InvitationID, name string, do func(context.Context, *door.Effect, *invitationq.Invitation) (*Invitation, error)) (*Invitation, error) {
	head, err := s.head(ctx, id)
	if err != nil {
		return nil, err
	}
	a := door.Action{Name: name, Permission: "member.invite"}
	if head.OrgID == nil {
		if head.InviterID != authz.From(ctx).UserID.UUID() {
			return nil, unknown()
		}
		a = door.Action{Name: name, Own: true}
	}
	return door.Do(ctx, s.Door, door.Change[ident.InvitationID, *Invitation]{
		Action: a,
		Org:    s.OrgOf,
		Do: func(ctx context.Context, e *door.Effect, id ident.InvitationID) (*Invitation, error) {
			r, err := s.q.OrgOfInvitationForUpdate(ctx, e.Tx, invitationq.OrgOfInvitationForUpdateParams{ID: id.UUID()})
			if err := missing(err); err != nil {
				return nil, err
			}
			return do(ctx, e, r)
		},
	}, id)
}

// again gives the locked invitation a new token and mails it. Beyond the mails of an address and day nothing changes: a link that cannot be mailed must not
// end the one that was.
func (s *Service) again(ctx context.Context, e *door.Effect, r *invitationq.Invitation) (*Invitation, error) {
	if may, err := s.mayMail(ctx, r.Email); err != nil {
		return nil, err
	} else if !may {
		e.Quiet()
		return s.shown(ctx, e.Tx, ident.From[ident.InvitationID](r.ID), e.Tx.Now)
	}
	token, organization := secret.Random(""), ""
	r.TokenHash, r.SentCount, r.LastSentAt, r.ExpiresAt, r.ExpiredAt = token.Hash(), r.SentCount+1, e.Tx.Now, e.Tx.Now.Add(lives), nil
	if r.OrgID != nil {
		o, err := s.q.LockOrganization(ctx, e.Tx, invitationq.LockOrganizationParams{ID: *r.OrgID})
		if err != nil {
			return nil, fmt.Errorf("read the organization: %w", err)
		}
		organization = o.Name
	}
	if err := s.set(ctx, e, r, "invitation.resent", nil); err != nil {
		return nil, err
	}
	if err := s.mail(ctx, e, r, token, organization); err != nil {
		return nil, err
	}
	return s.shown(ctx, e.Tx, ident.From[ident.InvitationID](r.ID), e.Tx.Now)
}

func closed(st InvitationStatus) error {
	words := map[InvitationStatus]string{StatusAccepted: "It was accepted already.", StatusAwaitingConfirmation: "It was accepted, and an owner has to agree.", StatusDeclined: "It was declined. Invite the person anew.", StatusRevoked: "It was revoked. Invite the person anew."}
	return fault.Precondition("not_open", "%s", words[st]).With("status", st)
}
