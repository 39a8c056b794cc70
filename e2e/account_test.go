package e2e_test

import (
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestPwd_SignUp (Pwd.1, 2, 3): a stranger registers in the console, corrects mistakes, confirms by the mail's link, signs in and is at home in an
// organization of their own. Another one confirms by the code, and a third reads the mail in another browser and chooses a password there.
func TestPwd_SignUp(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Browser(t, "SignUp", nil)
}

// TestPwd_ForgottenPassword (Pwd.4, 5, 6, 7): the mailed link sets a new password once, and every former session is dead.
func TestPwd_ForgottenPassword(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Browser(t, "ResetPassword", nil)
}

// TestIdentities1_Security (Identities.1, BFF.Auth.3b): a person changes the password, ends another browser, which is out at once, and signs out everywhere.
func TestIdentities1_Security(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Browser(t, "Security", nil)
}
