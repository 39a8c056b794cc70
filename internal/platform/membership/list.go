package membership

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/queries/membershipq"
)

// longest is how many characters of a name or an address can be searched for.
const longest = 100

// Members pages through the members of an organization in order of joining. search keeps those whose name contains it, or whose address does where
// the caller may see addresses.
func (s *Service) Members(ctx context.Context, org ident.OrgID, search string, a page.Args) (*MemberPage, error) {
	scope, err := s.Authz.Authorize(ctx, "member.read", org)
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(search) > longest || !utf8.ValidString(search) || strings.ContainsFunc(search, unicode.IsControl) {
		return nil, fault.Invalid("search", "search_length", "Search for at most %d characters on one line.", longest)
	}
	addresses, err := s.seesAddresses(ctx, org)
	if err != nil {
		return nil, err
	}
	after := uuid.Nil
	if a.After != nil {
		after = a.After.ID
	}
	rows, err := s.q.ListMembers(ctx, s.DB, membershipq.ListMembersParams{OrgID: scope.OrgUUID(), After: after, Search: search, Addresses: addresses, Most: int32(a.First + 1)})
	if err != nil {
		return nil, fmt.Errorf("list the members: %w", err)
	}
	n, err := s.q.CountMembers(ctx, s.DB, membershipq.CountMembersParams{OrgID: scope.OrgUUID(), Search: search, Addresses: addresses})
	if err != nil {
		return nil, fmt.Errorf("count the members: %w", err)
	}
	out := make([]*Member, len(rows))
	for i, r := range rows {
		out[i] = member(org, (*membershipq.MemberByUserRow)(r), addresses)
	}
	return new(page.Make(a, out, new(int32(n)), func(m *Member) page.Cursor { return page.Cursor{ID: m.ID.UUID()} })), nil
}

// byUser reads one member for a caller who may see addresses.
func (s *Service) byUser(ctx context.Context, on membershipq.DBTX, scope authz.Scope, user ident.UserID) (*Member, error) {
	r, err := s.q.MemberByUser(ctx, on, membershipq.MemberByUserParams{OrgID: scope.OrgUUID(), UserID: user.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("member")
	} else if err != nil {
		return nil, fmt.Errorf("read the member: %w", err)
	}
	return member(scope.Org(), r, true), nil
}

// seesAddresses says whether the caller sees addresses that the organization hides from plain members.
func (s *Service) seesAddresses(ctx context.Context, org ident.OrgID) (bool, error) {
	_, err := s.Authz.Authorize(ctx, "member.invite", org)
	if fault.Is(err, fault.ForbiddenCode) {
		return false, nil
	}
	return err == nil, err
}

// Memberships pages through the organizations that the caller belongs to, in order of joining. A key sees the one that it is bound to.
func (s *Service) Memberships(ctx context.Context, a page.Args) (*MembershipPage, error) {
	caller := authz.From(ctx)
	if caller.UserID.IsZero() {
		return nil, fault.Unauthorized("", "Sign in, or send an API key.")
	}
	p := membershipq.OrgOfMembershipsParams{UserID: caller.UserID.UUID(), Most: int32(a.First + 1)}
	if caller.Kind != authz.USER {
		if _, err := s.Authz.Authorize(ctx, authz.SelfRead, caller.OrgID); err != nil {
			return nil, err
		}
		p.Bound = new(caller.OrgID.UUID())
	}
	if !caller.Only.IsZero() { // elsewhere this session is a stranger
		p.Bound = new(caller.Only.UUID())
	}
	if a.After != nil {
		p.After = a.After.ID
	}
	rows, err := s.q.OrgOfMemberships(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("list the memberships: %w", err)
	}
	n, err := s.q.OrgOfMembershipsCount(ctx, s.DB, membershipq.OrgOfMembershipsCountParams{UserID: p.UserID, Bound: p.Bound})
	if err != nil {
		return nil, fmt.Errorf("count the memberships: %w", err)
	}
	out := make([]*Membership, len(rows))
	for i, r := range rows {
		out[i] = &Membership{ID: ident.From[ident.MembershipID](r.ID), UserID: caller.UserID, OrgID: ident.From[ident.OrgID](r.OrgID), Roles: roles(r.Roles), IsDefault: r.IsDefault, JoinedAt: r.JoinedAt}
	}
	return new(page.Make(a, out, new(int32(n)), func(m *Membership) page.Cursor { return page.Cursor{ID: m.ID.UUID()} })), nil
}

func member(org ident.OrgID, r *membershipq.MemberByUserRow, addresses bool) *Member {
	m := &Member{ID: ident.From[ident.MembershipID](r.ID), UserID: ident.From[ident.UserID](r.UserID), OrgID: org, Kind: UserKind(r.Kind), Name: r.Name, Roles: roles(r.Roles),
		IsBuyer: r.IsBuyer, IsDefault: r.IsDefault, JoinedAt: r.JoinedAt}
	if r.Email != "" && (addresses || !r.HideMemberEmails) {
		m.Email = &r.Email
	}
	return m
}

// OthersTx names the first few members besides one, and says how many there are.
func (s *Service) OthersTx(ctx context.Context, tx *db.Tx, org ident.OrgID, besides ident.UserID) (names []string, n int64, err error) {
	rows, err := s.q.OtherMembers(ctx, tx, membershipq.OtherMembersParams{OrgID: org.UUID(), UserID: besides.UUID()})
	if err != nil {
		return nil, 0, fmt.Errorf("list the other members: %w", err)
	}
	for _, r := range rows {
		names, n = append(names, r.Name), r.AllOfThem
	}
	return names, n, nil
}

// State differs after each change of the organization's members, for who watches them.
func (s *Service) State(ctx context.Context, org ident.OrgID) (string, error) {
	scope, err := s.Authz.Authorize(ctx, "member.read", org)
	if err != nil {
		return "", err
	}
	state, err := s.q.StateOfMembers(ctx, s.DB, membershipq.StateOfMembersParams{OrgID: scope.OrgUUID()})
	if err != nil {
		return "", fmt.Errorf("read the state of the members: %w", err)
	}
	return state, nil
}

// OwnState differs after each change of where the caller belongs to and as what; "" for who is no person.
func (s *Service) OwnState(ctx context.Context) (string, error) {
	caller := authz.From(ctx)
	if caller.Kind != authz.USER {
		return "", nil
	}
	state, err := s.q.OrgOfMembershipsState(ctx, s.DB, membershipq.OrgOfMembershipsStateParams{UserID: caller.UserID.UUID()})
	if err != nil {
		return "", fmt.Errorf("read the state of the caller's memberships: %w", err)
	}
	return state, nil
}
