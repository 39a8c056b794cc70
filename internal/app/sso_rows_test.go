package app

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/invitation"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/ssotest"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

func (h *ssoHouse) actions(t *testing.T) (out []string) {
	t.Helper()
	rows, err := h.DB.Query(t.Context(), "select action from event order by id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var a string
		if err := rows.Scan(&a); err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

// userOf is the account with an address.
func (h *ssoHouse) userOf(t *testing.T, email string) ident.UserID {
	t.Helper()
	var id ident.UserID
	var raw [16]byte
	if err := h.DB.QueryRow(t.Context(), "select user_id from user_profile where email = $1", email).Scan(&raw); err != nil {
		t.Fatalf("%s: %v", email, err)
	}
	id = ident.From[ident.UserID](raw)
	return id
}

// person registers somebody with the password of the house.
func (h *ssoHouse) somebody(t *testing.T, email, slug string) (ident.UserID, ident.OrgID) {
	t.Helper()
	user, org, err := h.CreateDeveloper(t.Context(), Developer{Email: email, Name: "Some Body", Password: secret.New(ssoPassword), Organization: slug, Slug: slug})
	if err != nil {
		t.Fatal(err)
	}
	return user, org
}

func reasonOf(err error) string {
	if all := fault.All(err); len(all) > 0 {
		return string(all[0].Code) + " " + all[0].Reason
	}
	return fmt.Sprint(err)
}

func TestSSO1_Journey(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	peer := ssotest.Start(t)
	h.installed(t, peer, "peer", false)
	peer.Mailed("ada", "ada@lovelace.example")

	v := h.visitor()
	to := v.begin(t, "/auth/sso/peer", url.Values{"returnTo": {"/acme/apps?x=1"}, "email": {"ada@lovelace.example"}})
	at, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := at.Query()
	if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) != 43 || len(q.Get("nonce")) != 43 || q.Get("login_hint") != "ada@lovelace.example" ||
		q.Get("redirect_uri") != ssoOrigin+"/auth/sso/callback/peer" || q.Get("max_age") != "" {
		t.Fatalf("a: the journey begins at %s", to)
	}
	back := ssotest.Visit(t, to)
	stolen := h.visitor() // b: somebody else's browser, with the address of the return
	if to := stolen.back(t, back); to != "/login?sso=expired" || stolen.signedIn() {
		t.Errorf("b: another browser is sent to %s", to)
	}
	stranger := h.visitor()
	_ = stranger.begin(t, "/auth/sso/peer", nil)
	if to := stranger.back(t, back); to != "/login?sso=expired" {
		t.Errorf("b: another browser with a journey of its own is sent to %s", to)
	}
	if to := v.back(t, back); to != "/login/sso" || v.signedIn() {
		t.Fatalf("a: somebody new is sent to %s", to)
	}
	if to := v.back(t, back); to != "/login?sso=expired" {
		t.Errorf("b: the second use of a state leads to %s", to)
	}
	if n := peer.Asked("/token"); n != 1 {
		t.Errorf("b: the code was sent %d times", n)
	}
	if status, body := v.json(t, "/auth/sso/finish", "{}"); status != 200 || !strings.Contains(body, `"result":"terms"`) || !strings.Contains(body, "ada@lovelace.example") || !strings.Contains(body, "Ada Lovelace") {
		t.Fatalf("what waits: %d %s", status, body)
	}
	if n := h.count(t, "app_user"); n != 1 {
		t.Fatalf("%d accounts before the terms", n)
	}
	if status, body := stolen.json(t, "/auth/sso/finish", `{"termsAccepted":true}`); status != http.StatusNotFound {
		t.Errorf("b: another browser finishes: %d %s", status, body)
	}
	status, body := v.json(t, "/auth/sso/finish", `{"termsAccepted":true,"timezone":"Europe/Paris"}`)
	if status != 200 || !strings.Contains(body, `"page":"/acme/apps?x=1"`) || !v.signedIn() {
		t.Fatalf("a: finish: %d %s", status, body)
	}
	ada := h.userOf(t, "ada@lovelace.example")
	if me := v.learn(t); !strings.Contains(me, ada.String()) {
		t.Errorf("a: signed in as %s", me)
	}
	if n := h.count(t, "password_credential where user_id = $1", ada.UUID()); n != 0 {
		t.Error("a: a password from nowhere")
	}
	if n := h.count(t, "terms_acceptance where user_id = $1", ada.UUID()); n != 1 {
		t.Error("a: the terms were not noted")
	}
	again := h.visitor()
	if to := again.through(t, "peer", nil); to == "/login/sso" || !again.signedIn() {
		t.Errorf("a: the second time leads to %s", to)
	}
	if got := h.actions(t); !slices.Contains(got, "sso.onboarded") || !slices.Contains(got, "sso.authenticated") || !slices.Contains(got, "account.terms_accepted") {
		t.Errorf("the ledger: %v", got)
	}
	for _, sealed := range []string{"sso_provider where position('" + ssotest.ClientSecret + "' in encode(sealed_client_secret, 'escape')) > 0", "sso_identity where sealed_tokens is null", "sso_login where nonce = '' or return_to like 'http%'"} {
		if n := h.count(t, sealed); n != 0 {
			t.Errorf("a: %d rows of %s", n, sealed)
		}
	}
	t.Run("h", func(t *testing.T) {
		for _, away := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", "/\tevil", "https:evil.example", "\\\\evil.example"} {
			v := h.visitor()
			if to := v.through(t, "peer", url.Values{"returnTo": {away}}); !v.signedIn() || strings.Contains(to, "evil") || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
				t.Errorf("%q leads to %q", away, to)
			}
		}
	})
	t.Run("Expired", func(t *testing.T) {
		v := h.visitor()
		back := ssotest.Visit(t, v.begin(t, "/auth/sso/peer", nil))
		h.DB.SetClock(func() time.Time { return time.Now().Add(11 * time.Minute) })
		defer h.DB.SetClock(time.Now)
		if to := v.back(t, back); to != "/login?sso=expired" || v.signedIn() {
			t.Errorf("after eleven minutes: %s", to)
		}
	})
	t.Run("Unknown", func(t *testing.T) {
		if to := h.visitor().begin(t, "/auth/sso/nobody", nil); to != "/login?sso=provider_off" {
			t.Error(to)
		}
	})
	t.Run("g", func(t *testing.T) {
		if _, err := h.DB.Exec(t.Context(), "update app_user set access = 'SUSPENDED' where id = $1", ada.UUID()); err != nil {
			t.Fatal(err)
		}
		v := h.visitor()
		if to := v.through(t, "peer", nil); to != "/login?sso=suspended" || v.signedIn() {
			t.Errorf("a suspended person is sent to %s", to)
		}
		if !slices.Contains(h.actions(t), "sso.refused_suspended") {
			t.Error("it is not in the ledger")
		}
	})
}

// TestSSO1_Link: an address is no proof.
func TestSSO1_Link(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	peer := ssotest.Start(t)
	bob, _ := h.somebody(t, "bob@builder.example", "bob")
	linked := func() int { return h.count(t, "sso_identity where user_id = $1", bob.UUID()) }

	t.Run("c", func(t *testing.T) {
		h.installed(t, peer, "peer", true)
		for name, info := range map[string]claims{"Denied": {"email": "bob@builder.example", "email_verified": false}, "Silent": {"email": "bob@builder.example"}, "Text": {"email": "bob@builder.example", "email_verified": "false"}} {
			peer.Person("mallory", nil, info) // the ID token carries none, so userinfo is asked
			v := h.visitor()
			if to := v.through(t, "peer", nil); to != "/login?sso=not_confirmed" || v.signedIn() || linked() != 0 {
				t.Errorf("%s: %s", name, to)
			}
		}
		if peer.Asked("/userinfo") == 0 {
			t.Error("userinfo was not asked")
		}
		h.installed(t, peer, "peer", true, "other.example") // trusted, for another domain
		peer.Mailed("mallory", "bob@builder.example")
		v := h.visitor()
		if to := v.through(t, "peer", nil); to != "/login/sso" || v.signedIn() || linked() != 0 {
			t.Errorf("another domain: %s", to)
		}
	})
	t.Run("ProofOfTheOwnCredential", func(t *testing.T) {
		h.installed(t, peer, "peer", false)
		peer.Mailed("bob-1", "bob@builder.example")
		v := h.visitor()
		if to := v.through(t, "peer", url.Values{"returnTo": {"/bob/keys"}}); to != "/login/sso" {
			t.Fatal(to)
		}
		_, body := v.json(t, "/auth/sso/finish", `{"termsAccepted":true}`)
		if !strings.Contains(body, `"result":"link"`) || linked() != 0 {
			t.Fatalf("terms made %s", body)
		}
		other := h.visitor() // who signs in as somebody else links nothing
		maps := map[string]string{"__Host-np_o": v.cookies["__Host-np_o"]}
		other.cookies = maps
		other.signIn(t, "owner@acme.example")
		if _, body := other.json(t, "/auth/sso/finish", `{}`); !strings.Contains(body, `"result":"link"`) || linked() != 0 {
			t.Fatalf("another account: %s", body)
		}
		v.signIn(t, "bob@builder.example")
		if status, body := v.json(t, "/auth/sso/finish", `{}`); status != 200 || !strings.Contains(body, `"page":"/bob/keys"`) || linked() != 1 {
			t.Fatalf("%d %s, %d links", status, body, linked())
		}
		if status, _ := v.json(t, "/auth/sso/finish", `{}`); status != http.StatusNotFound {
			t.Errorf("a second time: %d", status)
		}
		again := h.visitor()
		if to := again.through(t, "peer", nil); to != "/bob" || !again.signedIn() {
			t.Errorf("then he signs in: %s", to)
		}
	})
	t.Run("Unlink", func(t *testing.T) {
		me := h.as(t.Context(), bob)
		links, err := h.SSO.Links(me)
		if err != nil || len(links) != 1 || links[0].Subject != "bob-1" || *links[0].Email != "bob@builder.example" {
			t.Fatalf("%+v, %v", links, err)
		}
		if _, err := h.DB.Exec(t.Context(), "delete from password_credential where user_id = $1", bob.UUID()); err != nil {
			t.Fatal(err)
		}
		if err := h.SSO.Unlink(me, "peer"); reasonOf(err) != "PRECONDITION_FAILED only_way" {
			t.Errorf("the only way: %v", err)
		}
		if _, err := h.DB.Exec(t.Context(), "insert into password_credential (user_id, phc, set_at) values ($1, 'x', now())", bob.UUID()); err != nil {
			t.Fatal(err)
		}
		if err := h.SSO.Unlink(me, "peer"); err != nil || linked() != 0 {
			t.Errorf("%v, %d links", err, linked())
		}
		if err := h.SSO.Unlink(me, "peer"); reasonOf(err) != "NOT_FOUND " {
			t.Errorf("again: %v", err)
		}
	})
	t.Run("InTheAccount", func(t *testing.T) {
		v := h.visitor()
		v.signIn(t, "owner@acme.example")
		peer.Mailed("olga", "else@where.example") // whatever address the provider has
		if to := v.through(t, "peer", url.Values{"purpose": {"link"}, "returnTo": {"/account/security"}}); to != "/account/security?sso=linked" || h.count(t, "sso_identity where user_id = $1", h.owner.UUID()) != 1 {
			t.Fatalf("%s", to)
		}
		if to := h.visitor().through(t, "peer", url.Values{"purpose": {"link"}}); to != "/login?sso=failed" {
			t.Errorf("nobody links: %s", to)
		}
		thief := h.visitor()
		_, _ = h.somebody(t, "thief@example.org", "thief")
		thief.signIn(t, "thief@example.org")
		if to := thief.through(t, "peer", url.Values{"purpose": {"link"}}); to != "/account/security?sso=taken" {
			t.Errorf("a subject of somebody else: %s", to)
		}
		h.DB.SetClock(func() time.Time { return time.Now().Add(11 * time.Minute) })
		defer h.DB.SetClock(time.Now)
		if to := v.through(t, "peer", url.Values{"purpose": {"link"}}); to != "/account/security?sso=step_up" {
			t.Errorf("with an old proof: %s", to)
		}
	})
}

func TestSSO1_Newcomers(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	peer := ssotest.Start(t)
	h.installed(t, peer, "peer", false)
	t.Run("e", func(t *testing.T) {
		accepted, err := h.Registrations.Register(authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: "2001:db8:e::/64"}), registration.RegisterPersonInput{
			Email: "carol@victim.example", Password: secret.New("the squatter's choice"), FirstName: "Squatter", LastName: "S", TermsAccepted: true})
		if err != nil {
			t.Fatal(err)
		}
		peer.Mailed("carol", "carol@victim.example")
		v := h.visitor()
		if to := v.through(t, "peer", nil); to != "/login/sso" {
			t.Fatal(to)
		}
		if status, body := v.json(t, "/auth/sso/finish", `{"termsAccepted":true}`); status != 200 || !v.signedIn() {
			t.Fatalf("%d %s", status, body)
		}
		carol := h.userOf(t, "carol@victim.example")
		if h.count(t, "registration where email = 'carol@victim.example'") != 0 || h.count(t, "password_credential where user_id = $1", carol.UUID()) != 0 || h.count(t, "user_profile where first_name = 'Squatter'") != 0 {
			t.Error("something of the squatter's is left")
		}
		squatter := h.visitor()
		if status, _ := squatter.json(t, "/auth/sign-in", `{"username":"carol@victim.example","password":"the squatter's choice"}`); status != http.StatusUnauthorized {
			t.Errorf("the squatter's password: %d", status)
		}
		_ = accepted
	})
	t.Run("f", func(t *testing.T) {
		if _, err := h.Invitations.InviteMember(h.as(t.Context(), h.owner), invitation.InviteMemberInput{OrganizationID: h.org, Email: new("dan@guest.example"), Roles: []authz.Role{authz.Member}}); err != nil {
			t.Fatal(err)
		}
		token := secret.Random("")
		if _, err := h.DB.Exec(t.Context(), "update invitation set token_hash = $1 where email = 'dan@guest.example'", token.Hash()); err != nil {
			t.Fatal(err)
		}
		peer.Mailed("dan", "dan@guest.example")
		v := h.visitor()
		if to := v.through(t, "peer", url.Values{"invitation": {token.Reveal()}}); to != "/login/sso" {
			t.Fatal(to)
		}
		if n := h.count(t, "membership where org_id = $1", h.org.UUID()); n != 1 {
			t.Errorf("%d members before the terms", n)
		}
		if status, body := v.json(t, "/auth/sso/finish", `{"termsAccepted":true}`); status != 200 || !strings.Contains(body, `"page":"/acme"`) {
			t.Fatalf("%d %s", status, body)
		}
		if n := h.count(t, "membership where org_id = $1 and user_id = $2", h.org.UUID(), h.userOf(t, "dan@guest.example").UUID()); n != 1 {
			t.Error("no member after the terms")
		}
	})
}
