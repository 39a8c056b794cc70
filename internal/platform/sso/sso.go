// Package sso lets people sign in at an OpenID provider: one of the whole installation (from its settings), or an organization's own.
//
// A journey begins at our page, goes to the provider and comes back to the address that belongs to this provider alone. What ties its end to its beginning
// (state, nonce, PKCE verifier) stays here; the browser holds a cookie that says it is the same one. A person is known by provider and subject, never by an
// address. An address links an account only where the installation's settings trust the provider for it; else the account's own credential is asked first,
// and a provider of an organization never links by address. Somebody new sees the terms before there is an account.
//
// An organization's provider speaks for the mail domains that the organization has proven by a TXT record, and for no others; without a proof it routes
// nobody and vouches for no address. A session that began there works in that organization alone (PF-SES-6).
package sso

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/openid"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/ssoq"
)

const (
	lives  = 10 * time.Minute // a journey, and then again what the person has to decide
	counts = 7 * 24 * time.Hour
	fresh  = 10 * time.Minute // how young a proof must be to add a link
)

var (
	perNetwork = limit.Bucket{Name: "sso", Rate: 60, Per: 10 * time.Minute, Burst: 60, Closed: true}
	perAddress = limit.Bucket{Name: "sso-routes", Rate: 120, Per: 10 * time.Minute, Burst: 60, Closed: true}
	perOrg     = limit.Bucket{Name: "sso-settings", Rate: 30, Per: 10 * time.Minute, Burst: 15, Closed: true}
)

// Steps is what follows a first proof, for whoever gave it: factor.Service.
type Steps interface {
	After(ctx context.Context, e *door.Effect, f factor.First) (*factor.Next, error)
	Confirmed(ctx context.Context, on factor.Querier, user ident.UserID) ([]string, error)
}

// Newcomer is somebody new whose address the provider vouches for, and who accepted the terms.
type Newcomer struct {
	Email, FirstName, LastName, Timezone, Locale string
	Invitation                                   []byte // SHA-256 of the token that the person came with
}

// People is what single sign-on needs of accounts and organizations.
type People interface {
	// Admit makes the account of a newcomer, and discards a registration of the address that nobody confirmed. CONFLICT when the address has an account by now.
	Admit(ctx context.Context, e *door.Effect, n Newcomer) (ident.UserID, error)
	// Join makes a person a member of the organization whose provider vouched for them.
	Join(ctx context.Context, e *door.Effect, org ident.OrgID, user ident.UserID) error
	// Home is where a person's browser begins.
	Home(ctx context.Context, user ident.UserID) (*ident.OrgID, error)
}

// Prover asks the authoritative servers of a domain whether a TXT record stands.
type Prover interface {
	// TXT is nil where every responsive server has the value; else a sentence says what was seen.
	TXT(ctx context.Context, domain, name, value string) error
}

// Service is single sign-on.
type Service struct {
	DB       *db.DB
	Door     *door.Door
	Authz    *authz.Authorizer
	Vault    *vault.Vault
	Limit    *limit.Limiter
	Sessions *session.Service
	Steps    Steps
	People   People
	Prover   Prover
	Peer     *openid.Client
	Hosts    hostname.Policy
	Console  string // its address, which the redirect URIs begin with

	q ssoq.Queries
}

// SsoProvider is where somebody may sign in, as the sign-in page shows it.
type SsoProvider struct {
	Slug    string
	Name    string
	LogoURL *string
}

// provider is a row of sso_provider with the names of its organization.
type provider struct {
	id                             ident.SsoProviderID
	slug, name, issuer, client     string
	sealed                         []byte
	scopes, domains                []string
	org                            *ident.OrgID // nil: of the installation
	organization, organizationSlug string
	trust, enabled                 bool
	lastError                      *string
	version                        int32
}

func (p *provider) owner() ident.OrgID {
	if p.org == nil {
		return ident.OrgID{}
	}
	return *p.org
}

func (p *provider) shown() *SsoProvider { return &SsoProvider{Slug: p.slug, Name: p.name} }

// bySlug finds a provider that takes people in; nil for none.
func (s *Service) bySlug(ctx context.Context, slug string) (*provider, error) {
	if len(slug) > 60 {
		return nil, nil
	}
	r, err := s.q.OrgOfSlug(ctx, s.DB, ssoq.OrgOfSlugParams{Slug: slug})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the provider %s: %w", slug, err)
	}
	return whole(ssoq.OrgOfLoginRow(*r)), nil
}

func whole(r ssoq.OrgOfLoginRow) *provider {
	return &provider{id: ident.From[ident.SsoProviderID](r.ID), slug: r.Slug, name: r.Name, issuer: r.Issuer, client: r.ClientID, sealed: r.SealedClientSecret, scopes: r.Scopes, domains: r.EmailDomains,
		org: ident.FromPtr[ident.OrgID](r.OrgID), organization: r.Organization, organizationSlug: r.OrganizationSlug, trust: r.TrustEmail, enabled: r.Enabled, lastError: r.LastError, version: r.Version}
}

// callback is the one address to which a provider sends people back. It is the provider's own, so that the answer of one is never taken for that of another
// (RFC 9700, section 4.4.2.2), whether or not they send iss.
func (s *Service) callback(slug string) string { return s.Console + "/auth/sso/callback/" + slug }

// peer is the provider as the protocol wants it, with its secret.
func (s *Service) peer(ctx context.Context, p *provider) (openid.Provider, error) {
	out := openid.Provider{Issuer: p.issuer, ClientID: p.client, Scopes: p.scopes, RedirectURI: s.callback(p.slug)}
	if p.sealed != nil {
		plain, err := s.Vault.Open(ctx, s.DB, p.owner(), "sso_provider.sealed_client_secret", p.id.String(), p.sealed)
		if err != nil {
			return out, fmt.Errorf("open the client secret of %s: %w", p.slug, err)
		}
		out.Secret = secret.New(string(plain))
	}
	return out, nil
}

// Providers are those that the sign-in page offers: the installation's, and behind an address that of the organization which has proven its domain.
func (s *Service) Providers(ctx context.Context, email *string) ([]*SsoProvider, error) {
	if err := s.Limit.Allow(ctx, perAddress, authz.From(ctx).Network); err != nil {
		return nil, err
	}
	domain := ""
	if email != nil && len(*email) <= 320 {
		domain = domainOf(*email)
	}
	rows, err := s.q.OrgOfRoutes(ctx, s.DB, ssoq.OrgOfRoutesParams{Domain: domain, Since: s.DB.Now().Add(-counts)})
	if err != nil {
		return nil, fmt.Errorf("list the providers: %w", err)
	}
	out := make([]*SsoProvider, len(rows))
	for n, r := range rows {
		out[n] = &SsoProvider{Slug: r.Slug, Name: r.Name}
	}
	return out, nil
}

// domainOf is the domain of an address, in lower case; "" without one.
func domainOf(address string) string {
	at := strings.LastIndexByte(address, '@')
	domain := strings.ToLower(strings.TrimSpace(address[at+1:]))
	if at < 1 || domain == "" || len(domain) > 253 || strings.ContainsFunc(domain, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return ""
	}
	return domain
}

// believes says whether the provider's word on an address counts: the installation's where the provider says that it has verified the address; an
// organization's inside the domains that it has proven, where it says so or its owners trust it to mean so by silence. An address that the provider calls
// unverified never counts.
func (s *Service) believes(ctx context.Context, p *provider, c *openid.Claims) (bool, error) {
	ctx = db.OnBehalf(ctx, "sso.proof") // the provider says whose proofs are read, before anybody is signed in
	domain := domainOf(c.Email)
	said := c.EmailVerified != nil && *c.EmailVerified
	if p.org == nil {
		return said && domain != "", nil
	}
	if domain == "" || !p.speaksFor(domain) || c.EmailVerified != nil && !said || !said && !p.trust {
		return false, nil
	}
	proven, err := s.q.Proven(ctx, s.DB, ssoq.ProvenParams{OrgID: p.org.UUID(), Domain: domain, Since: s.DB.Now().Add(-counts)})
	if err != nil {
		return false, fmt.Errorf("read the proof of %s: %w", domain, err)
	}
	return proven, nil
}

// links says whether the provider's word is enough to link the account that has the address (RU-44): only the installation's, where it is trusted.
func (p *provider) links(email string) bool {
	return p.org == nil && p.trust && p.speaksFor(domainOf(email))
}

// speaksFor says whether the provider is for addresses of a domain; without domains of its own it is for all that it can be for.
func (p *provider) speaksFor(domain string) bool {
	return len(p.domains) == 0 || slices.Contains(p.domains, domain)
}

// local is an address of our own console, or "": nothing sends anybody elsewhere.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || len(to) > 2000 || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(to, "\\\t\r\n") || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		return ""
	}
	return to
}

// with adds a word about single sign-on to an address of the console.
func with(page, key, value string) string {
	u, err := url.Parse(page)
	if err != nil {
		return page
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// about is an event on a provider, in the ledger of its organization.
func about(p *provider, action string, payload map[string]any) event.Change {
	payload["v"], payload["provider"] = 1, p.slug
	c := event.Change{OrgID: p.owner(), Action: action, Subject: p.id.String(), Version: p.version, Payload: payload, Audited: true}
	return c
}

// of is an event on how a person signs in, on the person's own chain.
func of(user ident.UserID, p *provider, action string) event.Change {
	return event.Change{Action: action, Subject: user.String(), Version: 1, Stream: "sso:" + user.String(), Chain: user.String(), Payload: map[string]any{"v": 1, "provider": p.slug}, Audited: true}
}

func gone() *fault.Fault { return fault.NotFound("provider") }

// Part is what single sign-on contributes.
func (s *Service) Part() part.Part {
	return part.Part{Name: "sso", Periodics: []work.Periodic{
		{Kind: "sso.sweep", Every: time.Hour, Do: func(ctx context.Context) error {
			return s.q.SweepLogins(ctx, s.DB, ssoq.SweepLoginsParams{Before: s.DB.Now()})
		}},
		{Kind: "sso.prove", Every: time.Hour, Do: s.proveAgain},
	}}
}
