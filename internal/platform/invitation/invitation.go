// Package invitation is how people are asked to come: to an organization, with roles chosen by who invites, or (a referral) to the product itself.
//
// An invitation is PENDING for 14 days and then EXPIRED, until it is sent again, at most five times. Who was asked accepts or declines; who sent it may
// revoke it. Nobody is a member before having accepted. Where an organization names mail domains and somebody accepts with another address than the one
// invited, outside of them, the invitation is AWAITING_CONFIRMATION until an owner agrees.
//
// The link holds 256 random bits, of which the hash is kept. A link that is unknown, used, expired, revoked or replaced by a newer one always gets the
// same answer. Looking at an invitation, or fetching its page, consumes nothing.
package invitation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/queries/invitationq"
)

const (
	lives   = 14 * 24 * time.Hour
	resends = 5
	expired = "invitation.expired" // the clock's own, which nobody answers for
)

var (
	perUser    = limit.Bucket{Name: "invite", Rate: 20, Per: time.Hour, Burst: 20, Closed: true}
	perAddress = limit.Bucket{Name: "invite-address", Rate: 3, Per: 24 * time.Hour, Burst: 3, Closed: true}
	perToken   = limit.Bucket{Name: "token", Rate: 20, Per: 10 * time.Minute, Burst: 20, Closed: true}
)

// InvitationStatus is where an invitation stands; see the package's comment.
type InvitationStatus string

const (
	StatusPending              InvitationStatus = "PENDING"
	StatusAwaitingConfirmation InvitationStatus = "AWAITING_CONFIRMATION"
	StatusAccepted             InvitationStatus = "ACCEPTED"
	StatusExpired              InvitationStatus = "EXPIRED"
	StatusRevoked              InvitationStatus = "REVOKED"
	StatusDeclined             InvitationStatus = "DECLINED"
)

// Invitation asks somebody to come. Without an organization it is a referral.
type Invitation struct {
	ID               ident.InvitationID
	Email            string
	OrganizationID   *ident.OrgID
	OrganizationName *string
	OrganizationSlug *string
	Roles            []authz.Role
	Status           InvitationStatus
	InvitedByID      ident.UserID
	InvitedBy        string
	AcceptedEmail    *string
	SentCount        int32
	LastSentAt       time.Time
	ExpiresAt        time.Time
	CreatedAt        time.Time
}

type (
	InvitationPage = page.Of[*Invitation]
	InvitationEdge = page.Edge[*Invitation]
)

// Service sends and answers invitations.
type Service struct {
	DB      *db.DB
	Door    *door.Door
	Authz   *authz.Authorizer
	Limit   *limit.Limiter
	Mail    *mail.Service
	Members *membership.Service
	Console string // its address, for links

	q invitationq.Queries
}

// OrgOf says whose an invitation is; NOT_FOUND for referrals too, which belong to a person.
func (s *Service) OrgOf(ctx context.Context, id ident.InvitationID) (ident.OrgID, error) {
	r, err := s.head(ctx, id)
	if err != nil {
		return ident.OrgID{}, err
	}
	if r.OrgID == nil {
		return ident.OrgID{}, unknown()
	}
	return ident.From[ident.OrgID](*r.OrgID), nil
}

func (s *Service) head(ctx context.Context, id ident.InvitationID) (*invitationq.OrgOfInvitationRow, error) {
	r, err := s.q.OrgOfInvitation(ctx, s.DB, invitationq.OrgOfInvitationParams{ID: id.UUID()})
	return r, missing(err)
}

// shown reads an invitation for a caller who was authorised for it.
func (s *Service) shown(ctx context.Context, on invitationq.DBTX, id ident.InvitationID, now time.Time) (*Invitation, error) {
	r, err := s.q.OrgOfShown(ctx, on, invitationq.OrgOfShownParams{ID: id.UUID()})
	if err := missing(err); err != nil {
		return nil, err
	}
	return fromRow((*invitationq.ListInvitationsRow)(r), now), nil
}

func fromRow(r *invitationq.ListInvitationsRow, now time.Time) *Invitation {
	row := &r.Invitation
	i := &Invitation{ID: ident.From[ident.InvitationID](row.ID), Email: row.Email, OrganizationID: ident.FromPtr[ident.OrgID](row.OrgID), Status: status(row, now), InvitedByID: ident.From[ident.UserID](row.InviterID),
		InvitedBy: r.Inviter, AcceptedEmail: row.AcceptedEmail, SentCount: row.SentCount, LastSentAt: row.LastSentAt, ExpiresAt: row.ExpiresAt, CreatedAt: row.CreatedAt, Roles: roles(row.Roles)}
	if row.OrgID != nil {
		i.OrganizationName, i.OrganizationSlug = &r.Organization, &r.Slug
	}
	return i
}

// status is the same as what the lists ask for in SQL.
func status(r *invitationq.Invitation, now time.Time) InvitationStatus {
	switch {
	case r.RevokedAt != nil:
		return StatusRevoked
	case r.DeclinedAt != nil:
		return StatusDeclined
	case r.NeedsConfirm && r.ConfirmedBy == nil:
		return StatusAwaitingConfirmation
	case r.AcceptedAt != nil:
		return StatusAccepted
	case !r.ExpiresAt.After(now):
		return StatusExpired
	}
	return StatusPending
}

// set keeps what was changed on the locked row, and records it.
func (s *Service) set(ctx context.Context, e *door.Effect, r *invitationq.Invitation, action string, more map[string]any) error {
	err := s.q.SetInvitation(ctx, e.Tx, invitationq.SetInvitationParams{ID: r.ID, TokenHash: r.TokenHash, SentCount: r.SentCount, LastSentAt: r.LastSentAt, ExpiresAt: r.ExpiresAt, AcceptedAt: r.AcceptedAt,
		AcceptedEmail: r.AcceptedEmail, AcceptedBy: r.AcceptedBy, NeedsConfirm: r.NeedsConfirm, ConfirmedBy: r.ConfirmedBy, DeclinedAt: r.DeclinedAt, RevokedAt: r.RevokedAt, ExpiredAt: r.ExpiredAt})
	if err != nil {
		return fmt.Errorf("keep the invitation: %w", err)
	}
	r.Version++
	s.record(e, r, action, more)
	return nil
}

// record notes what happened on the organization's chain, or on that of the person whose referral it is.
func (s *Service) record(e *door.Effect, r *invitationq.Invitation, action string, more map[string]any) {
	payload := map[string]any{"v": 1, "roles": r.Roles}
	for k, v := range more {
		payload[k] = v
	}
	id, inviter := ident.From[ident.InvitationID](r.ID).String(), ident.From[ident.UserID](r.InviterID).String()
	c := event.Change{Action: action, Subject: id, Version: r.Version, Payload: payload, Audited: action != expired}
	if r.OrgID == nil {
		c.Chain = inviter
	} else {
		c.OrgID = ident.From[ident.OrgID](*r.OrgID)
		e.Poke(c.OrgID.String(), e.Tx.Now.UnixMicro())
	}
	e.Poke(inviter, e.Tx.Now.UnixMicro())
	if r.InviteeUserID != nil {
		e.Poke(ident.From[ident.UserID](*r.InviteeUserID).String(), e.Tx.Now.UnixMicro())
	}
	e.Record(c)
}

func missing(err error) error {
	if db.NotFound(err) {
		return unknown()
	} else if err != nil {
		return fmt.Errorf("find the invitation: %w", err)
	}
	return nil
}

// unknown is the one answer to whatever does not fit: unknown, used, expired, revoked, replaced, somebody else's.
func unknown() error { return fault.NotFound("invitation") }

// above says that roles are more than MEMBER: to give them needs a person with a fresh proof (RU-43).
func above(roles []authz.Role) bool {
	return slices.ContainsFunc(roles, func(r authz.Role) bool { return r != authz.Member })
}

func roles(names []string) []authz.Role {
	out := make([]authz.Role, len(names))
	for n, s := range names {
		out[n] = authz.Role(s)
	}
	return out
}

func texts(roles []authz.Role) []string {
	out := make([]string, len(roles))
	for n, r := range roles {
		out[n] = string(r)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// domain is what stands behind the @ of an address.
func domain(email string) string {
	return strings.ToLower(email[strings.LastIndex(email, "@")+1:])
}
