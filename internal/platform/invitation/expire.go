package invitation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/invitationq"
)

// atOnce is how many invitations one sweep ends; what is left comes with the next.
const atOnce = 500

// Expire notes in the ledger which invitations the clock has ended, each once. That they cannot be accepted any more follows from their time alone.
func (s *Service) Expire(ctx context.Context) error {
	rows, err := s.q.OrgOfExpired(ctx, s.DB, invitationq.OrgOfExpiredParams{Now: s.DB.Now(), Most: atOnce})
	if err != nil {
		return fmt.Errorf("look for expired invitations: %w", err)
	}
	for _, found := range rows {
		end := func(ctx context.Context, e *door.Effect) error { return s.end(ctx, e, found.ID) }
		if found.OrgID != nil {
			err = s.Door.System(ctx, "invitations", ident.From[ident.OrgID](*found.OrgID), end)
		} else {
			err = s.ofNobody(ctx, end)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) end(ctx context.Context, e *door.Effect, id uuid.UUID) error {
	r, err := s.q.OrgOfInvitationForUpdate(ctx, e.Tx, invitationq.OrgOfInvitationForUpdateParams{ID: id})
	if err != nil {
		return fmt.Errorf("lock the invitation: %w", err)
	}
	if status(r, e.Tx.Now) != StatusExpired || r.ExpiredAt != nil {
		return door.ErrNothing // somebody sent it again
	}
	r.ExpiredAt = &e.Tx.Now
	return s.set(ctx, e, r, expired, nil)
}

// ofNobody runs a change of the product's own that concerns no organization.
func (s *Service) ofNobody(ctx context.Context, do func(context.Context, *door.Effect) error) error {
	_, err := door.Do(authz.System(ctx, "invitations"), s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "invitation.expire", Public: true}, // the caller is work of the product
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			return struct{}{}, do(ctx, e)
		},
	}, struct{}{})
	if errors.Is(err, door.ErrNothing) {
		return nil
	}
	return err
}

// Part is what invitations contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "invitation", Periodics: []work.Periodic{{Kind: "invite.expire", Every: time.Hour, Do: s.Expire}}}
}

// ForgetTx ends what waits for a person whose account ends: what they sent to guests, and what came to their address.
func (s *Service) ForgetTx(ctx context.Context, e *door.Effect, user ident.UserID) error {
	me, err := s.q.NameOf(ctx, e.Tx, invitationq.NameOfParams{UserID: user.UUID()})
	if err != nil {
		return fmt.Errorf("read the address of %s: %w", user, err)
	}
	ids, err := s.q.OrgOfWaiting(ctx, e.Tx, invitationq.OrgOfWaitingParams{UserID: user.UUID(), Email: me.Email})
	if err != nil {
		return fmt.Errorf("look for what waits for %s: %w", user, err)
	}
	for _, id := range ids {
		r, err := s.q.OrgOfInvitationForUpdate(ctx, e.Tx, invitationq.OrgOfInvitationForUpdateParams{ID: id})
		if err != nil {
			return fmt.Errorf("lock an invitation: %w", err)
		}
		r.RevokedAt = &e.Tx.Now
		if err := s.set(ctx, e, r, "invitation.revoked", map[string]any{"reason": "erased"}); err != nil {
			return err
		}
	}
	return nil
}
