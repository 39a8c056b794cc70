package invitation_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/platform/invitation"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

// TestUsers3b_AndOrgs6_KnownAndUnknownAddressesDoEqualWork: whether an address has an account is to be read neither from the answer nor from the work: the same
// statements, the same number of mails, for a guest and for a member, at the first time and again.
func TestUsers3b_AndOrgs6_KnownAndUnknownAddressesDoEqualWork(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Organization(t, "known")
	d, asked := dbtest.Counted(t, h.DB)
	by := &door.Door{DB: d, Authz: h.Authz, Ledger: &event.Ledger{DB: d, Hub: h.Hub, Work: &work.Runner{DB: d}}, Vault: h.Vault, Hub: h.Hub}
	post := *h.invitations.Mail
	members := &membership.Service{DB: d, Door: by, Authz: h.Authz}
	s := &invitation.Service{DB: d, Door: by, Authz: h.Authz, Limit: limit.New(nil), Members: members, Console: "https://console.test",
		Mail: &mail.Service{DB: d, Door: by, Authz: h.Authz, Vault: h.Vault, Hub: h.Hub, Work: &work.Runner{DB: d}, Book: post.Book, Home: post.Home, From: post.From}}
	me := h.As(t.Context())
	invite := map[string]func(email string) (*invitation.Invitation, error){
		"Guest": func(email string) (*invitation.Invitation, error) { return s.InviteGuest(me, email) },
		"Member": func(email string) (*invitation.Invitation, error) {
			return s.InviteMember(me, invitation.InviteMemberInput{OrganizationID: h.Org, Email: &email})
		},
	}
	for name, call := range invite {
		cost := func(email string) string {
			t.Helper()
			_, before := h.token(t, email)
			asked.Take()
			i, err := call(email)
			work := strings.Join(asked.Take(), "\n")
			if err != nil {
				t.Fatalf("%s: %v", email, err)
			}
			_, after := h.token(t, email)
			return fmt.Sprintf("%s, sent %d times, %d mails\n%s", i.Status, i.SentCount, after-before, work)
		}
		if _, err := call(strings.ToLower(name) + "-warm@example.net"); err != nil { // keys and statements are prepared
			t.Fatal(err)
		}
		if known, unknown := cost("known@example.com"), cost("nobody@example.net"); known != unknown || !strings.Contains(known, ", 1 mails\n") || strings.Count(known, "\n") < 5 {
			t.Errorf("%s: a known address takes\n%s\n\nan unknown one\n%s", name, known, unknown)
		}
	}
	again := func(email string) string {
		t.Helper()
		asked.Take()
		if _, err := s.InviteGuest(me, email); err != nil {
			t.Fatal(err)
		}
		return strings.Join(asked.Take(), "\n")
	}
	if known, unknown := again("known@example.com"), again("nobody@example.net"); known != unknown {
		t.Errorf("again: a known address takes\n%s\n\nan unknown one\n%s", known, unknown)
	}
}
