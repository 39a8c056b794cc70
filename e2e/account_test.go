package e2e_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// TestPwd_SignUp (Pwd.1, 2, 3): a stranger registers in the console, corrects mistakes, confirms by the mail's link, signs in and is at home in an
// organization of their own. Another one confirms by the code, and a third reads the mail in another browser and chooses a password there.
func TestPwd_SignUp(t *testing.T) {
	browse(t, "SignUp")
}

// TestPwd_ForgottenPassword (Pwd.4, 5, 6, 7): the mailed link sets a new password once, and every former session is dead.
func TestPwd_ForgottenPassword(t *testing.T) {
	browse(t, "ResetPassword")
}

// TestIdentities1_Security (Identities.1, BFF.Auth.3b): a person changes the password, ends another browser, which is out at once, and signs out everywhere.
func TestIdentities1_Security(t *testing.T) {
	browse(t, "Security")
}

// TestProfiles_InTheConsole (Profiles.1, 2, 5): names, zone and address in two tabs, a number proven by a code, another address that the former one takes back,
// and the end of an account. On a phone, in the dark, in four languages.
func TestProfiles_InTheConsole(t *testing.T) {
	browse(t, "Profile")
}

// TestFirstRun_FromNothingToTheWidget: a new developer registers, confirms by mail, names an organization, makes an application and sees the widget on the demo
// page, by keyboard and within two minutes. The first steps follow what really happened.
func TestFirstRun_FromNothingToTheWidget(t *testing.T) {
	browse(t, "FirstRun")
}

// TestBFFAuth2_TwoTabs (BFF.Auth.1b, 2a): in a real browser, sessions of fifteen seconds stay alive for who works in two tabs, one of which refreshes for both.
func TestBFFAuth2_TwoTabs(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.App.Sessions.Idle = 15 * time.Second
	h.Browser(t, "Tabs", map[string]string{"sessionSeconds": "15"})
}

// TestPrograms_InTheConsole (APIKeys.2, 3, Machines.1, Audits.2): machines and their keys, one's own activity, and the audit log with proof, tail and export; wide
// and on a phone, light and dark, in four languages, by keyboard where something is changed.
func TestPrograms_InTheConsole(t *testing.T) {
	browse(t, "Programs")
}

// TestMFA2a_InTheConsole: a code by text message is offered to who has a verified number, added, asked for at the next sign-in, and removed.
func TestMFA2a_InTheConsole(t *testing.T) {
	browse(t, "TextMessage")
}

// TestUsers6_TwoTabsInTwoOrganizations (Users.6, 7, BFF.Auth.2, Orgs.7): one person works in two tabs, each in an organization of its own. What is made, chosen and
// lost in one tab stays there; signing out ends both.
func TestUsers6_TwoTabsInTwoOrganizations(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	bakery := h.Tenant("bakery")
	err := h.App.Door.System(t.Context(), "test", bakery.Org, func(ctx context.Context, e *door.Effect) error {
		_, err := h.App.Members.JoinTx(ctx, e, bakery.Org, h.User, []authz.Role{authz.Member, authz.Owner})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		baker := authz.With(r.Context(), authz.Principal{Kind: authz.USER, UserID: bakery.User, OrgID: bakery.Org, AuthTime: h.App.DB.Now(), AAL: 1, RequestID: "test", Locale: "en"})
		if err := h.App.Members.Remove(baker, membership.Ref{OrganizationID: bakery.Org, UserID: h.User}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(out.Close)
	h.Browser(t, "TwoOrganizations", map[string]string{"remove": out.URL})
}
