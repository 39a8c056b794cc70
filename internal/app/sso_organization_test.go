package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/platform/sso"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/ssotest"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// TestSSO1_Organization: what an organization's own provider may say.
func TestSSO1_Organization(t *testing.T) {
	t.Parallel()
	h := openSSO(t)
	peer := ssotest.Start(t)
	c := h.own(t, peer, "acme-idp")
	if c.RedirectURI != ssoOrigin+"/auth/sso/callback/acme-idp" || c.LastError != nil {
		t.Errorf("%+v", c)
	}
	routes := func(email string) (slugs []string) {
		got, err := h.SSO.Providers(authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: "2001:db8:99::/64"}), &email)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range got {
			slugs = append(slugs, p.Slug)
		}
		return slugs
	}
	eve := func(email string) string { peer.Mailed("eve", email); return h.visitor().through(t, "acme-idp", nil) }
	t.Run("i", func(t *testing.T) {
		if got := routes("eve@acme.example"); len(got) != 0 {
			t.Errorf("without a proof: %v", got)
		}
		if to := eve("eve@acme.example"); to != "/login?sso=not_confirmed" {
			t.Errorf("without a proof it vouches: %s", to)
		}
		h.prove(t, "acme.example")
		if got := routes("Eve@ACME.example"); !slices.Equal(got, []string{"acme-idp"}) {
			t.Errorf("with the proof: %v", got)
		}
		if got := routes("eve@other.example"); len(got) != 0 {
			t.Errorf("another domain: %v", got)
		}
		if to := eve("eve@other.example"); to != "/login?sso=not_confirmed" {
			t.Errorf("it vouches for another domain: %s", to)
		}
		second, theirs := h.somebody(t, "boss@second.example", "second")
		me := h.as(t.Context(), second)
		if _, err := h.SSO.StartDomain(me, theirs, "acme.example"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.SSO.CheckDomain(me, theirs, "acme.example"); reasonOf(err) != "CONFLICT domain_elsewhere" {
			t.Errorf("a second organization: %v", err)
		}
		// Seven days without the record, and the domain counts no more, until somebody proves it again.
		h.SSO.Prover = txt{}
		for _, p := range h.SSO.Part().Periodics {
			if p.Kind == "sso.prove" {
				for day := 1; day <= 8; day++ {
					h.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(day)*24*time.Hour + time.Minute) })
					if err := p.Do(t.Context()); err != nil {
						t.Fatal(err)
					}
					if got := routes("eve@acme.example"); (len(got) == 1) != (day < 7) {
						t.Errorf("day %d: %v", day, got)
					}
				}
			}
		}
		h.SSO.Prover = txt{"_nameplate-sso.acme.example": "*"}
		if d, err := h.SSO.CheckDomain(h.as(t.Context(), second), theirs, "acme.example"); err != nil || d.State != sso.SsoDomainProven {
			t.Errorf("the second organization then: %+v, %v", d, err)
		}
		if err := h.SSO.RemoveDomain(h.as(t.Context(), second), theirs, "acme.example"); err != nil {
			t.Error(err)
		}
		h.DB.SetClock(time.Now)
		h.prove(t, "acme.example")
	})
	t.Run("NeverByAddress", func(t *testing.T) {
		_, _ = h.somebody(t, "frank@acme.example", "frank")
		if _, err := h.SSO.Save(h.as(t.Context(), h.owner), sso.SaveSsoProviderInput{ID: &c.ID, OrganizationID: h.org, Slug: c.Slug, Name: c.Name, Issuer: c.Issuer, ClientID: c.ClientID, TrustEmail: true, Enabled: true}); err != nil {
			t.Fatal(err)
		}
		peer.Mailed("frank", "frank@acme.example")
		v := h.visitor()
		if to := v.through(t, "acme-idp", nil); to != "/login/sso" || v.signedIn() || h.count(t, "sso_identity") != 0 {
			t.Errorf("an organization's provider links by address: %s", to)
		}
	})
	t.Run("j", func(t *testing.T) {
		peer.Mailed("grace", "grace@acme.example")
		v := h.visitor()
		if to := v.through(t, "acme-idp", nil); to != "/login/sso" {
			t.Fatal(to)
		}
		if _, body := v.json(t, "/auth/sso/finish", "{}"); !strings.Contains(body, `"organization":"Acme"`) {
			t.Errorf("the page does not say what grace joins: %s", body)
		}
		if status, body := v.json(t, "/auth/sso/finish", `{"termsAccepted":true}`); status != 200 || !strings.Contains(body, `"page":"/acme"`) {
			t.Fatalf("%d %s", status, body)
		}
		grace := h.userOf(t, "grace@acme.example")
		if n := h.count(t, "membership where org_id = $1 and user_id = $2 and roles = '{MEMBER}'", h.org.UUID(), grace.UUID()); n != 1 {
			t.Error("grace is no member")
		}
		found, err := h.Sessions.Resolve(t.Context(), v.cookies["__Host-np_s"])
		if err != nil || found == nil || found.LimitedToOrganizationID == nil || *found.LimitedToOrganizationID != h.org {
			t.Fatalf("%+v, %v", found, err)
		}
		if body := v.learn(t); !strings.Contains(body, `"landing":"/acme"`) {
			t.Errorf("the console begins at %s", body)
		}
		me := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: grace, SessionID: found.ID, AuthTime: h.DB.Now(), Only: *found.LimitedToOrganizationID, OrgID: found.OrgID})
		var personal ident.OrgID
		var raw [16]byte
		if err := h.DB.QueryRow(t.Context(), "select id from organization where created_by = $1", grace.UUID()).Scan(&raw); err != nil {
			t.Fatal(err)
		}
		personal = ident.From[ident.OrgID](raw)
		if _, err := h.Organizations.Get(me, &personal, nil); reasonOf(err) != "NOT_FOUND " {
			t.Errorf("another organization: %v", err)
		}
		if o, err := h.Organizations.Get(me, &h.org, nil); err != nil || o.Slug != "acme" {
			t.Errorf("her own: %v", err)
		}
		if err := h.Credentials.Change(me, secret.New("x"), secret.New("grey otters swim at 5"), false); reasonOf(err) != "FORBIDDEN session_limited" {
			t.Errorf("the password: %v", err)
		}
		if err := h.SSO.Unlink(me, "acme-idp"); reasonOf(err) != "FORBIDDEN session_limited" {
			t.Errorf("a link: %v", err)
		}
		if err := h.Sessions.RevokeOthers(me); reasonOf(err) != "FORBIDDEN session_limited" {
			t.Errorf("other sessions: %v", err)
		}
		if _, err := h.Organizations.Create(me, organization.CreateOrganizationInput{Name: "Else"}); reasonOf(err) != "FORBIDDEN session_limited" {
			t.Errorf("a new organization: %v", err)
		}
		free := h.as(t.Context(), grace)
		if _, err := h.Organizations.Get(free, &personal, nil); err != nil {
			t.Errorf("an ordinary session of hers: %v", err)
		}
		removed := h.visitor()
		if _, err := h.DB.Exec(t.Context(), "delete from membership where org_id = $1 and user_id = $2", h.org.UUID(), grace.UUID()); err != nil {
			t.Fatal(err)
		}
		if to := removed.through(t, "acme-idp", nil); to != "/login?sso=not_member" || removed.signedIn() {
			t.Errorf("after the end of the membership: %s", to)
		}
	})
}
