package sso

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/openid"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/ssoq"
	"golang.org/x/text/unicode/norm"
)

// mostProviders is how many an organization may have.
const mostProviders = 20

// SsoProviderConfig is an organization's own provider, as its owners see it. The client secret goes in and never comes out.
type SsoProviderConfig struct {
	ID           ident.SsoProviderID
	Slug         string
	Name         string
	Issuer       string
	ClientID     string
	Scopes       []string
	EmailDomains []string
	TrustEmail   bool
	Enabled      bool
	RedirectURI  string
	LastError    *string
	Version      int32
}

// SaveSsoProviderInput makes a provider, or with an id changes one. Without a new secret the present one stays.
type SaveSsoProviderInput struct {
	ID             *ident.SsoProviderID
	OrganizationID ident.OrgID
	Slug           string
	Name           string
	Issuer         string
	ClientID       string
	ClientSecret   secret.String
	Scopes         []string
	EmailDomains   []string
	TrustEmail     bool
	Enabled        bool
	Version        *int32
}

// Configs are the providers of an organization, for who may secure it.
func (s *Service) Configs(ctx context.Context, org ident.OrgID) ([]*SsoProviderConfig, error) {
	scope, err := s.Authz.Authorize(ctx, "organization.secure", org)
	if err != nil {
		return nil, err
	}
	rows, err := s.q.ProvidersOfOrganization(ctx, s.DB, ssoq.ProvidersOfOrganizationParams{OrgID: uuidOf(scope.OrgUUID())})
	if err != nil {
		return nil, fmt.Errorf("list the providers: %w", err)
	}
	out := make([]*SsoProviderConfig, len(rows))
	for n, r := range rows {
		out[n] = s.config((*ssoq.LockProviderRow)(r))
	}
	return out, nil
}

func (s *Service) config(r *ssoq.LockProviderRow) *SsoProviderConfig {
	return &SsoProviderConfig{ID: ident.From[ident.SsoProviderID](r.ID), Slug: r.Slug, Name: r.Name, Issuer: r.Issuer, ClientID: r.ClientID, Scopes: r.Scopes, EmailDomains: r.EmailDomains,
		TrustEmail: r.TrustEmail, Enabled: r.Enabled, RedirectURI: s.callback(r.Slug), LastError: r.LastError, Version: r.Version}
}

// Save makes or changes a provider of an organization. What the provider says of itself is read first, so that a slip shows in the form and not at the first
// sign-in. Another issuer is another world of subjects: the links made under the old one end.
func (s *Service) Save(ctx context.Context, in SaveSsoProviderInput) (*SsoProviderConfig, error) {
	if _, err := s.Authz.Authorize(ctx, "organization.secure", in.OrganizationID); err != nil {
		return nil, err
	}
	if err := s.Limit.Allow(ctx, perOrg, in.OrganizationID.String()); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if in.Enabled {
		if err := s.Peer.Discover(ctx, in.Issuer); err != nil {
			wrong, ok := errors.AsType[*openid.Error](err)
			if !ok {
				return nil, err
			}
			return nil, fault.Invalid("issuer", openid.Unreachable, "This issuer cannot be used: %s", wrong.Detail)
		}
	}
	return door.Do(ctx, s.Door, door.Change[SaveSsoProviderInput, *SsoProviderConfig]{
		Action: door.Action{Name: "sso.save_provider", Permission: "organization.secure", Paid: true, StepUp: true},
		Org:    func(_ context.Context, in SaveSsoProviderInput) (ident.OrgID, error) { return in.OrganizationID, nil },
		Do: func(ctx context.Context, e *door.Effect, in SaveSsoProviderInput) (*SsoProviderConfig, error) {
			if err := s.domainsBelong(ctx, e, in.EmailDomains); err != nil {
				return nil, err
			}
			if in.ID == nil {
				return s.create(ctx, e, in)
			}
			return s.change(ctx, e, in)
		},
	}, in)
}

func (s *Service) create(ctx context.Context, e *door.Effect, in SaveSsoProviderInput) (*SsoProviderConfig, error) {
	org := uuidOf(e.Scope.OrgUUID())
	held, err := s.q.ProvidersOfOrganization(ctx, e.Tx, ssoq.ProvidersOfOrganizationParams{OrgID: org})
	if err != nil {
		return nil, fmt.Errorf("list the providers: %w", err)
	}
	if len(held) >= mostProviders {
		return nil, fault.Precondition("too_many", "An organization may have %d providers.", mostProviders)
	}
	id := ident.New[ident.SsoProviderID](e.Tx.Now)
	sealed, err := s.sealSecret(ctx, e, e.Scope.Org(), id, in.ClientSecret)
	if err != nil {
		return nil, err
	}
	err = s.q.AddProvider(ctx, e.Tx, ssoq.AddProviderParams{ID: id.UUID(), Slug: in.Slug, Name: in.Name, Issuer: in.Issuer, ClientID: in.ClientID, SealedClientSecret: sealed, Scopes: in.Scopes,
		OrgID: org, EmailDomains: in.EmailDomains, TrustEmail: in.TrustEmail, Enabled: in.Enabled, CreatedAt: e.Tx.Now})
	if db.Violates(err, "sso_provider_slug_key") {
		return nil, fault.Conflict("slug", "slug_taken", "This short name is taken. Choose another.")
	} else if err != nil {
		return nil, fmt.Errorf("add the provider: %w", err)
	}
	return s.saved(ctx, e, id)
}

func (s *Service) change(ctx context.Context, e *door.Effect, in SaveSsoProviderInput) (*SsoProviderConfig, error) {
	org := uuidOf(e.Scope.OrgUUID())
	r, err := s.q.LockProvider(ctx, e.Tx, ssoq.LockProviderParams{ID: in.ID.UUID(), OrgID: org})
	if db.NotFound(err) {
		return nil, gone()
	} else if err != nil {
		return nil, fmt.Errorf("lock the provider: %w", err)
	}
	switch {
	case in.Version != nil && *in.Version != r.Version:
		return nil, fault.VersionConflict(r.Version)
	case in.Slug != r.Slug:
		return nil, fault.Invalid("slug", "slug_fixed", "The short name is part of the redirect URI that the provider knows. It stays; make another provider instead.")
	}
	sealed := r.SealedClientSecret
	if !in.ClientSecret.IsZero() {
		if sealed, err = s.sealSecret(ctx, e, e.Scope.Org(), *in.ID, in.ClientSecret); err != nil {
			return nil, err
		}
	}
	if in.Issuer != r.Issuer {
		if in.ClientSecret.IsZero() && sealed != nil {
			return nil, fault.Invalid("clientSecret", "secret_again", "Enter the client secret again: the present one belongs to the former issuer.")
		}
		if err := s.q.ForgetIdentities(ctx, e.Tx, ssoq.ForgetIdentitiesParams{ProviderID: r.ID}); err != nil {
			return nil, fmt.Errorf("forget the former issuer's subjects: %w", err)
		}
	}
	if err := s.q.UpdateProvider(ctx, e.Tx, ssoq.UpdateProviderParams{ID: r.ID, OrgID: org, Name: in.Name, Issuer: in.Issuer, ClientID: in.ClientID, SealedClientSecret: sealed, Scopes: in.Scopes,
		EmailDomains: in.EmailDomains, TrustEmail: in.TrustEmail, Enabled: in.Enabled}); err != nil {
		return nil, fmt.Errorf("change the provider: %w", err)
	}
	return s.saved(ctx, e, *in.ID)
}

func (s *Service) saved(ctx context.Context, e *door.Effect, id ident.SsoProviderID) (*SsoProviderConfig, error) {
	r, err := s.q.LockProvider(ctx, e.Tx, ssoq.LockProviderParams{ID: id.UUID(), OrgID: uuidOf(e.Scope.OrgUUID())})
	if err != nil {
		return nil, fmt.Errorf("read the provider: %w", err)
	}
	p := &provider{id: id, slug: r.Slug, org: new(e.Scope.Org()), version: r.Version}
	e.Record(about(p, "sso.provider_saved", map[string]any{"issuer": r.Issuer, "enabled": r.Enabled}))
	return s.config(r), nil
}

// sealSecret hides a client secret; nil for a public client.
func (s *Service) sealSecret(ctx context.Context, e *door.Effect, org ident.OrgID, id ident.SsoProviderID, plain secret.String) ([]byte, error) {
	if plain.IsZero() {
		return nil, nil
	}
	return s.Vault.Seal(ctx, e.Tx, org, "sso_provider.sealed_client_secret", id.String(), []byte(plain.Reveal()))
}

// Delete removes a provider with everybody's links to it. People who have no other way in set a password by their address.
func (s *Service) Delete(ctx context.Context, id ident.SsoProviderID) error {
	_, err := door.Do(ctx, s.Door, door.Change[ident.SsoProviderID, struct{}]{
		Action: door.Action{Name: "sso.delete_provider", Permission: "organization.secure", StepUp: true},
		Org:    s.OrgOf,
		Do: func(ctx context.Context, e *door.Effect, id ident.SsoProviderID) (struct{}, error) {
			org := uuidOf(e.Scope.OrgUUID())
			r, err := s.q.LockProvider(ctx, e.Tx, ssoq.LockProviderParams{ID: id.UUID(), OrgID: org})
			if db.NotFound(err) {
				return struct{}{}, gone()
			} else if err != nil {
				return struct{}{}, fmt.Errorf("lock the provider: %w", err)
			}
			if err := s.q.DeleteProvider(ctx, e.Tx, ssoq.DeleteProviderParams{ID: id.UUID(), OrgID: org}); err != nil {
				return struct{}{}, fmt.Errorf("delete the provider: %w", err)
			}
			e.Record(about(&provider{id: id, slug: r.Slug, org: new(e.Scope.Org()), version: r.Version + 1}, "sso.provider_deleted", map[string]any{}))
			return struct{}{}, nil
		},
	}, id)
	return err
}

// OrgOf says whose a provider is; NOT_FOUND for an unknown one and for the installation's.
func (s *Service) OrgOf(ctx context.Context, id ident.SsoProviderID) (ident.OrgID, error) {
	org, err := s.q.OrgOfProvider(ctx, s.DB, ssoq.OrgOfProviderParams{ID: id.UUID()})
	if db.NotFound(err) || err == nil && org == nil {
		return ident.OrgID{}, gone()
	} else if err != nil {
		return ident.OrgID{}, fmt.Errorf("find the provider: %w", err)
	}
	return ident.From[ident.OrgID](*org), nil
}

var slugs = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){1,38}$`)

// reserved are the words that stand under /auth/sso themselves.
var reserved = []string{"callback", "finish"}

// check answers all faults of the form together, and brings it into the form that is stored.
func (in *SaveSsoProviderInput) check() error {
	var faults []error
	wrong := func(is bool, field, reason, message string, args ...any) {
		if is {
			faults = append(faults, fault.Invalid(field, reason, message, args...))
		}
	}
	in.Name, in.Slug = norm.NFC.String(strings.TrimSpace(in.Name)), strings.TrimSpace(in.Slug)
	in.Issuer, in.ClientID = strings.TrimSpace(in.Issuer), strings.TrimSpace(in.ClientID)
	wrong(!slugs.MatchString(in.Slug) || slices.Contains(reserved, in.Slug), "slug", "slug", "Write 2 to 39 small letters, digits and hyphens, such as acme.")
	wrong(in.Name == "" || utf8.RuneCountInString(in.Name) > 100 || !utf8.ValidString(in.Name) || strings.ContainsFunc(in.Name, unicode.IsControl), "name", "name_length", "Write a name of 1 to 100 characters on one line.")
	wrong(in.ClientID == "" || !plain(in.ClientID, 255), "clientId", "client_id", "Copy the client id from your provider; it has up to 255 characters.")
	wrong(!plain(in.ClientSecret.Reveal(), 1000), "clientSecret", "client_secret", "Copy the client secret from your provider; it has up to 1,000 characters.")
	wrong(strings.ContainsAny(in.Issuer, "?#") || !strings.Contains(in.Issuer, "://") || !plain(in.Issuer, 500), "issuer", "issuer", "Copy the issuer from your provider: an address that begins with https://, without ? and #.")
	in.Issuer = strings.TrimSuffix(in.Issuer, "/.well-known/openid-configuration")
	if in.Scopes == nil {
		in.Scopes = []string{"openid", "email", "profile"}
	}
	wrong(len(in.Scopes) > 20 || slices.ContainsFunc(in.Scopes, func(s string) bool { return s == "" || !plain(s, 100) || strings.ContainsAny(s, ` "\`) }), "scopes", "scopes", "A scope is one word; 20 at most.")
	domains := []string{}
	for _, d := range in.EmailDomains {
		domains = append(domains, domainOf("x@"+d))
	}
	slices.Sort(domains)
	in.EmailDomains = slices.Compact(domains)
	wrong(len(domains) > 50 || slices.Contains(domains, ""), "emailDomains", "domain", "Write mail domains, such as example.com; 50 at most.")
	return errors.Join(faults...)
}

// plain says that a text is visible ASCII of at most so many characters.
func plain(s string, most int) bool {
	return len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
