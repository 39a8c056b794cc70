package sso

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/ssoq"
)

// Installed is a provider of the whole installation, as its settings name it. Where TrustEmail is set, and the domain is among EmailDomains (all, when there
// are none), the provider's verified address links the account that has it.
type Installed struct {
	Slug         string        `json:"slug"`
	Name         string        `json:"name"`
	Issuer       string        `json:"issuer"`
	ClientID     string        `json:"clientId"`
	ClientSecret secret.String `json:"clientSecret"`
	Scopes       []string      `json:"scopes"`
	EmailDomains []string      `json:"emailDomains"`
	TrustEmail   bool          `json:"trustEmail"`
}

// ReadInstalled reads the providers of the settings: a JSON list.
func ReadInstalled(raw []byte) ([]Installed, error) {
	var out []Installed
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, err
	}
	var faults []error
	for n := range out {
		p := &out[n]
		in := SaveSsoProviderInput{Slug: p.Slug, Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Scopes: p.Scopes, EmailDomains: p.EmailDomains}
		if err := in.check(); err != nil {
			faults = append(faults, fmt.Errorf("provider %d: %w", n+1, err))
		}
		if slices.ContainsFunc(out[:n], func(o Installed) bool { return o.Slug == p.Slug }) {
			faults = append(faults, fmt.Errorf("provider %d: the slug %s is there twice", n+1, p.Slug))
		}
		p.Name, p.Issuer, p.Scopes, p.EmailDomains = in.Name, in.Issuer, in.Scopes, in.EmailDomains
	}
	return out, errors.Join(faults...)
}

// Install brings the providers of the installation to what the settings say, at the start. Several processes may do so at once. What the settings do not name
// any more takes nobody in.
func (s *Service) Install(ctx context.Context, all []Installed) error {
	_, err := door.Do(authz.System(ctx, "sso.install"), s.Door, door.Change[[]Installed, struct{}]{
		Action: door.Action{Name: "sso.install", Public: true},
		Do: func(ctx context.Context, e *door.Effect, all []Installed) (struct{}, error) {
			slugs := []string{}
			for _, p := range all {
				slugs = append(slugs, p.Slug)
				if err := s.install(ctx, e, p); err != nil {
					return struct{}{}, fmt.Errorf("install the provider %s: %w", p.Slug, err)
				}
			}
			e.Quiet() // where nothing differs
			return struct{}{}, s.q.OrgOfPlatformRetire(ctx, e.Tx, ssoq.OrgOfPlatformRetireParams{Slugs: slugs})
		},
	}, all)
	return err
}

func (s *Service) install(ctx context.Context, e *door.Effect, in Installed) error {
	r, err := s.q.OrgOfPlatformProvider(ctx, e.Tx, ssoq.OrgOfPlatformProviderParams{Slug: in.Slug})
	if db.NotFound(err) {
		id := ident.New[ident.SsoProviderID](e.Tx.Now)
		sealed, err := s.sealSecret(ctx, e, ident.OrgID{}, id, in.ClientSecret)
		if err != nil {
			return err
		}
		e.Record(about(&provider{id: id, slug: in.Slug, version: 1}, "sso.provider_saved", map[string]any{"issuer": in.Issuer, "enabled": true}))
		return s.q.AddProvider(ctx, e.Tx, ssoq.AddProviderParams{ID: id.UUID(), Slug: in.Slug, Name: in.Name, Issuer: in.Issuer, ClientID: in.ClientID, SealedClientSecret: sealed, Scopes: in.Scopes,
			EmailDomains: in.EmailDomains, TrustEmail: in.TrustEmail, Enabled: true, CreatedAt: e.Tx.Now})
	} else if err != nil {
		return err
	}
	if r.OrgID != nil {
		return errors.New("an organization has this slug; choose another")
	}
	id := ident.From[ident.SsoProviderID](r.ID)
	present, err := s.peer(ctx, &provider{id: id, slug: r.Slug, sealed: r.SealedClientSecret})
	if err != nil {
		return err
	}
	if r.Name == in.Name && r.Issuer == in.Issuer && r.ClientID == in.ClientID && present.Secret.Equal(in.ClientSecret) && slices.Equal(r.Scopes, in.Scopes) &&
		slices.Equal(r.EmailDomains, in.EmailDomains) && r.TrustEmail == in.TrustEmail && r.Enabled {
		return nil
	}
	if r.Issuer != in.Issuer {
		if err := s.q.ForgetIdentities(ctx, e.Tx, ssoq.ForgetIdentitiesParams{ProviderID: r.ID}); err != nil {
			return err
		}
	}
	sealed, err := s.sealSecret(ctx, e, ident.OrgID{}, id, in.ClientSecret)
	if err != nil {
		return err
	}
	e.Record(about(&provider{id: id, slug: in.Slug, version: r.Version + 1}, "sso.provider_saved", map[string]any{"issuer": in.Issuer, "enabled": true}))
	return s.q.OrgOfPlatformUpdate(ctx, e.Tx, ssoq.OrgOfPlatformUpdateParams{ID: r.ID, Name: in.Name, Issuer: in.Issuer, ClientID: in.ClientID, SealedClientSecret: sealed, Scopes: in.Scopes,
		EmailDomains: in.EmailDomains, TrustEmail: in.TrustEmail})
}
