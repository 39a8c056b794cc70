package factor_test

import (
	"slices"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
)

// TestPolicy_OperatorsHaveTwoFactors: who becomes an operator loses a session of one factor at once, adds a factor that is not sent before the next session, and
// from then on has sessions of two.
func TestPolicy_OperatorsHaveTwoFactors(t *testing.T) {
	t.Parallel()
	n := found(t)
	before := n.password(t).Cookie
	n.in(t, before)
	if _, err := n.DB.Exec(t.Context(), "insert into user_platform_role (user_id, role, granted_by, granted_at) values ($1, 'OPERATIONS', 'system:test', now())", n.User.UUID()); err != nil {
		t.Fatal(err)
	}
	n.sessions.Forget()
	if s, err := n.sessions.Resolve(t.Context(), before.Reveal()); s != nil || err != nil {
		t.Errorf("a session of one factor went on as an operator's: %+v, %v", s, err)
	}
	next := n.password(t)
	if next.Required == nil || !next.Required.EnrolmentRequired || !next.Cookie.IsZero() || !slices.Equal(next.Required.Kinds, []factor.MfaKind{factor.Passkey, factor.TOTP}) {
		t.Fatalf("an operator's password led to %+v, %+v", next, next.Required)
	}
	token := next.Required.MfaToken
	again, err := n.factors.InProgress(n.stranger(t), token)
	if err != nil || !again.EnrolmentRequired || !slices.Equal(again.Kinds, next.Required.Kinds) {
		t.Errorf("the page that was loaded anew: %+v, %v", again, err)
	}
	if err := n.factors.SendEnrolmentCode(n.stranger(t), token); err != nil {
		t.Fatal(err)
	}
	code := new(secret.New(n.mailed(t, "mfa_code")))
	_, err = n.factors.Associate(n.stranger(t), factor.Association{Kind: factor.MailCode, Token: &token, EmailCode: code})
	expect(t, err, "INVALID policy")
	a, err := n.factors.Associate(n.stranger(t), factor.Association{Kind: factor.TOTP, Token: &token, EmailCode: code})
	if err != nil {
		t.Fatal(err)
	}
	c, err := n.factors.Confirm(n.stranger(t), factor.Browser, a.AuthenticatorID, n.code(t, a.Secret.Reveal()), &token)
	if err != nil || c.Result == nil || c.Result.Cookie.IsZero() {
		t.Fatalf("%+v, %v", c, err)
	}
	if s, _ := n.sessions.Resolve(t.Context(), c.Result.Cookie.Reveal()); s == nil || s.Aal != 2 || !s.Operator {
		t.Errorf("the session: %+v", s)
	}
	me := n.in(t, c.Result.Cookie)
	state, err := n.factors.State(me)
	if err != nil || !state.Enabled || !state.Required || !slices.Equal(state.Kinds, []factor.MfaKind{factor.Passkey}) {
		t.Errorf("how the factors stand: %+v, %v", state, err)
	}
	expect(t, n.factors.Disassociate(me, a.AuthenticatorID), "FORBIDDEN policy")
}
