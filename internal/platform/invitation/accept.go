package invitation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/invitationq"
)

// Ref names an invitation by its link, or by its id for the person it was sent to. Exactly one.
type Ref struct {
	ID    *ident.InvitationID
	Token secret.String
}

// Accept is the consent of a person who is signed in. By the link anybody may who holds it; by the id only who was asked.
func (s *Service) Accept(ctx context.Context, ref Ref) (*Invitation, error) {
	return s.answer(ctx, ref, door.Action{Name: "invitation.accept", Own: true}, func(ctx context.Context, e *door.Effect, r *invitationq.Invitation) error {
		me, err := s.q.NameOf(ctx, e.Tx, invitationq.NameOfParams{UserID: e.Caller.UserID.UUID()})
		if err != nil {
			return fmt.Errorf("read the caller's name: %w", err)
		}
		return s.accept(ctx, e, r, e.Caller.UserID, me)
	})
}

// Decline says no. The link is enough, without signing in.
func (s *Service) Decline(ctx context.Context, ref Ref) error {
	a := door.Action{Name: "invitation.decline", Public: true}
	if ref.ID != nil {
		a = door.Action{Name: "invitation.decline", Own: true}
		if authz.From(ctx).UserID.IsZero() {
			return unknown()
		}
	}
	_, err := s.answer(ctx, ref, a, func(ctx context.Context, e *door.Effect, r *invitationq.Invitation) error {
		r.DeclinedAt = &e.Tx.Now
		return s.set(ctx, e, r, "invitation.declined", nil)
	})
	return err
}

// answer runs do on the locked invitation, which is open and meant for the caller.
func (s *Service) answer(ctx context.Context, ref Ref, a door.Action, do func(context.Context, *door.Effect, *invitationq.Invitation) error) (*Invitation, error) {
	if (ref.ID == nil) == ref.Token.IsZero() {
		return nil, fault.Invalid("token", "exactly_one", "Send either the id or the token of the link.")
	}
	if ref.ID == nil {
		if err := s.Limit.Allow(ctx, perToken, authz.From(ctx).Network); err != nil {
			return nil, err
		}
	}
	return door.Do(ctx, s.Door, door.Change[Ref, *Invitation]{
		Action: a,
		Do: func(ctx context.Context, e *door.Effect, ref Ref) (*Invitation, error) {
			r, err := s.find(ctx, e, ref)
			if err != nil {
				return nil, err
			}
			if err := do(ctx, e, r); err != nil {
				return nil, err
			}
			return s.shown(ctx, e.Tx, ident.From[ident.InvitationID](r.ID), e.Tx.Now)
		},
	}, ref)
}

// find locks the open invitation that is meant.
func (s *Service) find(ctx context.Context, e *door.Effect, ref Ref) (r *invitationq.Invitation, err error) {
	if ref.ID == nil {
		r, err = s.q.OrgOfTokenForUpdate(ctx, e.Tx, invitationq.OrgOfTokenForUpdateParams{TokenHash: ref.Token.Hash()})
	} else {
		r, err = s.q.OrgOfInvitationForUpdate(ctx, e.Tx, invitationq.OrgOfInvitationForUpdateParams{ID: ref.ID.UUID()})
	}
	if err := missing(err); err != nil {
		return nil, err
	}
	if status(r, e.Tx.Now) != StatusPending {
		return nil, unknown()
	}
	if ref.ID == nil || r.InviteeUserID != nil && *r.InviteeUserID == e.Caller.UserID.UUID() {
		return r, nil
	}
	me, err := s.q.NameOf(ctx, e.Tx, invitationq.NameOfParams{UserID: e.Caller.UserID.UUID()})
	if db.NotFound(err) || err == nil && !strings.EqualFold(me.Email, r.Email) {
		return nil, unknown()
	} else if err != nil {
		return nil, fmt.Errorf("read the caller's address: %w", err)
	}
	return r, nil
}

// AcceptTx is the consent of somebody who registered with the link: hash is the SHA-256 of its token. It answers the organization that the person joined;
// nil when the link is not good any more, or no seat is free, which is no error: the person is registered all the same.
func (s *Service) AcceptTx(ctx context.Context, e *door.Effect, hash []byte, user ident.UserID) (*ident.OrgID, error) {
	r, err := s.q.OrgOfTokenForUpdate(ctx, e.Tx, invitationq.OrgOfTokenForUpdateParams{TokenHash: hash})
	if db.NotFound(err) || err == nil && status(r, e.Tx.Now) != StatusPending {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the invitation: %w", err)
	}
	me, err := s.q.NameOf(ctx, e.Tx, invitationq.NameOfParams{UserID: user.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read the person's name: %w", err)
	}
	if err := s.accept(ctx, e, r, user, me); fault.Is(err, fault.NotFoundCode) || fault.Is(err, fault.QuotaCode) {
		return nil, nil // no seat is free: the invitation stays, and can be accepted later
	} else if err != nil || r.OrgID == nil || status(r, e.Tx.Now) != StatusAccepted {
		return nil, err
	}
	return new(ident.From[ident.OrgID](*r.OrgID)), nil
}

// accept notes the consent and makes the member, unless an owner has to agree first.
func (s *Service) accept(ctx context.Context, e *door.Effect, r *invitationq.Invitation, user ident.UserID, who *invitationq.NameOfRow) error {
	r.AcceptedAt, r.AcceptedEmail, r.AcceptedBy, r.InviteeUserID = &e.Tx.Now, &who.Email, new(user.UUID()), new(user.UUID())
	if r.OrgID == nil {
		return s.set(ctx, e, r, "invitation.accepted", map[string]any{"user": user.String()})
	}
	o, err := s.q.LockOrganization(ctx, e.Tx, invitationq.LockOrganizationParams{ID: *r.OrgID})
	if err := missing(err); err != nil {
		return err
	}
	r.NeedsConfirm = len(o.EmailDomains) > 0 && !strings.EqualFold(who.Email, r.Email) && !slices.Contains(o.EmailDomains, domain(who.Email))
	if !r.NeedsConfirm {
		if _, err := s.Members.JoinTx(ctx, e, ident.From[ident.OrgID](*r.OrgID), user, roles(r.Roles)); err != nil {
			return err
		}
	}
	if err := s.set(ctx, e, r, "invitation.accepted", map[string]any{"user": user.String(), "waiting": r.NeedsConfirm}); err != nil {
		return err
	}
	return s.Mail.Stage(ctx, e, mail.Mail{User: ident.From[ident.UserID](r.InviterID), Org: ident.From[ident.OrgID](*r.OrgID),
		Letter: letter.InviteAccepted{Member: letter.Typed(who.DisplayName), Organization: letter.Typed(o.Name), Waiting: r.NeedsConfirm, Link: s.Console + "/" + o.Slug + "/members"}})
}

// Confirm is an owner's word on somebody who accepted with an address outside the organization's mail domains. Without it the invitation is revoked.
func (s *Service) Confirm(ctx context.Context, id ident.InvitationID, agree bool) (*Invitation, error) {
	head, err := s.head(ctx, id)
	if err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[ident.InvitationID, *Invitation]{
		Action: door.Action{Name: "invitation.confirm", Permission: "member.invite", StepUp: agree && above(roles(head.Roles))},
		Org:    s.OrgOf,
		Do: func(ctx context.Context, e *door.Effect, id ident.InvitationID) (*Invitation, error) {
			r, err := s.q.OrgOfInvitationForUpdate(ctx, e.Tx, invitationq.OrgOfInvitationForUpdateParams{ID: id.UUID()})
			if err := missing(err); err != nil {
				return nil, err
			}
			if st := status(r, e.Tx.Now); st != StatusAwaitingConfirmation {
				return nil, fault.Precondition("not_waiting", "This invitation does not wait for anybody's word.").With("status", st)
			}
			action := "invitation.confirmed"
			if agree {
				r.ConfirmedBy = new(e.Caller.Actor())
				if _, err := s.Members.JoinTx(ctx, e, e.Scope.Org(), ident.From[ident.UserID](*r.AcceptedBy), roles(r.Roles)); err != nil {
					return nil, err
				}
			} else {
				action, r.RevokedAt = "invitation.revoked", &e.Tx.Now
			}
			if err := s.set(ctx, e, r, action, nil); err != nil {
				return nil, err
			}
			return s.shown(ctx, e.Tx, id, e.Tx.Now)
		},
	}, id)
}
