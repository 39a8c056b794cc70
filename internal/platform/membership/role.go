package membership

import (
	"context"
	"fmt"
	"slices"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/membershipq"
)

// RolesInput says which roles a member gets or loses.
type RolesInput struct {
	Ref
	Roles []authz.Role
}

// AssignRoles gives a member further roles; those already held are skipped. Machines can only be MEMBER.
func (s *Service) AssignRoles(ctx context.Context, in RolesInput) (*Member, error) {
	return s.change(ctx, door.Action{Name: "member.assign_roles", Permission: "member.assign_role", StepUp: true, Paid: true}, in, "member.roles_assigned",
		func(m *membershipq.LockMemberRow, held []authz.Role) ([]authz.Role, error) {
			if m.Kind == string(Machine) && !only(in.Roles, authz.Member) {
				return nil, fault.Invalid("roles", "machine_role", "A machine can only be MEMBER.")
			}
			return append(held, in.Roles...), nil
		})
}

// UnassignRoles takes roles from a member, who keeps at least one.
func (s *Service) UnassignRoles(ctx context.Context, in RolesInput) (*Member, error) {
	return s.change(ctx, door.Action{Name: "member.unassign_roles", Permission: "member.assign_role", StepUp: true, Paid: true, Once: true}, in, "member.roles_unassigned",
		func(_ *membershipq.LockMemberRow, held []authz.Role) ([]authz.Role, error) {
			left := slices.DeleteFunc(held, func(r authz.Role) bool { return slices.Contains(in.Roles, r) })
			if len(left) == 0 {
				return nil, fault.Precondition("last_role", "A member keeps at least one role. Remove the member instead.")
			}
			return left, nil
		})
}

// change sets what next makes of the roles that the member holds; the same ones are no change.
func (s *Service) change(ctx context.Context, a door.Action, in RolesInput, action string, next func(*membershipq.LockMemberRow, []authz.Role) ([]authz.Role, error)) (*Member, error) {
	out, err := door.Do(ctx, s.Door, door.Change[RolesInput, *Member]{
		Action: a,
		Org:    func(_ context.Context, in RolesInput) (ident.OrgID, error) { return in.OrganizationID, nil },
		Validate: func(_ context.Context, _ *door.Effect, in *RolesInput) error {
			if len(in.Roles) == 0 || len(in.Roles) > 10 {
				return fault.Invalid("roles", "roles_number", "Name at least one role.")
			}
			return nil
		},
		Do: func(ctx context.Context, e *door.Effect, in RolesInput) (*Member, error) {
			m, err := s.lock(ctx, e, in.UserID)
			if err != nil {
				return nil, err
			}
			now, err := next(m, roles(m.Roles))
			if err != nil {
				return nil, err
			}
			names := texts(now)
			if slices.Equal(names, slices.Sorted(slices.Values(m.Roles))) {
				e.Quiet()
				return s.byUser(ctx, e.Tx, e.Scope, in.UserID)
			}
			if err := s.q.SetRoles(ctx, e.Tx, membershipq.SetRolesParams{OrgID: e.Scope.OrgUUID(), UserID: in.UserID.UUID(), Roles: names}); err != nil {
				return nil, fmt.Errorf("set the roles: %w", err)
			}
			id := ident.From[ident.MembershipID](m.ID)
			e.Record(event.Change{OrgID: e.Scope.Org(), Action: action, Subject: id.String(), Version: m.Version + 1,
				Payload: map[string]any{"v": 1, "user": in.UserID.String(), "roles": texts(in.Roles), "held": names}, Audited: true})
			if err := s.news(ctx, e, e.Scope.Org(), in.UserID, names); err != nil {
				return nil, err
			}
			s.tell(e, e.Scope.Org(), in.UserID)
			if err := s.Authz.Revoke(ctx, e.Tx, id.String(), action); err != nil { // what is remembered of the member's rights is forgotten everywhere
				return nil, err
			}
			return s.byUser(ctx, e.Tx, e.Scope, in.UserID)
		},
	}, in)
	return out, Kept(err)
}

func only(roles []authz.Role, r authz.Role) bool {
	return !slices.ContainsFunc(roles, func(x authz.Role) bool { return x != r })
}
