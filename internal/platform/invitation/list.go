package invitation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/queries/invitationq"
)

// InvitationDirection says which of a person's own invitations are meant.
type InvitationDirection string

const (
	Sent     InvitationDirection = "SENT"
	Received InvitationDirection = "RECEIVED"
)

// InvitationPreview is what the holder of a link may see before signing in.
type InvitationPreview struct {
	Email            string
	FirstNameGuess   string
	LastNameGuess    string
	OrganizationName *string
	InvitedBy        string
	ExpiresAt        time.Time
}

// Preview shows the invitation of a link, and consumes nothing. NOT_FOUND for every link that is not good, for whichever reason.
func (s *Service) Preview(ctx context.Context, token secret.String) (*InvitationPreview, error) {
	if err := s.Limit.Allow(ctx, perToken, authz.From(ctx).Network); err != nil {
		return nil, err
	}
	r, err := s.q.OrgOfPreview(ctx, s.DB, invitationq.OrgOfPreviewParams{TokenHash: token.Hash(), Now: s.DB.Now()})
	if err := missing(err); err != nil {
		return nil, err
	}
	p := &InvitationPreview{Email: r.Email, InvitedBy: r.Inviter, ExpiresAt: r.ExpiresAt}
	p.FirstNameGuess, p.LastNameGuess = guess(r.Email)
	if r.Organization != "" {
		p.OrganizationName = &r.Organization
	}
	return p, nil
}

// Of pages through the invitations of an organization, the newest first.
func (s *Service) Of(ctx context.Context, org ident.OrgID, st *InvitationStatus, a page.Args) (*InvitationPage, error) {
	scope, err := s.Authz.Authorize(ctx, "member.invite", org)
	if err != nil {
		return nil, err
	}
	now := s.DB.Now()
	rows, err := s.q.ListInvitations(ctx, s.DB, invitationq.ListInvitationsParams{OrgID: new(scope.OrgUUID()), Before: before(a), Status: word(st), Now: now, Most: int32(a.First + 1)})
	if err != nil {
		return nil, fmt.Errorf("list the invitations: %w", err)
	}
	n, err := s.q.CountInvitations(ctx, s.DB, invitationq.CountInvitationsParams{OrgID: new(scope.OrgUUID()), Status: word(st), Now: now})
	if err != nil {
		return nil, fmt.Errorf("count the invitations: %w", err)
	}
	return made(a, rows, n, now), nil
}

// Own pages through a person's own: the guests they invited, or what came to them. The newest first.
func (s *Service) Own(ctx context.Context, d InvitationDirection, st *InvitationStatus, a page.Args) (*InvitationPage, error) {
	caller := authz.From(ctx)
	if caller.Kind != authz.USER {
		return nil, fault.Unauthorized("", "Sign in to see your invitations.")
	}
	now := s.DB.Now()
	rows, err := s.q.OrgOfOwnInvitations(ctx, s.DB, invitationq.OrgOfOwnInvitationsParams{InviteeUserID: new(caller.UserID.UUID()), Received: d == Received, Before: before(a), Status: word(st), Now: now, Most: int32(a.First + 1)})
	if err != nil {
		return nil, fmt.Errorf("list the caller's invitations: %w", err)
	}
	n, err := s.q.OrgOfOwnInvitationsCount(ctx, s.DB, invitationq.OrgOfOwnInvitationsCountParams{InviteeUserID: new(caller.UserID.UUID()), Received: d == Received, Status: word(st), Now: now})
	if err != nil {
		return nil, fmt.Errorf("count the caller's invitations: %w", err)
	}
	same := make([]*invitationq.ListInvitationsRow, len(rows))
	for i, r := range rows {
		same[i] = (*invitationq.ListInvitationsRow)(r)
	}
	return made(a, same, n, now), nil
}

func made(a page.Args, rows []*invitationq.ListInvitationsRow, n int64, now time.Time) *InvitationPage {
	out := make([]*Invitation, len(rows))
	for i, r := range rows {
		out[i] = fromRow(r, now)
	}
	return new(page.Make(a, out, new(int32(n)), func(i *Invitation) page.Cursor { return page.Cursor{ID: i.ID.UUID()} }))
}

func before(a page.Args) uuid.UUID {
	if a.After == nil {
		return uuid.Max
	}
	return a.After.ID
}

func word(st *InvitationStatus) string {
	if st == nil {
		return ""
	}
	return string(*st)
}

// guess reads names off an address, for a form that the person corrects: ana.developer@example.com.
func guess(email string) (first, last string) {
	local, _, _ := strings.Cut(email, "@")
	local, _, _ = strings.Cut(local, "+")
	words := strings.FieldsFunc(local, func(r rune) bool { return strings.ContainsRune("._-0123456789", r) })
	for n, w := range words {
		words[n] = strings.ToUpper(w[:1]) + w[1:]
	}
	if len(words) == 0 {
		return "", ""
	}
	return words[0], strings.Join(words[1:], " ")
}
