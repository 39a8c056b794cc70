package factor_test

import (
	"slices"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/platform/factor"
)

// TestIdentities1a_CountsFollowEnrolmentAndUse: what a person reads of how they sign in is how it stands now.
func TestIdentities1a_CountsFollowEnrolmentAndUse(t *testing.T) {
	t.Parallel()
	n := found(t)
	first := n.password(t)
	ctx := n.in(t, first.Cookie)
	again := func() { ctx = n.in(t, first.Cookie) } // the session as it stands now
	stands := func(situation string, enabled bool, passkeys, codes int32) {
		t.Helper()
		i, err := n.credentials.Identity(ctx)
		if err != nil || !i.HasPassword || i.PasswordChangedAt == nil || i.MfaEnabled != enabled || i.PasskeyCount != passkeys || i.RecoveryCodesLeft != codes {
			t.Errorf("%s: %+v, %v", situation, i, err)
		}
	}
	stands("at first", false, 0, 0)
	begun, err := n.factors.Associate(ctx, factor.Association{Kind: factor.TOTP})
	if err != nil {
		t.Fatal(err)
	}
	stands("with one that is not confirmed", false, 0, 0)
	if _, err := n.factors.Confirm(ctx, factor.Browser, begun.AuthenticatorID, n.code(t, begun.Secret.Reveal()), nil); err != nil {
		t.Fatal(err)
	}
	again()
	stands("with an app", true, 0, 10)
	key := n.addKey(t, ctx, newSoftKey(t))
	n.addKey(t, ctx, newSoftKey(t))
	stands("with two passkeys", true, 2, 10)
	next := n.password(t)
	at := slices.IndexFunc(next.Required.Authenticators, func(a *factor.MfaAuthenticator) bool { return a.Kind == factor.RecoveryCodes })
	if _, err := n.factors.Verify(n.stranger(t), factor.Browser, next.Required.MfaToken, next.Required.Authenticators[at].ID, typed(begun.RecoveryCodes[3].Reveal())); err != nil {
		t.Fatal(err)
	}
	stands("after a recovery code", true, 2, 9)
	if err := n.factors.Disassociate(ctx, key); err != nil {
		t.Fatal(err)
	}
	stands("without one passkey", true, 1, 9)
	if err := n.factors.SetEnabled(ctx, false); err != nil {
		t.Fatal(err)
	}
	stands("switched off", false, 0, 0)
}
