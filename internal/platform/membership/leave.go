package membership

import (
	"context"
	"fmt"
	"strings"

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
			return struct{}{}, s.endTx(ctx, e, e.Scope.Org(), m, in.UserID, action)
		},
	}, in)
	return Kept(err)
}

// EndTx ends the membership of a machine whose person leaves; who is no member stays none.
func (s *Service) EndTx(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error {
	m, err := s.q.LockMember(ctx, e.Tx, membershipq.LockMemberParams{OrgID: org.UUID(), UserID: user.UUID()})
	if db.NotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("lock the member: %w", err)
	}
	return s.endTx(ctx, e, org, m, user, "member.removed")
}

func (s *Service) endTx(ctx context.Context, e *door.Effect, org ident.OrgID, m *membershipq.LockMemberRow, user ident.UserID, action string) error {
	if err := s.q.RemoveMember(ctx, e.Tx, membershipq.RemoveMemberParams{OrgID: org.UUID(), UserID: user.UUID()}); err != nil {
		return fmt.Errorf("remove the member: %w", err)
	}
	id := ident.From[ident.MembershipID](m.ID)
	e.Record(event.Change{OrgID: org, Action: action, Subject: id.String(), Version: m.Version + 1, Payload: map[string]any{"v": 1, "user": user.String()}, Audited: true})
	if s.Left != nil {
		if err := s.Left(ctx, e, org, user); err != nil {
			return err
		}
	}
	if err := s.news(ctx, e, org, user, nil); err != nil {
		return err
	}
	s.tell(e, org, user)
	return s.Authz.Revoke(ctx, e.Tx, authz.Memberships(user), action)
}

// EndAllTx ends all memberships of an organization that is gone for good.
func (s *Service) EndAllTx(ctx context.Context, e *door.Effect, org ident.OrgID) error {
	users, err := s.q.RemoveMembers(ctx, e.Tx, membershipq.RemoveMembersParams{OrgID: org.UUID()})
	if err != nil {
		return fmt.Errorf("remove the members: %w", err)
	}
	for _, u := range users {
		e.Poke(ident.From[ident.UserID](u).String(), e.Tx.Now.UnixMicro())
	}
	return nil
}

// LeaveAllTx takes a person out of all shared organizations, for the end of the account. Where the person is the last owner, or pays, it is refused, and says
// for each organization what to do first; Kept says the same of somebody who was faster.
func (s *Service) LeaveAllTx(ctx context.Context, e *door.Effect, user ident.UserID) error {
	all, err := s.q.OrgOfSharedForUpdate(ctx, e.Tx, membershipq.OrgOfSharedForUpdateParams{UserID: user.UUID()})
	if err != nil {
		return fmt.Errorf("lock the organizations of %s: %w", user, err)
	}
	held, err := s.q.OrgOfHeld(ctx, e.Tx, membershipq.OrgOfHeldParams{UserID: user.UUID()})
	if err != nil {
		return fmt.Errorf("read what %s holds together: %w", user, err)
	}
	if len(held) > 0 {
		names, slugs := make([]string, len(held)), make([]string, len(held))
		for n, h := range held {
			names[n], slugs[n] = h.Name, h.Slug
		}
		return fault.Precondition("last_owner", "%s would be left without an owner, or without somebody who pays. Make somebody else the owner and hand the payment over, or delete the organization; then come back.",
			strings.Join(names, ", ")).With("organizations", names).With("slugs", slugs)
	}
	for _, m := range all {
		row := &membershipq.LockMemberRow{ID: m.ID, Roles: m.Roles, Version: m.Version}
		if err := s.endTx(ctx, e, ident.From[ident.OrgID](m.OrgID), row, user, "member.left"); err != nil {
			return err
		}
	}
	return nil
}
