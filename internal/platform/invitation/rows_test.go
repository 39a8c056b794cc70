package invitation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/invitation"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// hall is an organization that invites.
type hall struct {
	*spinetest.Bundle
	invitations *invitation.Service
	members     *membership.Service
}

func open(t *testing.T) *hall {
	t.Helper()
	b := spinetest.New(t)
	book, err := letter.NewBook(letter.Accounts())
	if err != nil {
		t.Fatal(err)
	}
	post := &mail.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Vault: b.Vault, Hub: b.Hub, Work: b.Work, Book: book, Home: "https://console.test"}
	post.From.Name, post.From.Address = "Nameplate", "no-reply@console.test"
	h := &hall{Bundle: b, members: &membership.Service{DB: b.DB, Door: b.Door, Authz: b.Authz}}
	b.Join(h.members.Part())
	h.invitations = &invitation.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Limit: limit.New(nil), Mail: post, Members: h.members, Console: "https://console.test"}
	return h
}

func (h *hall) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := h.DB.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// token is that of the newest link mailed to an address, and how many mails it got.
func (h *hall) token(t *testing.T, to string) (token secret.String, n int) {
	t.Helper()
	rows, err := h.DB.Query(t.Context(), "select id, org_id, sealed_args from outbound_message where recipient = $1 and template like 'invite\\_%' and template <> 'invite_accepted' order by id", to)
	if err != nil {
		t.Fatal(err)
	}
	type sealed struct {
		id   uuid.UUID
		org  *uuid.UUID
		blob []byte
	}
	var all []sealed
	for rows.Next() {
		var s sealed
		if err := rows.Scan(&s.id, &s.org, &s.blob); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	rows.Close()
	if len(all) == 0 {
		return token, 0
	}
	last := all[len(all)-1]
	var org ident.OrgID
	if last.org != nil {
		org = ident.From[ident.OrgID](*last.org)
	}
	raw, err := h.Vault.Open(t.Context(), h.DB, org, "outbound_message.sealed_args", ident.From[ident.MessageID](last.id).String(), last.blob)
	if err != nil {
		t.Fatal(err)
	}
	var l struct{ Content struct{ Link string } }
	if err := json.Unmarshal(raw, &l); err != nil {
		t.Fatal(err)
	}
	return secret.New(path.Base(l.Content.Link)), len(all)
}

func why(err error) string {
	if f := fault.All(err); len(f) > 0 {
		return f[0].Reason
	}
	return ""
}

// network is a caller of a network of their own, so that limits of one do not count for another.
func network(ctx context.Context, n int) context.Context {
	p := authz.From(ctx)
	p.Network = fmt.Sprintf("2001:db8:%x::/64", n)
	return authz.With(ctx, p)
}

func (h *hall) isMember(t *testing.T, user ident.UserID) (is bool) {
	t.Helper()
	if err := h.DB.QueryRow(t.Context(), "select exists (select 1 from membership where org_id = $1 and user_id = $2)", h.Org.UUID(), user.UUID()).Scan(&is); err != nil {
		t.Fatal(err)
	}
	return is
}

func (h *hall) invite(t *testing.T, email string, roles ...authz.Role) *invitation.Invitation {
	t.Helper()
	i, err := h.invitations.InviteMember(h.As(t.Context()), invitation.InviteMemberInput{OrganizationID: h.Org, Email: &email, Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestOrgs6_InviteMember(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.As(t.Context())
	_, mo := h.Organization(t, "mo")
	theirs := network(spinetest.As(t.Context(), mo), 1)
	i := h.invite(t, "mo@example.com")
	token, n := h.token(t, "mo@example.com")
	if n != 1 || i.Status != invitation.StatusPending || *i.OrganizationName != "acme" {
		t.Fatalf("%d mails, %+v", n, i)
	}
	if h.isMember(t, mo) {
		t.Error("c: a member before having accepted")
	}
	if p, err := h.invitations.Own(theirs, invitation.Received, nil, page.Args{First: 10}); err != nil || *p.TotalCount != 1 {
		t.Errorf("received: %+v, %v", p, err)
	}
	t.Run("e_OfAnotherOrganization", func(t *testing.T) {
		_, stranger := h.Organization(t, "globex")
		s := spinetest.As(t.Context(), stranger)
		for name, try := range map[string]func() error{
			"resend":  func() error { _, err := h.invitations.Resend(s, i.ID); return err },
			"revoke":  func() error { _, err := h.invitations.Revoke(s, i.ID); return err },
			"confirm": func() error { _, err := h.invitations.Confirm(s, i.ID, true); return err },
			"accept":  func() error { _, err := h.invitations.Accept(s, invitation.Ref{ID: &i.ID}); return err },
			"decline": func() error { return h.invitations.Decline(s, invitation.Ref{ID: &i.ID}) },
			"list":    func() error { _, err := h.invitations.Of(s, h.Org, nil, page.Args{First: 1}); return err },
		} {
			if err := try(); !fault.Is(err, fault.NotFoundCode) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	got, err := h.invitations.Accept(theirs, invitation.Ref{Token: token})
	if err != nil || got.Status != invitation.StatusAccepted || !h.isMember(t, mo) {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := h.invitations.InviteMember(me, invitation.InviteMemberInput{OrganizationID: h.Org, Email: new("MO@example.com")}); !fault.Is(err, fault.ConflictCode) || why(err) != "already_member" {
		t.Errorf("a: %v", err)
	}
	t.Run("b_TwoAtOnce", func(t *testing.T) {
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for n := range errs {
			wg.Go(func() {
				_, errs[n] = h.invitations.InviteMember(me, invitation.InviteMemberInput{OrganizationID: h.Org, Email: new("twice@example.net")})
			})
		}
		wg.Wait()
		var rows int
		if err := h.DB.QueryRow(t.Context(), "select count(*) from invitation where email = 'twice@example.net'").Scan(&rows); err != nil || rows != 1 || why(errors.Join(errs...)) != "already_invited" {
			t.Errorf("%d rows, %v", rows, errs)
		}
	})
	t.Run("d_PersonalOrganization", func(t *testing.T) {
		own, owner := h.Organization(t, "own")
		h.exec(t, "update organization set ownership = 'PERSONAL' where id = $1", own.UUID())
		_, err := h.invitations.InviteMember(spinetest.As(t.Context(), owner), invitation.InviteMemberInput{OrganizationID: own, Email: new("x@example.net")})
		if why(err) != "personal_organization" {
			t.Errorf("%v", err)
		}
	})
	t.Run("g_Machine", func(t *testing.T) {
		_, robot := h.Organization(t, "robot")
		h.exec(t, "update app_user set kind = 'MACHINE' where id = $1", robot.UUID())
		h.exec(t, "insert into organization (id, slug, name, ownership, created_by, created_at) select $1, 'shared', 'shared', 'SHARED', $2, now()", ident.V7(time.Now()), h.User.UUID())
		for _, u := range []ident.UserID{h.User, robot} {
			h.exec(t, "insert into membership (id, org_id, user_id, roles, joined_at) select $1, id, $2, '{OWNER}', now() from organization where slug = 'shared'", ident.V7(time.Now()), u.UUID())
		}
		_, err := h.invitations.InviteMember(me, invitation.InviteMemberInput{OrganizationID: h.Org, UserID: &robot, Roles: []authz.Role{authz.Owner}})
		if !fault.Is(err, fault.InvalidCode) || why(err) != "machine_role" {
			t.Errorf("%v", err)
		}
	})
	t.Run("h_OwnerByAKey", func(t *testing.T) {
		key := authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, UserID: h.User, OrgID: h.Org, KeyID: ident.New[ident.KeyID](time.Now()), Scopes: []authz.Permission{"member.invite"}})
		in := invitation.InviteMemberInput{OrganizationID: h.Org, Email: new("o@example.net"), Roles: []authz.Role{authz.Owner}}
		if _, err := h.invitations.InviteMember(key, in); !fault.Is(err, fault.ForbiddenCode) {
			t.Errorf("by a key: %v", err)
		}
		h.Door.Guards = []door.Guard{stepUp{}}
		defer func() { h.Door.Guards = nil }()
		if _, err := h.invitations.InviteMember(me, in); why(err) != "step_up" {
			t.Errorf("without a proof: %v", err)
		}
	})
	t.Run("Strangers", func(t *testing.T) {
		_, far := h.Organization(t, "far")
		if _, err := h.invitations.InviteMember(me, invitation.InviteMemberInput{OrganizationID: h.Org, UserID: &far}); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("by the id of a stranger: %v", err)
		}
	})
	t.Run("AnotherAddress", func(t *testing.T) {
		h.exec(t, "update organization set email_domains = '{acme.test}' where id = $1", h.Org.UUID())
		defer h.exec(t, "update organization set email_domains = '{}' where id = $1", h.Org.UUID())
		i := h.invite(t, "zoe@acme.test")
		token, _ := h.token(t, "zoe@acme.test")
		_, zoe := h.Organization(t, "zoe")
		got, err := h.invitations.Accept(network(spinetest.As(t.Context(), zoe), 2), invitation.Ref{Token: token})
		if err != nil || got.Status != invitation.StatusAwaitingConfirmation || h.isMember(t, zoe) {
			t.Fatalf("%+v, %v", got, err)
		}
		if got, err := h.invitations.Confirm(me, i.ID, true); err != nil || got.Status != invitation.StatusAccepted || !h.isMember(t, zoe) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// stepUp refuses what asks for a proof.
type stepUp struct{}

func (stepUp) Check(_ context.Context, _ *door.Effect, a door.Action) error {
	if a.StepUp {
		return fault.Precondition("step_up", "Prove who you are.")
	}
	return nil
}

func TestUsers3_InviteGuest(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, known := h.Organization(t, "known")
	_ = known
	a, err := h.invitations.InviteGuest(h.As(t.Context()), "nobody@example.net")
	if err != nil {
		t.Fatal(err)
	}
	token, n := h.token(t, "nobody@example.net")
	if p, err := h.invitations.Preview(network(t.Context(), 9), token); err != nil || n != 1 || p.Email != "nobody@example.net" || p.OrganizationName != nil || p.FirstNameGuess != "Nobody" {
		t.Errorf("a: %+v, %v", p, err)
	}
	b, err := h.invitations.InviteGuest(h.As(t.Context()), "known@example.com")
	if err != nil || a.Status != b.Status || b.SentCount != a.SentCount {
		t.Errorf("b: %+v, %+v, %v", a, b, err)
	}
	if _, n := h.token(t, "known@example.com"); n != 1 {
		t.Errorf("b: %d mails to a known address", n)
	}
	for range 3 {
		if a, err = h.invitations.InviteGuest(h.As(t.Context()), "nobody@example.net"); err != nil {
			t.Fatal(err)
		}
	}
	if _, n := h.token(t, "nobody@example.net"); n != 3 || a.Status != invitation.StatusPending {
		t.Errorf("c: %d mails, %+v", n, a)
	}
}

func TestUsers4_Resend(t *testing.T) {
	t.Parallel()
	h := open(t)
	me := h.As(t.Context())
	i := h.invite(t, "mo@example.net")
	old, _ := h.token(t, "mo@example.net")
	if _, err := h.invitations.Resend(me, i.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.invitations.Preview(network(t.Context(), 1), old); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("a: the old link: %v", err)
	}
	h.exec(t, "update invitation set expires_at = now() - interval '1 day' where id = $1", i.ID.UUID())
	if p, err := h.invitations.Of(me, h.Org, new(invitation.StatusExpired), page.Args{First: 10}); err != nil || *p.TotalCount != 1 {
		t.Errorf("listed as expired: %+v, %v", p, err)
	}
	if got, err := h.invitations.Resend(me, i.ID); err != nil || got.Status != invitation.StatusPending {
		t.Errorf("b: %+v, %v", got, err)
	}
	now, _ := h.token(t, "mo@example.net")
	if _, err := h.invitations.Preview(network(t.Context(), 1), now); err != nil {
		t.Errorf("b: the new link: %v", err)
	}
	t.Run("TheFourthOfADayKeepsItsLink", func(t *testing.T) {
		for range 2 {
			got, err := h.invitations.Resend(me, i.ID)
			if err != nil || got.SentCount != 3 || got.Status != invitation.StatusPending {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		if _, n := h.token(t, "mo@example.net"); n != 3 {
			t.Errorf("%d mails", n)
		}
		if _, err := h.invitations.Preview(network(t.Context(), 5), now); err != nil {
			t.Errorf("the link that was mailed is dead: %v", err)
		}
	})
	h.exec(t, "update invitation set sent_count = 6 where id = $1", i.ID.UUID())
	if _, err := h.invitations.Resend(me, i.ID); why(err) != "sent_often" {
		t.Errorf("c: %v", err)
	}
}

// The clock ends an invitation, once in the ledger; sent again it may end again.
func TestUsers4_TheClockEndsInvitations(t *testing.T) {
	t.Parallel()
	h := open(t)
	i := h.invite(t, "mo@example.net")
	if _, err := h.invitations.InviteGuest(h.As(t.Context()), "guest@example.net"); err != nil {
		t.Fatal(err)
	}
	known := func() (n int) {
		t.Helper()
		if err := h.invitations.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.DB.QueryRow(t.Context(), "select count(*) from event where action = 'invitation.expired' and not audited and actor = 'system:invitations'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := known(); n != 0 {
		t.Errorf("%d ended before their time", n)
	}
	h.exec(t, "update invitation set expires_at = now() - interval '1 day'")
	if first, again := known(), known(); first != 2 || again != 2 {
		t.Errorf("%d, then %d", first, again)
	}
	if _, err := h.invitations.Resend(h.As(t.Context()), i.ID); err != nil {
		t.Fatal(err)
	}
	h.exec(t, "update invitation set expires_at = now() - interval '1 day'")
	if n := known(); n != 3 {
		t.Errorf("%d after it was sent again", n)
	}
}

func TestOrgs6_SeatsAreCountedAtAcceptance(t *testing.T) {
	t.Parallel()
	h := open(t)
	seats := int64(2)
	h.members.Seats = func(context.Context, ident.OrgID) (int64, bool) { return seats, true }
	come := func(name string) (context.Context, invitation.Ref) {
		_, user := h.Organization(t, name)
		i := h.invite(t, name+"@example.com")
		return network(spinetest.As(t.Context(), user), 1), invitation.Ref{ID: &i.ID}
	}
	ana, toAna := come("ana")
	ben, toBen := come("ben")
	if s, err := h.members.SeatsOf(h.As(t.Context()), h.Org); err != nil || s.Used != 1 || *s.Limit != 2 {
		t.Errorf("shown at sending: %+v, %v", s, err)
	}
	full := make(chan error, 2)
	var wg sync.WaitGroup
	for _, c := range []struct {
		ctx context.Context
		ref invitation.Ref
	}{{ana, toAna}, {ben, toBen}} {
		wg.Go(func() {
			if _, err := h.invitations.Accept(c.ctx, c.ref); err != nil {
				full <- err
			}
		})
	}
	wg.Wait()
	close(full)
	err := <-full
	if f := fault.All(err); len(f) != 1 || f[0].Code != fault.QuotaCode || f[0].Meta["metric"] != "seats" || f[0].Meta["limit"] != int64(2) {
		t.Errorf("f: %v", err)
	}
	if _, more := <-full; more {
		t.Error("f: nobody got the last seat")
	}
	left, err := h.invitations.Of(h.As(t.Context()), h.Org, new(invitation.StatusPending), page.Args{First: 10})
	if err != nil || len(left.Nodes) != 1 {
		t.Fatalf("f: the invitation did not stay: %+v, %v", left, err)
	}
	seats = 3
	who, ref := ana, toAna
	if left.Nodes[0].ID == *toBen.ID {
		who, ref = ben, toBen
	}
	if _, err := h.invitations.Accept(who, ref); err != nil {
		t.Errorf("with a free seat: %v", err)
	}
}

func TestUsers5_Preview(t *testing.T) {
	t.Parallel()
	h := open(t)
	i := h.invite(t, "ana.lopez@example.net")
	token, _ := h.token(t, "ana.lopez@example.net")
	for range 10 {
		p, err := h.invitations.Preview(network(t.Context(), 1), token)
		if err != nil || p.FirstNameGuess != "Ana" || p.LastNameGuess != "Lopez" || *p.OrganizationName != "acme" || p.InvitedBy != "acme" {
			t.Fatalf("c: %+v, %v", p, err)
		}
	}
	for n := range 21 {
		_, err := h.invitations.Preview(network(t.Context(), 2), secret.New("wrong"))
		if limited := fault.Is(err, fault.RateLimitedCode); limited != (n == 20) {
			t.Errorf("a: try %d: %v", n+1, err)
		}
	}
	same := func(name string) {
		t.Helper()
		_, err := h.invitations.Preview(network(t.Context(), 3), token)
		_, unknown := h.invitations.Preview(network(t.Context(), 3), secret.New("unknown"))
		if !fault.Is(err, fault.NotFoundCode) || fault.All(err)[0].Message != fault.All(unknown)[0].Message {
			t.Errorf("b: %s: %v, unknown: %v", name, err, unknown)
		}
	}
	h.exec(t, "update invitation set expires_at = now() - interval '1 day'")
	same("expired")
	h.exec(t, "update invitation set expires_at = now() + interval '1 day'")
	if err := h.invitations.Decline(network(t.Context(), 4), invitation.Ref{Token: token}); err != nil {
		t.Fatal(err)
	}
	same("declined")
	h.exec(t, "update invitation set declined_at = null")
	if _, err := h.invitations.Revoke(h.As(t.Context()), i.ID); err != nil {
		t.Fatal(err)
	}
	same("revoked")
}
