package e2e_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// aged answers the address at which a journey makes its sign-in an hour old, so that what is sensitive asks for a fresh proof.
func aged(t *testing.T, h *harness.House) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := h.App.DB.Exec(r.Context(), "update session set auth_time = auth_time - interval '1 hour'"); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
		h.App.Sessions.Forget()
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestMFA_InTheConsole (MFA.1 to MFA.7): an app is added, asked for, replaced by a recovery code or a mailed one, and removed; what is sensitive asks for a
// fresh proof and then runs by itself.
func TestMFA_InTheConsole(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Browser(t, "SecondFactor", map[string]string{"makeStale": aged(t, h)})
}

// TestMFA_Passkeys (MFA.2, 3, 7b): a passkey of a virtual authenticator signs in alone, after a password, and before what is sensitive; a lost one is replaced.
func TestMFA_Passkeys(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Browser(t, "Passkeys", map[string]string{"makeStale": aged(t, h)})
}

// TestMFA_DemandedAtTheSignIn (MFA.2, PF-SES-7): where an organization demands a factor, it is added before the session, or in place after one has ended.
func TestMFA_DemandedAtTheSignIn(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	guest, busy := h.Tenant("guest"), h.Tenant("busy")
	err := h.App.Door.System(t.Context(), "test", h.Org, func(ctx context.Context, e *door.Effect) error {
		for _, user := range []ident.UserID{guest.User, busy.User} {
			if _, err := h.App.Members.JoinTx(ctx, e, h.Org, user, []authz.Role{authz.Member}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Browser(t, "Enforced", map[string]string{"guestEmail": guest.Email, "guestPassword": guest.Password, "busyEmail": busy.Email, "busyPassword": busy.Password})
}
