package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/invitation"
	"github.com/nameplate-dev/nameplate/internal/platform/recovery"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// TestStepUp_OfAProgram: a program whose sign-in is not fresh any more is refused where a proof is asked for, proves with stepUp (the password while there is no
// factor, the factor as soon as there is one), and goes on with the tokens that it has.
func TestStepUp_OfAProgram(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	ahead := time.Duration(0)
	h.DB.SetClock(func() time.Time { return time.Now().Add(ahead) })
	stranger := authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: "198.51.100.7", RequestID: "test"})
	made, err := h.Credentials.AuthenticatePassword(stranger, credential.AuthenticatePasswordInput{Username: "owner@acme.example", Password: secret.New(ssoPassword), Client: new("Backup")})
	if err != nil {
		t.Fatal(err)
	}
	tokens := made.(*credential.TokensIssued).Tokens
	program := func() context.Context {
		t.Helper()
		p, err := h.Sessions.Authenticate(t.Context(), tokens.Access)
		if err != nil {
			t.Fatal(err)
		}
		return authz.With(t.Context(), p.About(authz.From(stranger)))
	}
	create := func() error {
		t.Helper()
		_, err := h.Keys.Create(program(), apikey.CreateApiKeyInput{Description: "made by a program", OrganizationID: &h.org})
		return err
	}
	if err := create(); err != nil {
		t.Errorf("right after the sign-in: %v", err)
	}
	ahead = 11 * time.Minute
	if err := create(); reasonOf(err) != "STEP_UP_REQUIRED " {
		t.Fatalf("eleven minutes later: %v", err)
	}
	for name, c := range map[string]struct {
		ctx   context.Context
		proof factor.StepUpProof
		want  string
	}{
		"Wrong":   {program(), factor.StepUpProof{Password: new(secret.New("wrong horse battery"))}, "INVALID password_wrong"},
		"Nothing": {program(), factor.StepUpProof{}, "INVALID exactly_one"},
		"Two":     {program(), factor.StepUpProof{Password: new(secret.New(ssoPassword)), Totp: new(secret.New("123456"))}, "INVALID exactly_one"},
		"Nobody":  {stranger, factor.StepUpProof{Password: new(secret.New(ssoPassword))}, "UNAUTHENTICATED "},
	} {
		if _, err := h.Credentials.Prove(c.ctx, c.proof); reasonOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	now, err := h.Credentials.Prove(program(), factor.StepUpProof{Password: new(secret.New(ssoPassword))})
	if err != nil || now.Kind != session.Program || now.SteppedUpAt == nil || h.DB.Now().Sub(*now.SteppedUpAt) > time.Minute || now.Aal != 1 {
		t.Fatalf("%+v, %v", now, err)
	}
	if err := create(); err != nil {
		t.Errorf("after the proof, with the same tokens: %v", err)
	}
	plain := addTOTP(t, h, program())
	ahead = 14 * time.Minute
	if _, err := h.Credentials.Prove(program(), factor.StepUpProof{Password: new(secret.New(ssoPassword))}); reasonOf(err) != "INVALID factor_needed" {
		t.Errorf("the password beside a factor: %v", err)
	}
	now, err = h.Credentials.Prove(program(), factor.StepUpProof{Totp: totpAt(t, plain, h.DB.Now())})
	if err != nil || now.Aal != 2 || !slices.Contains(now.Amr, "mfa") {
		t.Fatalf("%+v, %v", now, err)
	}
	in, err := h.Credentials.SignIn(stranger, "owner@acme.example", secret.New(ssoPassword))
	if err != nil || in.Required == nil {
		t.Fatalf("a browser's sign-in asks for no factor: %+v, %v", in, err)
	}
	ahead = 16 * time.Minute
	next, err := h.Factors.Verify(stranger, factor.Browser, in.Required.MfaToken, in.Required.Authenticators[0].ID, factor.MfaProof{Code: totpAt(t, plain, h.DB.Now())})
	if err != nil {
		t.Fatal(err)
	}
	browser := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: h.owner, SessionID: next.Session, AuthTime: h.DB.Now(), AAL: 2})
	if _, err := h.Credentials.Prove(browser, factor.StepUpProof{Totp: new(secret.New("123456"))}); reasonOf(err) != "FORBIDDEN browser_step_up" {
		t.Errorf("a browser: %v", err)
	}
}

// BFF.Auth.1c: the second step is asked of the same page. What joins it to the first is a cookie that no script reads, and nobody is signed in between them.
func TestBFFAuth1c_SecondFactorOnTheSamePage(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	ahead := time.Duration(0)
	h.DB.SetClock(func() time.Time { return time.Now().Add(ahead) })
	plain := addTOTP(t, h, h.as(t.Context(), h.owner))
	ahead = time.Minute
	body := `{"username":"owner@acme.example","password":"` + ssoPassword + `"}`
	v := h.visitor()
	first := v.send(t, http.MethodPost, "/auth/sign-in", "application/json", body)
	said, cookies := text(t, first), strings.Join(first.Header.Values("Set-Cookie"), "\n")
	if first.StatusCode != http.StatusOK || !strings.Contains(said, `"mfa_required"`) || v.signedIn() {
		t.Fatalf("%d %s", first.StatusCode, said)
	}
	for _, flag := range []string{"__Host-np_m=npm_", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"} {
		if !strings.Contains(cookies, flag) {
			t.Errorf("it lacks %s: %s", flag, cookies)
		}
	}
	login := v.cookies["__Host-np_m"]
	if strings.Contains(said, login) || strings.Contains(cookies, "__Host-np_s") {
		t.Errorf("the page holds the sign-in, or the browser a session: %s %s", said, cookies)
	}
	var asked struct{ Authenticators []struct{ ID, Kind string } }
	if err := json.Unmarshal([]byte(said), &asked); err != nil || len(asked.Authenticators) == 0 {
		t.Fatalf("%s, %v", said, err)
	}
	id := asked.Authenticators[slices.IndexFunc(asked.Authenticators, func(a struct{ ID, Kind string }) bool { return a.Kind == "TOTP" })].ID
	second := func(v *visitor, code string) (int, string) {
		return v.json(t, "/auth/mfa/verify", `{"authenticatorId":"`+id+`","code":"`+code+`"}`)
	}
	code := totpAt(t, plain, h.DB.Now()).Reveal()
	if status, got := second(h.visitor(), code); status == http.StatusOK {
		t.Errorf("the right code in a browser that gave no password: %s", got)
	}
	if status, got := second(v, "000 00x"); status == http.StatusOK || v.signedIn() {
		t.Errorf("a wrong code: %s", got)
	}
	if status, got := second(v, code); status != http.StatusOK || !strings.Contains(got, `"signed_in"`) || !v.signedIn() || v.cookies["__Host-np_m"] != "" {
		t.Errorf("the right code: %d %s", status, got)
	}
	again := h.visitor()
	again.cookies["__Host-np_m"] = login
	if status, got := second(again, code); status == http.StatusOK || again.signedIn() {
		t.Errorf("the sign-in, played again: %s", got)
	}
}

// Pwd.7d: a new password ends sessions and the programs that signed in, and leaves API keys alone.
func TestPwd7d_KeysStay(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	stranger := authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: "198.51.100.7", RequestID: "test", Locale: "en"})
	key, err := h.Keys.Create(h.as(t.Context(), h.owner), apikey.CreateApiKeyInput{Description: "stays", OrganizationID: &h.org})
	if err != nil {
		t.Fatal(err)
	}
	made, err := h.Credentials.AuthenticatePassword(stranger, credential.AuthenticatePasswordInput{Username: "owner@acme.example", Password: secret.New(ssoPassword)})
	if err != nil {
		t.Fatal(err)
	}
	tokens := made.(*credential.TokensIssued).Tokens
	token := secret.Random("")
	if _, err := h.DB.Exec(t.Context(), "insert into password_reset (id, user_id, token_hash, created_at, expires_at) values ($1, $2, $3, now(), now() + interval '10 minutes')", ident.V7(h.DB.Now()), h.owner.UUID(), token.Hash()); err != nil {
		t.Fatal(err)
	}
	if err := h.Recoveries.Complete(stranger, recovery.Completion{Token: token, Password: secret.New("another walk by the sea")}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Keys.Authenticate(t.Context(), key.Secret, ""); err != nil {
		t.Errorf("the key: %v", err)
	}
	if _, err := h.Sessions.Authenticate(t.Context(), tokens.Access); reasonOf(err) != "UNAUTHENTICATED token_invalid" {
		t.Errorf("a program's access token: %v", err)
	}
	if _, err := h.Sessions.Refresh(stranger, tokens.Refresh); reasonOf(err) != "UNAUTHENTICATED token_invalid" {
		t.Errorf("a program's refresh token: %v", err)
	}
}

// addTOTP gives a person in a fresh session an app's codes, and answers their secret.
func addTOTP(t *testing.T, h *ssoHouse, ctx context.Context) string {
	t.Helper()
	a, err := h.Factors.Associate(ctx, factor.Association{Kind: factor.TOTP})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Factors.Confirm(ctx, factor.Program, a.AuthenticatorID, factor.MfaProof{Code: totpAt(t, a.Secret.Reveal(), h.DB.Now())}, nil); err != nil {
		t.Fatal(err)
	}
	return a.Secret.Reveal()
}

func totpAt(t *testing.T, plain string, at time.Time) *secret.String {
	t.Helper()
	c, err := hotp.GenerateCodeCustom(plain, uint64(at.Unix()/30), hotp.ValidateOpts{Digits: otp.DigitsSix})
	if err != nil {
		t.Fatal(err)
	}
	return new(secret.New(c))
}

// TestPwd1b_ThePersonReadsOfTheGuesses: whoever guesses waits alone, and the person reads of it with the next sign-in, at most once an hour.
func TestPwd1b_ThePersonReadsOfTheGuesses(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	from := func(n int) context.Context {
		return authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: fmt.Sprintf("198.51.100.%d", n), RequestID: "test"})
	}
	for range 5 {
		if _, err := h.Credentials.SignIn(from(7), "owner@acme.example", secret.New("wrong horse battery")); reasonOf(err) != "UNAUTHENTICATED credentials" {
			t.Fatal(err)
		}
	}
	for n := range 3 {
		if _, err := h.Credentials.SignIn(from(20+n), "owner@acme.example", secret.New(ssoPassword)); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.count(t, "outbound_message where template = 'sign_in_blocked' and recipient = 'owner@acme.example'"); n != 1 && n != 2 { // 2 where an hour began meanwhile
		t.Errorf("%d mails about the guesses", n)
	}
}

// TestFreshInstallation_HasNobody: no account, no key and no service account exist before somebody makes one (OWASP ASVS 5.0, 6.3.2).
func TestFreshInstallation_HasNobody(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	if _, err := Build(t.Context(), Settings{Profile: "lab", KEK: "file:" + t.TempDir() + "/kek", ConsoleOrigin: ssoOrigin, Edge: EdgeSettings{Zone: "edge.lab"}}, d, nil, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"app_user", "user_profile", "password_credential", "api_key", "service_account", "organization", "session", "token_family", "sso_provider", "user_platform_role"} {
		var n int
		if err := d.QueryRow(t.Context(), "select count(*) from "+table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s has %d rows, %v", table, n, err)
		}
	}
}

// TestPwd2c_InvitationOfAnotherAddress: somebody registers with the link of an invitation that went to another address. The account is made, and the owner of the
// organization, which takes people of its own mail domain alone, sees who that was and decides.
func TestPwd2c_InvitationOfAnotherAddress(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	owner := h.as(t.Context(), h.owner)
	if _, err := h.DB.Exec(t.Context(), "update organization set email_domains = '{acme.example}' where id = $1", h.org.UUID()); err != nil {
		t.Fatal(err)
	}
	invited, err := h.Invitations.InviteMember(owner, invitation.InviteMemberInput{OrganizationID: h.org, Email: new("dan@acme.example"), Roles: []authz.Role{authz.Member}})
	if err != nil {
		t.Fatal(err)
	}
	token, confirm := secret.Random(""), secret.Random("")
	if _, err := h.DB.Exec(t.Context(), "update invitation set token_hash = $2 where id = $1", invited.ID.UUID(), token.Hash()); err != nil {
		t.Fatal(err)
	}
	stranger := authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: "2001:db8:c::/64", Locale: "en", RequestID: "test"})
	made, err := h.Registrations.Register(stranger, registration.RegisterPersonInput{Email: "eve@elsewhere.example", Password: secret.New("a bird on the wire"), FirstName: "Eve", LastName: "Else", TermsAccepted: true, InvitationToken: token})
	if err != nil || !made.Accepted {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := h.DB.Exec(t.Context(), "update registration set token_hash = $1 where email = 'eve@elsewhere.example'", confirm.Hash()); err != nil {
		t.Fatal(err)
	}
	if err := h.Registrations.Confirm(stranger, registration.Confirmation{Token: confirm, Binding: made.Binding}); err != nil {
		t.Fatal(err)
	}
	eve := h.userOf(t, "eve@elsewhere.example")
	members := func() int {
		return h.count(t, "membership where org_id = $1 and user_id = $2", h.org.UUID(), eve.UUID())
	}
	if own := h.count(t, "organization where created_by = $1 and ownership = 'PERSONAL'", eve.UUID()); own != 1 || members() != 0 {
		t.Fatalf("%d organizations of their own, %d memberships in the other", own, members())
	}
	waiting, err := h.Invitations.Of(owner, h.org, new(invitation.StatusAwaitingConfirmation), page.Args{First: 10})
	if err != nil || len(waiting.Nodes) != 1 || waiting.Nodes[0].Email != "dan@acme.example" || waiting.Nodes[0].AcceptedEmail == nil || *waiting.Nodes[0].AcceptedEmail != "eve@elsewhere.example" {
		t.Fatalf("what the owner sees: %+v, %v", waiting, err)
	}
	if _, err := h.Invitations.Confirm(owner, invited.ID, true); err != nil || members() != 1 {
		t.Errorf("%d memberships after the owner's word: %v", members(), err)
	}
}
