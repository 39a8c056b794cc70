package resolvers_test

import (
	"context"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/pquerna/otp/hotp"
)

// tryFactors adds an authenticator app, signs a program in with it, steps up and removes it: by the console's documents, and by text what programs alone ask.
func (s *server) tryFactors(t *testing.T, done map[string]bool, call func(who, name, text string, v vars) map[string]any) {
	t.Helper()
	now := func() uint64 { return uint64(s.DB.Now().Unix() / 30) }
	code := func(secret string, step uint64) string {
		t.Helper()
		c, err := hotp.GenerateCode(secret, step)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	text := func(name, body string, v vars) map[string]any {
		t.Helper()
		done[name] = true
		a := s.send(t, "", vars{"query": body, "variables": v})
		if len(a.Errors) > 0 || a.Data == nil {
			t.Fatalf("%s: %s", name, a.raw)
		}
		return a.Data
	}
	login := func() string {
		t.Helper()
		ctx := authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: "192.0.2.1"})
		next, err := door.Do(ctx, s.Door, door.Change[struct{}, *factor.Next]{Action: door.Action{Name: "test.sign_in", Public: true}, Do: func(ctx context.Context, e *door.Effect, _ struct{}) (*factor.Next, error) {
			e.Quiet()
			return s.factors.After(ctx, e, factor.First{User: s.User, Amr: []string{"pwd"}, Form: factor.Program})
		}}, struct{}{})
		if err != nil || next.Required == nil {
			t.Fatalf("%+v, %v", next, err)
		}
		return next.Required.MfaToken.Reveal()
	}

	added := at(t, call("person", "associateMfaAuthenticator", " associateMfaAuthenticator(", vars{"kind": "TOTP"}), "associateMfaAuthenticator")
	app, plain := at(t, added, "authenticatorId").(string), at(t, added, "secret").(string)
	if codes := at(t, added, "recoveryCodes").([]any); len(codes) != 10 || at(t, added, "webauthnCreationOptions") != nil {
		t.Errorf("%v", added)
	}
	confirmed := call("person", "confirmMfaAuthenticator", "confirmMfaAuthenticator(", vars{"id": app, "proof": vars{"code": code(plain, now()-1)}})
	if n := len(at(t, confirmed, "confirmMfaAuthenticator", "authenticators").([]any)); n != 2 {
		t.Errorf("%v", confirmed)
	}
	s.let("person", authz.Principal{Kind: authz.USER, UserID: s.User, SessionID: s.caller("person").SessionID, OrgID: s.Org, AuthTime: time.Now(), AAL: 2})
	if list := at(t, call("person", "mfaAuthenticators", "query ProofQuery", nil), "mfaAuthenticators").([]any); len(list) != 2 {
		t.Errorf("%v", list)
	}
	if how := at(t, call("person", "identity", "query FactorsRefetchQuery", nil), "identity"); at(t, how, "mfaEnabled") != true || at(t, how, "recoveryCodesLeft") != 10.0 {
		t.Errorf("%v", how)
	}
	call("person", "renameMfaAuthenticator", "renameMfaAuthenticator(", vars{"id": app, "label": "Telephone"})
	call("person", "challengeStepUp", "challengeStepUp(", vars{"id": app})

	token := login()
	call("", "challengeMfaAuthenticator", "challengeMfaAuthenticator(", vars{"id": app, "token": token})
	verify := `mutation($id: ID!, $proof: MfaProof!, $t: Secret!) { verifyMfaAuthenticator(authenticatorId: $id, proof: $proof, mfaToken: $t) { __typename } }`
	if wrong := s.send(t, "", vars{"query": verify, "variables": vars{"id": app, "proof": vars{"code": "x"}, "t": token}}); len(wrong.Errors) != 1 || wrong.Errors[0].Extensions["reason"] != "factor_wrong" {
		t.Errorf("%s", wrong.raw)
	}
	text("verifyMfaAuthenticator", verify, vars{"id": app, "proof": vars{"code": code(plain, now())}, "t": token})

	call("person", "regenerateRecoveryCodes", "regenerateRecoveryCodes", nil)
	call("person", "disassociateMfaAuthenticator", "disassociateMfaAuthenticator(", vars{"id": app})
	call("person", "setMfaEnabled", "setMfaEnabled(", vars{"enabled": false})
	if _, err := s.DB.Exec(t.Context(), `update organization set mfa_policy = '{"required":true}' where id = $1`, s.Org.UUID()); err != nil {
		t.Fatal(err)
	}
	text("sendMfaEnrolmentCode", `mutation($t: Secret!) { sendMfaEnrolmentCode(mfaToken: $t) { accepted } }`, vars{"t": login()})
	if _, err := s.DB.Exec(t.Context(), `update organization set mfa_policy = '{}' where id = $1`, s.Org.UUID()); err != nil {
		t.Fatal(err)
	}
}
