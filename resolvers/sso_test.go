package resolvers_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/platform/sso"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/openid"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/resolvers"
)

// singleSignOn joins sign-in at providers. Nobody arrives from one here (internal/app drives that), so nobody new is admitted.
func (s *server) singleSignOn(d *db.DB, out *resolvers.Services) {
	out.SSO = &sso.Service{DB: d, Door: s.Door, Authz: s.Authz, Vault: s.Vault, Limit: limit.New(nil), Sessions: out.Sessions, Steps: out.Factors, Prover: unproven{},
		Peer: &openid.Client{Outside: safehttp.Options{AllowLoopbackHTTP: true}, Now: d.Now}, Hosts: hostname.Policy{Lab: true}, Console: "https://console.test"}
}

// unproven finds no TXT record.
type unproven struct{}

func (unproven) TXT(context.Context, string, string, string) error {
	return errors.New("there is no TXT record yet")
}

// providers makes a provider of the installation, which knows the owner, and one of the organization with a mail domain; it answers the latter's id.
func (s *server) providers(t testing.TB) string {
	t.Helper()
	now := s.DB.Now()
	house, own := ident.New[ident.SsoProviderID](now), ident.New[ident.SsoProviderID](now)
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{"insert into sso_provider (id, slug, name, issuer, client_id, scopes, enabled, created_at) values ($1, 'house', 'House', 'https://id.house.example', 'nameplate', '{openid,email}', true, $2)", []any{house.UUID(), now}},
		{"insert into sso_provider (id, slug, name, issuer, client_id, scopes, org_id, enabled, created_at) values ($1, 'acme', 'Acme', 'https://id.acme.example', 'nameplate', '{openid,email}', $2, true, $3)", []any{own.UUID(), s.Org.UUID(), now}},
		{"insert into sso_identity (provider_id, subject, user_id, email, email_verified, linked_at) values ($1, 'subject-1', $2, 'acme@example.com', true, $3)", []any{house.UUID(), s.User.UUID(), now}},
		{"insert into sso_domain (org_id, domain, token, state, started_at) values ($1, 'acme.lab', 'token', 'PENDING', $2)", []any{s.Org.UUID(), now}},
	} {
		if _, err := s.DB.Exec(t.Context(), q.sql, q.args...); err != nil {
			t.Fatalf("%s: %v", q.sql, err)
		}
	}
	return own.String()
}
