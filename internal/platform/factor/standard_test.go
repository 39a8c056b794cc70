package factor_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
)

// What OWASP ASVS 5.0 asks of factors and no row says. docs/asvs.md has the list.

// Not parallel: it counts the hashes of the whole process.
func TestRecoveryCodes_AreStoredAsPasswordsAre(t *testing.T) {
	n := found(t)
	_, _, codes := n.withApp(t)
	if hashed := n.count(t, "select count(*) from recovery_code where phc like '$argon2id$v=19$m=47104,t=1,p=1$%'"); hashed != len(codes) || hashed != 10 {
		t.Errorf("%d of %d codes are stored as argon2id", hashed, len(codes))
	}
	next := n.password(t)
	paper := next.Required.Authenticators[1].ID
	digits := codes[3].Reveal()[:2] // they say which row it would be, so that a try costs one hash and not ten
	for name, code := range map[string]string{"Wrong": digits + "-AAAA-AAAA-AAAA", "Right": codes[3].Reveal()} {
		before := credential.Hashed()
		_, err := n.factors.Verify(n.stranger(t), factor.Browser, next.Required.MfaToken, paper, typed(code))
		if hashes := credential.Hashed() - before; hashes != 1 || (err == nil) != (name == "Right") {
			t.Errorf("%s: %d hashes, %v", name, hashes, err)
		}
		if name == "Right" {
			break // it ends the sign-in
		}
	}
}

func TestPasskeys_ChallengesNeverRepeat(t *testing.T) {
	t.Parallel()
	n := found(t)
	seen := map[string]bool{}
	for range 20 {
		c, err := n.factors.BeginPasskey(n.stranger(t), secret.String{})
		if err != nil {
			t.Fatal(err)
		}
		var o struct {
			Challenge, UserVerification string
			PublicKey                   struct{ Challenge, UserVerification string }
		}
		if err := json.Unmarshal(c.Options, &o); err != nil {
			t.Fatal(err)
		}
		challenge, verification := o.Challenge+o.PublicKey.Challenge, o.UserVerification+o.PublicKey.UserVerification
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(challenge, "="))
		if err != nil || len(raw) < 32 || seen[challenge] || verification != "required" {
			t.Fatalf("%s: %d bytes, user verification %q, %v", c.Options, len(raw), verification, err)
		}
		seen[challenge] = true
	}
}

// TestSentCodes_CanBeSwitchedOffAndAreNeverAnOperators: mail and telephone are weak factors (ASVS 6.3.6, 6.6.1).
func TestSentCodes_CanBeSwitchedOffAndAreNeverAnOperators(t *testing.T) {
	t.Parallel()
	n := found(t)
	if _, err := n.DB.Exec(t.Context(), "update user_profile set phone = '+4915112345678', phone_verified_at = now() where user_id = $1", n.User.UUID()); err != nil {
		t.Fatal(err)
	}
	ctx := n.in(t, n.password(t).Cookie)
	for _, kind := range []factor.MfaKind{factor.MailCode, factor.SMSCode} {
		n.factors.Oob = false
		_, err := n.factors.Associate(ctx, factor.Association{Kind: kind})
		expect(t, err, "INVALID oob_off")
	}
	n.factors.Oob = true
	if _, err := n.DB.Exec(t.Context(), "insert into user_platform_role (user_id, role, granted_by, granted_at) values ($1, 'OPERATIONS', 'test', now())", n.User.UUID()); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []factor.MfaKind{factor.MailCode, factor.SMSCode} {
		if a, err := n.factors.Associate(ctx, factor.Association{Kind: kind}); err == nil {
			t.Errorf("an operator adds %s: %+v", kind, a)
		}
	}
	if _, err := n.factors.Associate(ctx, factor.Association{Kind: factor.TOTP}); err != nil {
		t.Errorf("an app: %v", err)
	}
}
