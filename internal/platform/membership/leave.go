package membership

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/membershipq"
)

// Ref says which member of which organization is meant.
type Ref struct {
	OrganizationID ident.OrgID
	UserID         ident.UserID
}

// Remove ends somebody else's membership. Ref is no member (any more) is NOT_FOUND, so that a repeat does not look like a success for the wrong id.
func (s *Service) Remove(ctx context.Context, in Ref) error {
	if in.UserID == authz.From(ctx).UserID {
		return fault.Precondition("own_membership", "This is you. Leave the organization instead.")
	}
	return s.end(ctx, door.Action{Name: "member.remove", Permission: "member.remove", Paid: true, Once: true}, in, "member.removed")
}

// Leave ends the caller's own membership.
func (s *Service) Leave(ctx context.Context, org ident.OrgID) error {
	return s.end(ctx, door.Action{Name: "member.leave", Self: true}, Ref{org, authz.From(ctx).UserID}, "member.left")
}

func (s *Service) end(ctx context.Context, a door.Action, in Ref, action string) error {
	_, err := door.Do(ctx, s.Door, door.Change[Ref, struct{}]{
		Action: a,
		Org:    func(_ context.Context, in Ref) (ident.OrgID, error) { return in.OrganizationID, nil },
		Do: func(ctx context.Context, e *door.Effect, in Ref) (struct{}, error) {
			m, err := s.lock(ctx, e, in.UserID)
			if err != nil {
				return struct{}{}, err
			}
			return struct{}{}, s.endTx(ctx, e, m, in.UserID, action)
		},
	}, in)
	return kept(err)
}

// EndTx ends the membership of a machine whose person leaves; who is no member stays none.
func (s *Service) EndTx(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error {
	m, err := s.q.LockMember(ctx, e.Tx, membershipq.LockMemberParams{OrgID: org.UUID(), UserID: user.UUID()})
	if db.NotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("lock the member: %w", err)
	}
	return s.endTx(ctx, e, m, user, "member.removed")
}

func (s *Service) endTx(ctx context.Context, e *door.Effect, m *membershipq.LockMemberRow, user ident.UserID, action string) error {
	if err := s.q.RemoveMember(ctx, e.Tx, membershipq.RemoveMemberParams{OrgID: e.Scope.OrgUUID(), UserID: user.UUID()}); err != nil {
		return fmt.Errorf("remove the member: %w", err)
	}
	id := ident.From[ident.MembershipID](m.ID)
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: action, Subject: id.String(), Version: m.Version + 1, Payload: map[string]any{"v": 1, "user": user.String()}, Audited: true})
	if s.Left != nil {
		if err := s.Left(ctx, e, e.Scope.Org(), user); err != nil {
			return err
		}
	}
	if err := s.news(ctx, e, user, nil); err != nil {
		return err
	}
	s.tell(e, e.Scope.Org(), user)
	return s.Authz.Revoke(ctx, e.Tx, authz.Memberships(user), action)
}
