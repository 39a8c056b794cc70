package account

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/accountq"
)

// PlatformRole is what somebody is to the installation, over all organizations.
type PlatformRole string

const (
	Standard   PlatformRole = "STANDARD"   // everybody
	Operations PlatformRole = "OPERATIONS" // with two factors: an operator
	Serving    PlatformRole = "SERVICE"    // service accounts, never people
)

// AssignRole is the door's name of giving roles, which can have to wait for a second person.
const AssignRole = "account.assign_role"

const (
	mayAssign  authz.Permission = "account.assign_role"
	longest                     = 500 // characters of a reason
	withdrawn                   = "account.role_unassigned"
	givenEvent                  = "account.role_assigned"
	passkey                     = "WEBAUTHN"
)

// RolesInput says which roles somebody gets or loses, and why.
type RolesInput struct {
	UserID ident.UserID
	Roles  []PlatformRole
	Reason string
}

// UserOutcome is the person after a change, or what the change waits for.
type UserOutcome struct {
	User    *User
	Waiting *door.Waiting
}

func waits(w *door.Waiting) *UserOutcome { return &UserOutcome{Waiting: w} }

// AssignRoles gives somebody roles of the platform; those already held are skipped. Making an operator waits for the word of a second one.
func (s *Service) AssignRoles(ctx context.Context, in RolesInput) (*UserOutcome, error) {
	return door.Do(ctx, s.Door, door.Change[RolesInput, *UserOutcome]{
		Action:   door.Action{Name: AssignRole, Permission: mayAssign, Operator: true, StepUp: true},
		Validate: s.checkAssignment,
		Ask: func(ctx context.Context, e *door.Effect, in RolesInput) (*door.Ask, error) {
			u, held, err := s.target(ctx, e, in.UserID)
			if err != nil || !slices.Contains(in.Roles, Operations) || slices.Contains(held, Operations) {
				return nil, err
			}
			return &door.Ask{Subject: u.ID.String(), Label: u.label(), Version: u.RightsVersion, Reason: in.Reason}, nil
		},
		Waits: waits,
		Do: func(ctx context.Context, e *door.Effect, in RolesInput) (*UserOutcome, error) {
			u, held, err := s.target(ctx, e, in.UserID)
			if err != nil {
				return nil, err
			}
			fresh := slices.DeleteFunc(slices.Clone(in.Roles), func(r PlatformRole) bool { return slices.Contains(held, r) })
			return s.changed(ctx, e, u, fresh, givenEvent, in.Reason, func(r PlatformRole) error { return s.GrantTx(ctx, e, u.ID, r) })
		},
	}, in)
}

// GrantTx notes a role in the effect's transaction; one that is held already is no news.
func (s *Service) GrantTx(ctx context.Context, e *door.Effect, user ident.UserID, role PlatformRole) error {
	if _, err := s.q.AddRole(ctx, e.Tx, accountq.AddRoleParams{UserID: user.UUID(), Role: string(role), GrantedBy: e.Caller.Actor(), GrantedAt: e.Tx.Now}); err != nil {
		return fmt.Errorf("give the role %s: %w", role, err)
	}
	return nil
}

// UnassignRoles takes roles of the platform away, at once and in what the person has open. One operator always stays.
func (s *Service) UnassignRoles(ctx context.Context, in RolesInput) (*UserOutcome, error) {
	return door.Do(ctx, s.Door, door.Change[RolesInput, *UserOutcome]{
		Action: door.Action{Name: "account.unassign_role", Permission: mayAssign, Operator: true, StepUp: true},
		Validate: func(_ context.Context, _ *door.Effect, in *RolesInput) error {
			if slices.Contains(in.Roles, Standard) {
				return fault.Invalid("roles", "role_standard", "Everybody is STANDARD. To keep somebody out, suspend them.")
			}
			return in.check()
		},
		Do: func(ctx context.Context, e *door.Effect, in RolesInput) (*UserOutcome, error) {
			u, held, err := s.target(ctx, e, in.UserID)
			if err != nil {
				return nil, err
			}
			gone := slices.DeleteFunc(slices.Clone(in.Roles), func(r PlatformRole) bool { return !slices.Contains(held, r) })
			if slices.Contains(gone, Operations) {
				if err := s.another(ctx, e, u.ID); err != nil {
					return nil, err
				}
			}
			return s.changed(ctx, e, u, gone, withdrawn, in.Reason, func(r PlatformRole) error {
				_, err := s.q.RemoveRole(ctx, e.Tx, accountq.RemoveRoleParams{UserID: u.ID.UUID(), Role: string(r)})
				return err
			})
		},
	}, in)
}

// check holds what both directions ask of their input.
func (in *RolesInput) check() error {
	slices.Sort(in.Roles)
	in.Roles = slices.Compact(in.Roles)
	in.Reason = strings.TrimSpace(in.Reason)
	switch {
	case len(in.Roles) == 0:
		return fault.Invalid("roles", "roles_number", "Name at least one role.")
	case slices.ContainsFunc(in.Roles, func(r PlatformRole) bool { return r != Standard && r != Operations && r != Serving }):
		return fault.Invalid("roles", "role_unknown", "There is no such role.")
	case utf8.RuneCountInString(in.Reason) > longest || strings.ContainsRune(in.Reason, 0) || !utf8.ValidString(in.Reason):
		return fault.Invalid("reason", "reason", "Say why, in at most %d characters.", longest)
	}
	return nil
}

// checkAssignment refuses what can never be given.
func (s *Service) checkAssignment(ctx context.Context, e *door.Effect, in *RolesInput) error {
	if err := in.check(); err != nil {
		return err
	}
	if e.Caller.UserID == in.UserID {
		return fault.Refused("own_role", "Nobody gives a role to themselves. Ask another operator.")
	}
	u, held, err := s.target(ctx, e, in.UserID)
	if err != nil {
		return err
	}
	if slices.Contains(in.Roles, Serving) {
		return fault.Invalid("roles", "role_service", "SERVICE is for service accounts, and never for a person.")
	}
	if !slices.Contains(in.Roles, Operations) || slices.Contains(held, Operations) {
		return nil
	}
	if u.Kind != "PERSON" || u.Status != Registered || u.Access != Enabled {
		return fault.Precondition("not_a_person", "Only a person who can sign in can become an operator.")
	}
	methods, err := s.methods(ctx, e.Tx, u.ID)
	if err != nil {
		return err
	}
	if !slices.Contains(methods, passkey) {
		return fault.Precondition("passkey_needed", "Operators sign in with a passkey. %s has to add one under Account, Security first.", u.label())
	}
	return nil
}

// target locks the person whose roles or access change, and reads the roles.
func (s *Service) target(ctx context.Context, e *door.Effect, id ident.UserID) (*User, []PlatformRole, error) {
	if err := s.q.LockOperators(ctx, e.Tx); err != nil {
		return nil, nil, fmt.Errorf("wait for other changes of operators: %w", err)
	}
	if _, err := s.q.LockUser(ctx, e.Tx, accountq.LockUserParams{ID: id.UUID()}); db.NotFound(err) {
		return nil, nil, fault.NotFound("user")
	} else if err != nil {
		return nil, nil, fmt.Errorf("lock the account %s: %w", id, err)
	}
	u, err := s.user(ctx, e.Tx, id)
	if err != nil {
		return nil, nil, err
	}
	return u, u.PlatformRoles, nil
}

// another says that an operator besides this person can sign in.
func (s *Service) another(ctx context.Context, e *door.Effect, user ident.UserID) error {
	n, err := s.q.OperatorsBeside(ctx, e.Tx, accountq.OperatorsBesideParams{ID: user.UUID()})
	if err != nil {
		return fmt.Errorf("count the operators: %w", err)
	}
	if n == 0 {
		return fault.Precondition("last_operator", "This is the last operator. Make another one first.")
	}
	return nil
}

// changed makes the change of each role, tells everybody who has to know, and lets what the person has open begin anew with the new rights.
func (s *Service) changed(ctx context.Context, e *door.Effect, u *User, roles []PlatformRole, action, reason string, do func(PlatformRole) error) (*UserOutcome, error) {
	if len(roles) == 0 {
		e.Quiet()
		return &UserOutcome{User: u}, nil
	}
	version := u.RightsVersion
	for _, r := range roles {
		if err := do(r); err != nil {
			return nil, err
		}
		version++
		payload := map[string]any{"v": 1, "role": r}
		if reason != "" {
			payload["reason"] = reason
		}
		e.Record(event.Change{Action: action, Subject: u.ID.String(), Version: version, Stream: rightsOf(u.ID), Chain: chain, Payload: payload, Audited: true})
	}
	if err := s.q.SetRightsVersion(ctx, e.Tx, accountq.SetRightsVersionParams{ID: u.ID.UUID(), RightsVersion: version}); err != nil {
		return nil, fmt.Errorf("note the change of roles: %w", err)
	}
	if err := s.renew(ctx, e, u.ID, action); err != nil {
		return nil, err
	}
	after, err := s.user(ctx, e.Tx, u.ID)
	if err != nil {
		return nil, err
	}
	if s.Told != nil {
		err = s.Told(ctx, e, u.ID, after.PlatformRoles)
	}
	return &UserOutcome{User: after}, err
}

// renew lets the person's live connections begin anew: the next thing that they do is done with the rights of then.
func (s *Service) renew(ctx context.Context, e *door.Effect, user ident.UserID, reason string) error {
	e.Poke(user.String(), e.Tx.Now.UnixMicro())
	e.Poke(changedHere, 0)
	return s.Authz.Revoke(ctx, e.Tx, authz.Memberships(user), reason)
}

// withStandard adds what everybody is.
func withStandard(rows []string) []PlatformRole {
	out := []PlatformRole{Standard}
	for _, r := range rows {
		if r != string(Standard) {
			out = append(out, PlatformRole(r))
		}
	}
	return out
}

func rightsOf(user ident.UserID) string { return "rights:" + user.String() }

// since is a time that may be missing: the database has none before it began.
func since(at time.Time) *time.Time {
	if at.Unix() <= 0 {
		return nil
	}
	return &at
}
