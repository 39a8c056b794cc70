// Package widget is the credential of a page: a token that a SaaS's server mints for one of its customers, and what a page may know with it.
//
// A token is a JWT (RFC 7519) signed by Ed25519, for at most an hour, bound to an application and to an end user or to connections. The page keeps it
// in memory. A revoked token is dead within a second, its sockets included.
package widget

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/widgetq"
)

const (
	audience = "widget"
	issuer   = "nameplate"
)

// WidgetScope is one thing that a token allows.
type WidgetScope string

const (
	Check    WidgetScope = "CHECK"
	Start    WidgetScope = "START"
	Setup    WidgetScope = "SETUP"
	Apply    WidgetScope = "APPLY"
	Share    WidgetScope = "SHARE"
	View     WidgetScope = "VIEW"
	Undo     WidgetScope = "UNDO"
	Complete WidgetScope = "COMPLETE"
)

// WidgetApplication is what a page may know of the application it talks for.
type WidgetApplication struct {
	ID               ident.ApplicationID
	Name             string
	PublicKey        string
	Environment      application.Environment
	SubdomainRule    application.SubdomainRule
	DefaultSubdomain *string
}

// WidgetSession is what a page asks for first. The connections are read by their own package.
type WidgetSession struct {
	Application  WidgetApplication
	Hostname     *string
	EndUserRef   *string
	Scopes       []WidgetScope
	ExpiresAt    time.Time
	SetupMethods []connection.SetupType
}

// Service mints, reads and ends tokens.
type Service struct {
	DB           *db.DB
	Door         *door.Door
	Authz        *authz.Authorizer
	Vault        *vault.Vault
	Applications *application.Service
	Hostnames    hostname.Policy
	Origin       string // the console's own, from which pages of ours call
	Delegation   bool   // names may be handed over to our name servers
	// OrgOfConnection says whose a connection is; NOT_FOUND for an unknown one.
	OrgOfConnection func(ctx context.Context, id ident.ConnectionID) (ident.OrgID, ident.ApplicationID, error)

	q     widgetq.Queries
	mu    sync.Mutex
	alive map[uuid.UUID]time.Time
}

// claims is the token's body.
type claims struct {
	jwt.RegisteredClaims
	Org         ident.OrgID          `json:"org"`
	App         ident.ApplicationID  `json:"app"`
	Hostname    string               `json:"host,omitempty"`
	EndUserRef  string               `json:"user,omitempty"`
	Connections []ident.ConnectionID `json:"connections,omitempty"`
	ExternalRef string               `json:"ref,omitempty"`
	Email       string               `json:"email,omitempty"`
	Metadata    json.RawMessage      `json:"metadata,omitempty"`
	Recipe      *ident.RecipeID      `json:"recipe,omitempty"`
	Origin      string               `json:"origin,omitempty"`
	Scopes      []WidgetScope        `json:"scopes"`
}

// Authenticate answers the caller behind a token. app is the public key in the request's address and origin its Origin header: a token speaks for its own
// application, and for the origin it was minted for. Faults are UNAUTHENTICATED with a reason (connect 20.3, AP-25).
func (s *Service) Authenticate(ctx context.Context, token secret.String, app, origin string) (authz.Principal, error) {
	none := authz.Principal{Kind: authz.PUBLIC}
	c, err := s.parse(ctx, token)
	if err != nil {
		return none, err
	}
	id, err := ident.Parse[ident.WidgetTokenID](c.ID)
	if err != nil {
		return none, invalid("token_invalid")
	}
	if err := s.living(ctx, id); err != nil {
		return none, err
	}
	if err := s.fromItsPage(ctx, c, app, origin); err != nil {
		return none, err
	}
	if c.Origin != "" && c.Origin != origin {
		return none, invalid("origin_not_allowed")
	}
	w := &authz.WidgetClaims{TokenID: id, ApplicationID: c.App, Hostname: c.Hostname, EndUserRef: c.EndUserRef, ConnectionIDs: c.Connections, ExternalRef: c.ExternalRef, EndUserEmail: c.Email,
		Metadata: c.Metadata, RecipeID: c.Recipe, Origin: c.Origin, ExpiresAt: c.ExpiresAt.Time}
	for _, scope := range c.Scopes {
		w.Scopes = append(w.Scopes, string(scope))
	}
	return authz.Principal{Kind: authz.WIDGET, OrgID: c.Org, ApplicationID: c.App, Widget: w}, nil
}

// fromItsPage holds a call to the application that its address names, and a page's call to that application's origins. A page of our own, or a caller without
// an origin, need not name one.
func (s *Service) fromItsPage(ctx context.Context, c *claims, app, origin string) error {
	page := origin != "" && origin != s.Origin
	if app == "" {
		if page {
			return invalid("origin_not_allowed")
		}
		return nil
	}
	a, err := s.Applications.ByPublicKey(ctx, app)
	if err != nil {
		return err
	}
	if a == nil || a.ID != c.App || page && !a.Allows(origin) {
		return invalid("origin_not_allowed")
	}
	return nil
}

func (s *Service) parse(ctx context.Context, token secret.String) (*claims, error) {
	keys, err := s.Vault.Verifiers(ctx, vault.WidgetToken)
	if err != nil {
		return nil, err
	}
	c := &claims{}
	p := jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.DB.Now), jwt.WithLeeway(2*time.Second))
	_, err = p.ParseWithClaims(token.Reveal(), c, func(t *jwt.Token) (any, error) {
		for _, k := range keys {
			if t.Header["kid"] == k.ID.String() {
				return k.Public, nil
			}
		}
		return nil, fmt.Errorf("unknown key")
	})
	switch {
	case err == nil:
		return c, nil
	case isExpired(err):
		return nil, invalid("token_expired")
	case isAudience(err):
		return nil, invalid("token_audience")
	}
	return nil, invalid("token_invalid")
}

// living says that a token was minted here and not revoked. A good answer is remembered for a second.
func (s *Service) living(ctx context.Context, id ident.WidgetTokenID) error {
	s.mu.Lock()
	until, hit := s.alive[id.UUID()]
	s.mu.Unlock()
	if hit && time.Now().Before(until) && !s.Authz.Revoked().Ended(id.String()) {
		return nil
	}
	row, err := s.q.OrgOfToken(ctx, s.DB, widgetq.OrgOfTokenParams{Jti: id.UUID()})
	if db.NotFound(err) || err == nil && row.RevokedAt != nil {
		return invalid("token_invalid")
	} else if err != nil {
		return fmt.Errorf("read a widget token: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alive == nil || len(s.alive) > 10_000 {
		s.alive = map[uuid.UUID]time.Time{}
	}
	s.alive[id.UUID()] = time.Now().Add(time.Second)
	return nil
}

func invalid(reason string) *fault.Fault {
	return fault.Unauthorized(reason, "This page's access has ended. Open it again from the application.")
}

// Session is what the caller's token says.
func (s *Service) Session(ctx context.Context) (*WidgetSession, error) {
	p := authz.From(ctx)
	if p.Kind != authz.WIDGET {
		return nil, fault.Unauthorized("", "Send a widget token.")
	}
	app, err := s.Applications.Find(ctx, p.Widget.ApplicationID)
	if err != nil {
		return nil, err
	}
	if app.ArchivedAt != nil {
		return nil, fault.NotFound("application")
	}
	out := &WidgetSession{ExpiresAt: p.Widget.ExpiresAt, SetupMethods: []connection.SetupType{connection.Manual}, Scopes: []WidgetScope{},
		Application: WidgetApplication{ID: app.ID, Name: app.Name, PublicKey: app.PublicKey, Environment: app.Environment, SubdomainRule: app.SubdomainRule, DefaultSubdomain: app.DefaultSubdomain}}
	if s.Delegation && app.SubdomainRule != application.SubdomainForbidden {
		out.SetupMethods = append(out.SetupMethods, connection.Delegation)
	}
	for _, scope := range p.Widget.Scopes {
		out.Scopes = append(out.Scopes, WidgetScope(scope))
	}
	if p.Widget.Hostname != "" {
		out.Hostname = &p.Widget.Hostname
	}
	if p.Widget.EndUserRef != "" {
		out.EndUserRef = &p.Widget.EndUserRef
	}
	return out, nil
}

// Part is what widgets contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "widget", Grants: []authz.Grant{{Permission: "widget.mint", Roles: []authz.Role{authz.Member, authz.Owner}, What: "mint and revoke widget tokens"}}}
}
