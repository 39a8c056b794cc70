package invitation

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
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

// InviteMemberInput says who is asked, by address or (somebody who shares an organization with the caller) by id, and which roles they will hold.
type InviteMemberInput struct {
	OrganizationID   ident.OrgID
	Email            *string
	UserID           *ident.UserID
	Roles            []authz.Role
	ClientMutationID *string
}

// InviteMember asks somebody to join an organization. CONFLICT for who is a member, or was asked already and may still answer.
func (s *Service) InviteMember(ctx context.Context, in InviteMemberInput) (*Invitation, error) {
	if len(in.Roles) == 0 {
		in.Roles = []authz.Role{authz.Member}
	}
	return door.Do(ctx, s.Door, door.Change[InviteMemberInput, *Invitation]{
		Action: door.Action{Name: "invitation.send", Permission: "member.invite", StepUp: above(in.Roles), Paid: true},
		Org:    func(_ context.Context, in InviteMemberInput) (ident.OrgID, error) { return in.OrganizationID, nil },
		Key:    func(in InviteMemberInput) *string { return in.ClientMutationID },
		Validate: func(ctx context.Context, e *door.Effect, in *InviteMemberInput) error {
			if (in.Email == nil) == (in.UserID == nil) {
				return fault.Invalid("email", "exactly_one", "Send either an address or a user's id.")
			}
			if len(in.Roles) > 10 {
				return fault.Invalid("roles", "roles_number", "Name at most 10 roles.")
			}
			if above(in.Roles) && e.Caller.Kind != authz.USER {
				return fault.Forbidden("member.assign_role")
			}
			return s.addressee(ctx, e, in)
		},
		Do: s.inviteMember,
	}, in)
}

// addressee puts a checked address into the input, whatever it came as.
func (s *Service) addressee(ctx context.Context, e *door.Effect, in *InviteMemberInput) error {
	if in.UserID == nil {
		address, err := mail.Address("email", *in.Email)
		in.Email = &address
		return err
	}
	r, err := s.q.OrgOfColleague(ctx, e.Tx, invitationq.OrgOfColleagueParams{UserID: in.UserID.UUID(), Caller: e.Caller.UserID.UUID()})
	if db.NotFound(err) {
		return fault.NotFound("user")
	} else if err != nil {
		return fmt.Errorf("look for the person: %w", err)
	}
	if r.Kind == "MACHINE" && above(in.Roles) {
		return fault.Invalid("roles", "machine_role", "A machine can only be MEMBER.")
	}
	if r.Email == "" {
		return fault.Invalid("userId", "no_address", "Nobody reads mail for this account, so nobody could accept.")
	}
	in.Email = &r.Email
	return nil
}

func (s *Service) inviteMember(ctx context.Context, e *door.Effect, in InviteMemberInput) (*Invitation, error) {
	o, err := s.q.LockOrganization(ctx, e.Tx, invitationq.LockOrganizationParams{ID: in.OrganizationID.UUID()})
	if err := missing(err); err != nil {
		return nil, err
	}
	if o.Ownership == "PERSONAL" {
		return nil, fault.Precondition("personal_organization", "This organization is one person's own. Make a shared one to work with others.")
	}
	person, err := s.q.PersonByAddress(ctx, e.Tx, invitationq.PersonByAddressParams{OrgID: in.OrganizationID.UUID(), Email: *in.Email})
	if err != nil && !db.NotFound(err) {
		return nil, fmt.Errorf("look for the address: %w", err)
	}
	var invitee *uuid.UUID
	if err == nil {
		invitee = &person.UserID
		if person.IsMember {
			return nil, fault.Conflict("email", "already_member", "This person is a member already.")
		}
	}
	if err := s.Limit.Allow(ctx, perUser, e.Caller.UserID.String()); err != nil {
		return nil, err
	}
	r, err := s.open(ctx, e, new(in.OrganizationID.UUID()), *in.Email)
	if err != nil {
		return nil, err
	}
	if r != nil && r.ExpiresAt.After(e.Tx.Now) {
		return nil, fault.Conflict("email", "already_invited", "This person was invited already and may still answer. Send the invitation again, or revoke it.").With("invitationId", ident.From[ident.InvitationID](r.ID).String())
	}
	if r != nil { // expired: it makes room for the new one
		r.RevokedAt = &e.Tx.Now
		if err := s.set(ctx, e, r, "invitation.revoked", map[string]any{"reason": "expired"}); err != nil {
			return nil, err
		}
	}
	return s.add(ctx, e, &invitationq.Invitation{OrgID: new(in.OrganizationID.UUID()), Email: *in.Email, InviteeUserID: invitee, Roles: texts(in.Roles)}, o.Name)
}

// InviteGuest asks somebody to register. The answer and the work are the same for every address: whether it has an account is asked nowhere. A repeat sends
// the caller's open invitation again.
func (s *Service) InviteGuest(ctx context.Context, email string) (*Invitation, error) {
	address, err := mail.Address("email", email)
	if err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[string, *Invitation]{
		Action: door.Action{Name: "invitation.send", Own: true},
		Do: func(ctx context.Context, e *door.Effect, address string) (*Invitation, error) {
			if err := s.Limit.Allow(ctx, perUser, e.Caller.UserID.String()); err != nil {
				return nil, err
			}
			r, err := s.open(ctx, e, nil, address)
			if err != nil {
				return nil, err
			}
			if r == nil {
				return s.add(ctx, e, &invitationq.Invitation{Email: address, Roles: []string{}}, "")
			}
			if r.SentCount > resends {
				return nil, tooOften()
			}
			return s.again(ctx, e, r)
		},
	}, address)
}

// open locks the one open invitation of an organization (or of the caller) to an address; nil when there is none.
func (s *Service) open(ctx context.Context, e *door.Effect, org *uuid.UUID, email string) (*invitationq.Invitation, error) {
	owner := e.Caller.UserID.UUID()
	if org != nil {
		owner = *org
	}
	r, err := s.q.OrgOfOpenForUpdate(ctx, e.Tx, invitationq.OrgOfOpenForUpdateParams{Owner: owner, Email: email})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("look for an open invitation: %w", err)
	}
	return r, nil
}

func (s *Service) add(ctx context.Context, e *door.Effect, r *invitationq.Invitation, organization string) (*Invitation, error) {
	id, token := ident.New[ident.InvitationID](e.Tx.Now), secret.Random("")
	r.ID, r.InviterID, r.TokenHash, r.ExpiresAt, r.Version = id.UUID(), e.Caller.UserID.UUID(), token.Hash(), e.Tx.Now.Add(lives), 1
	err := s.q.AddInvitation(ctx, e.Tx, invitationq.AddInvitationParams{ID: r.ID, OrgID: r.OrgID, Email: r.Email, InviteeUserID: r.InviteeUserID, Roles: r.Roles, InviterID: r.InviterID, TokenHash: r.TokenHash,
		ExpiresAt: r.ExpiresAt, Now: e.Tx.Now})
	if db.Violates(err, "one_open_invite") {
		return nil, fault.Conflict("email", "already_invited", "This person was invited a moment ago.")
	} else if err != nil {
		return nil, fmt.Errorf("add the invitation: %w", err)
	}
	s.record(e, r, "invitation.sent", nil)
	if may, err := s.mayMail(ctx, r.Email); err != nil {
		return nil, err
	} else if may {
		if err := s.mail(ctx, e, r, token, organization); err != nil {
			return nil, err
		}
	}
	return s.shown(ctx, e.Tx, id, e.Tx.Now)
}

// mayMail takes one of the mails that an address gets in a day. Beyond them nothing is sent, and nobody learns of it: the invitation can be sent again
// tomorrow.
func (s *Service) mayMail(ctx context.Context, email string) (bool, error) {
	err := s.Limit.Allow(ctx, perAddress, strings.ToLower(email))
	if fault.Is(err, fault.RateLimitedCode) {
		return false, nil
	}
	return err == nil, err
}

// mail stages the link.
func (s *Service) mail(ctx context.Context, e *door.Effect, r *invitationq.Invitation, token secret.String, organization string) error {
	inviter, err := s.q.NameOf(ctx, e.Tx, invitationq.NameOfParams{UserID: r.InviterID})
	if err != nil {
		return fmt.Errorf("read the inviter's name: %w", err)
	}
	by, org, link := letter.Typed(inviter.DisplayName), letter.Typed(organization), s.Console+"/invite/"+token.Reveal()
	m := mail.Mail{To: r.Email, Locale: e.Caller.Locale, Tags: []string{ident.From[ident.InvitationID](r.ID).String()}, Letter: letter.InvitePlatform{Inviter: by, Link: link, Until: r.ExpiresAt}}
	if r.OrgID != nil {
		m.Org, m.Letter = ident.From[ident.OrgID](*r.OrgID), letter.InviteOrgGuest{Inviter: by, Organization: org, Link: link, Until: r.ExpiresAt}
	}
	switch known, err := s.q.ReaderOfInvitee(ctx, e.Tx, invitationq.ReaderOfInviteeParams{UserID: r.InviteeUserID}); {
	case err == nil:
		m.To, m.Locale, m.Zone, m.Letter = known.Email, known.Locale, known.Timezone, letter.InviteOrgExisting{Inviter: by, Organization: org, Link: link, Until: r.ExpiresAt}
	case !db.NotFound(err):
		return fmt.Errorf("read how the invitee reads: %w", err)
	}
	return s.Mail.Stage(ctx, e, m)
}

func tooOften() error {
	return fault.Precondition("sent_often", "This invitation was sent %d times. Revoke it and invite anew, or ask the person in another way.", resends+1)
}
