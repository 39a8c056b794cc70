// Package membership is who belongs to an organization, and as what.
//
// A membership begins when an organization is made or an invitation accepted, holds one or more roles (sets, no ladder), and ends by removal or by
// leaving. Nobody becomes a member without having agreed. The last owner, and the buyer, cannot vanish: the database refuses it at the commit
// (keep_owner), however many try at one moment. With a membership end the person's keys for the organization and the live connections of that
// person's browsers, all within a second; what the person may do elsewhere stays.
package membership

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/queries/membershipq"
)

// UserKind tells people from machines.
type UserKind string

const (
	Person  UserKind = "PERSON"
	Machine UserKind = "MACHINE"
)

// Membership is one of the caller's own.
type Membership struct {
	ID        ident.MembershipID
	UserID    ident.UserID
	OrgID     ident.OrgID
	Roles     []authz.Role
	IsDefault bool
	JoinedAt  time.Time
}

// Member is a person or machine inside an organization, as its other members see it.
type Member struct {
	ID        ident.MembershipID
	UserID    ident.UserID
	OrgID     ident.OrgID
	Kind      UserKind
	Email     *string // nil when the organization hides addresses from plain members, and for machines
	Name      string
	Roles     []authz.Role
	IsBuyer   bool
	IsDefault bool
	JoinedAt  time.Time
}

// IsOwner says whether the member holds the role OWNER.
func (m *Member) IsOwner() bool { return slices.Contains(m.Roles, authz.Owner) }

type (
	MembershipPage = page.Of[*Membership]
	MembershipEdge = page.Edge[*Membership]
	MemberPage     = page.Of[*Member]
	MemberEdge     = page.Edge[*Member]
)

// Service keeps memberships.
type Service struct {
	DB    *db.DB
	Door  *door.Door
	Authz *authz.Authorizer
	// Seats is how many members an organization may have; false: as many as come. nil: nobody counts.
	Seats func(ctx context.Context, org ident.OrgID) (int64, bool)
	// Left runs in the transaction that ends a membership: the person's default organization and keys follow.
	Left func(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error
	// Tell runs in the transaction of a removal or of a change of roles: the person reads of it. nil: nobody does.
	Tell func(ctx context.Context, e *door.Effect, n News) error

	q membershipq.Queries
}

// News is what became of somebody's membership: the roles held now, or none after a removal.
type News struct {
	Org          ident.OrgID
	Organization string // its name
	User         ident.UserID
	Roles        []string
}

func (s *Service) news(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID, roles []string) error {
	if s.Tell == nil {
		return nil
	}
	name, err := s.q.NameOfOrganization(ctx, e.Tx, membershipq.NameOfOrganizationParams{OrgID: org.UUID()})
	if err != nil {
		return fmt.Errorf("read the organization's name: %w", err)
	}
	return s.Tell(ctx, e, News{Org: org, Organization: name, User: user, Roles: roles})
}

// JoinTx makes user a member of an organization, or answers QUOTA_EXCEEDED when its plan has no seat left: of two who come at one moment, the last seat is
// one's. The caller has asked whether the person agreed.
func (s *Service) JoinTx(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID, roles []authz.Role) (ident.MembershipID, error) {
	id := ident.New[ident.MembershipID](e.Tx.Now)
	names := texts(roles)
	if err := s.seat(ctx, e, org); err != nil {
		return id, err
	}
	err := s.q.AddMembership(ctx, e.Tx, membershipq.AddMembershipParams{ID: id.UUID(), OrgID: org.UUID(), UserID: user.UUID(), Roles: names, JoinedAt: e.Tx.Now})
	if db.Violates(err, "membership_org_id_user_id_key") {
		return id, fault.Conflict("userId", "already_member", "This person is a member already.")
	} else if err != nil {
		return id, fmt.Errorf("add the member: %w", err)
	}
	e.Record(event.Change{OrgID: org, Action: "member.joined", Subject: id.String(), Version: 1, Payload: map[string]any{"v": 1, "user": user.String(), "roles": names}, Audited: true})
	s.tell(e, org, user)
	return id, nil
}

// tell lets the person's own screens, and those that list the organization's members, read again.
func (s *Service) tell(e *door.Effect, org ident.OrgID, user ident.UserID) {
	e.Poke(user.String(), e.Tx.Now.UnixMicro())
	e.Poke(org.String(), e.Tx.Now.UnixMicro())
}

// lock makes changes of one organization's members wait for each other, and answers the member; NOT_FOUND for who is none.
func (s *Service) lock(ctx context.Context, e *door.Effect, user ident.UserID) (*membershipq.LockMemberRow, error) {
	if err := s.lockOrganization(ctx, e); err != nil {
		return nil, err
	}
	m, err := s.q.LockMember(ctx, e.Tx, membershipq.LockMemberParams{OrgID: e.Scope.OrgUUID(), UserID: user.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("member")
	} else if err != nil {
		return nil, fmt.Errorf("lock the member: %w", err)
	}
	return m, nil
}

func (s *Service) lockOrganization(ctx context.Context, e *door.Effect) error {
	o, err := s.q.LockOrganization(ctx, e.Tx, membershipq.LockOrganizationParams{OrgID: e.Scope.OrgUUID()})
	if db.NotFound(err) {
		return fault.NotFound("organization")
	} else if err != nil {
		return fmt.Errorf("lock the organization: %w", err)
	}
	if o.Ownership == "PERSONAL" {
		return fault.Precondition("personal_organization", "This organization is one person's own: it has no other members and cannot be left.")
	}
	return nil
}

// Kept says in words what the database refused at the commit.
func Kept(err error) error {
	switch {
	case db.Violates(err, "keep_owner_last"):
		return fault.Precondition("last_owner", "An organization needs an owner. Make somebody else an owner first.")
	case db.Violates(err, "keep_owner_buyer"):
		return fault.Precondition("buyer_must_stay", "This person pays for the organization and must stay its billing administrator. Transfer the subscription to somebody else first.")
	}
	return err
}

func texts(roles []authz.Role) []string {
	out := make([]string, len(roles))
	for n, r := range roles {
		out[n] = string(r)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func roles(names []string) []authz.Role {
	out := make([]authz.Role, len(names))
	for n, s := range names {
		out[n] = authz.Role(s)
	}
	return out
}

// Part is what memberships contribute.
func (s *Service) Part() part.Part {
	all, owner := []authz.Role{authz.Member, authz.Owner, authz.BillingAdmin}, []authz.Role{authz.Owner}
	return part.Part{Name: "membership", Grants: []authz.Grant{
		{Permission: "member.read", Roles: all, What: "see who belongs to the organization"},
		{Permission: "member.invite", Roles: owner, What: "invite people, and see their addresses"},
		{Permission: "member.remove", Roles: owner, What: "remove members"},
		{Permission: "member.assign_role", Roles: owner, What: "give and take roles"},
	}}
}
