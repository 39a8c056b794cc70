package widget

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/widgetq"
)

const (
	maxSeconds     = 3600
	minSeconds     = 30
	maxConnections = 20
	maxMetadata    = 4096
	maxRef         = 200
)

// CreateWidgetTokenInput asks for a token; it needs an end user or connections.
type CreateWidgetTokenInput struct {
	ApplicationID    ident.ApplicationID
	EndUserRef       *string
	ConnectionIds    []ident.ConnectionID
	Hostname         *string
	ExternalRef      *string
	EndUserEmail     *string
	Metadata         json.RawMessage
	RecipeID         *ident.RecipeID
	Origin           *string
	Scopes           []WidgetScope
	TTLSeconds       *int32
	ClientMutationID *string
}

// WidgetTokenPayload carries the token, once.
type WidgetTokenPayload struct {
	Token     secret.String
	TokenID   ident.WidgetTokenID
	ExpiresAt time.Time
}

// Mint makes a token for a page of the application. It is called by the SaaS's server, never by a browser.
func (s *Service) Mint(ctx context.Context, in CreateWidgetTokenInput) (*WidgetTokenPayload, error) {
	return door.Do(ctx, s.Door, door.Change[CreateWidgetTokenInput, *WidgetTokenPayload]{
		Action: door.Action{Name: "widget_token.mint", Permission: "widget.mint"},
		Org: func(ctx context.Context, in CreateWidgetTokenInput) (ident.OrgID, error) {
			return s.Applications.OrgOf(ctx, in.ApplicationID)
		},
		Key:      func(in CreateWidgetTokenInput) *string { return in.ClientMutationID },
		Validate: s.validate,
		Do:       s.mint,
	}, in)
}

func (s *Service) validate(ctx context.Context, e *door.Effect, in *CreateWidgetTokenInput) error {
	if !e.Scope.Covers(in.ApplicationID) {
		return fault.NotFound("application")
	}
	app, err := s.Applications.Find(ctx, in.ApplicationID)
	if err != nil {
		return err
	}
	if app.ArchivedAt != nil {
		return fault.NotFound("application")
	}
	var faults []error
	if empty(in.EndUserRef) && len(in.ConnectionIds) == 0 {
		faults = append(faults, fault.Invalid("endUserRef", "token_unbound", "Say whose token this is: endUserRef, or connectionIds."))
	}
	if empty(in.EndUserRef) && slices.Contains(in.Scopes, Start) {
		faults = append(faults, fault.Invalid("scopes", "scope_start", "START needs an endUserRef."))
	}
	for field, v := range map[string]*string{"endUserRef": in.EndUserRef, "externalRef": in.ExternalRef, "endUserEmail": in.EndUserEmail} {
		if v != nil && len(*v) > maxRef {
			faults = append(faults, fault.Invalid(field, "too_long", "At most %d characters.", maxRef))
		}
	}
	if len(in.Metadata) > maxMetadata {
		faults = append(faults, fault.Invalid("metadata", "too_long", "At most %d bytes.", maxMetadata))
	}
	if in.TTLSeconds != nil && (*in.TTLSeconds < minSeconds || *in.TTLSeconds > maxSeconds) {
		faults = append(faults, fault.Invalid("ttlSeconds", "range", "A token lives %d to %d seconds.", minSeconds, maxSeconds))
	}
	if !empty(in.Origin) && !app.Allows(*in.Origin) {
		faults = append(faults, fault.Invalid("origin", "origin_not_allowed", "This origin is not among the application's allowed origins."))
	}
	if !empty(in.Hostname) {
		name, err := hostname.Parse(*in.Hostname, s.Hostnames)
		if f, ok := errors.AsType[*hostname.Error](err); ok {
			faults = append(faults, fault.Invalid("hostname", string(f.Reason), "This host name cannot be connected."))
		} else if err != nil {
			return err
		}
		in.Hostname = &name.ASCII
	}
	if len(in.ConnectionIds) > maxConnections {
		faults = append(faults, fault.Invalid("connectionIds", "too_many", "At most %d connections.", maxConnections))
	} else {
		faults = append(faults, s.checkConnections(ctx, e, in)...)
	}
	return errors.Join(faults...)
}

func (s *Service) checkConnections(ctx context.Context, e *door.Effect, in *CreateWidgetTokenInput) (faults []error) {
	for n, id := range in.ConnectionIds {
		org, app, err := s.OrgOfConnection(ctx, id)
		if err != nil && !fault.Is(err, fault.NotFoundCode) {
			return []error{err}
		}
		if err != nil || org != e.Scope.Org() || app != in.ApplicationID {
			faults = append(faults, fault.At(fault.NotFound("connection"), fmt.Sprintf("connectionIds.%d", n)))
		}
	}
	return faults
}

func (s *Service) mint(ctx context.Context, e *door.Effect, in CreateWidgetTokenInput) (*WidgetTokenPayload, error) {
	id, life := ident.New[ident.WidgetTokenID](e.Tx.Now), maxSeconds*time.Second
	if in.TTLSeconds != nil {
		life = time.Duration(*in.TTLSeconds) * time.Second
	}
	until := e.Tx.Now.Add(life).Truncate(time.Second)
	c := claims{Org: e.Scope.Org(), App: in.ApplicationID, Hostname: text(in.Hostname), EndUserRef: text(in.EndUserRef), Connections: in.ConnectionIds, ExternalRef: text(in.ExternalRef),
		Email: text(in.EndUserEmail), Metadata: in.Metadata, Recipe: in.RecipeID, Origin: text(in.Origin), Scopes: in.Scopes}
	if len(c.Scopes) == 0 {
		c.Scopes = []WidgetScope{Check, Setup, Apply, Share, View}
		if c.EndUserRef != "" {
			c.Scopes = append(c.Scopes, Start)
		}
	}
	c.RegisteredClaims = jwt.RegisteredClaims{ID: id.String(), Issuer: issuer, Audience: jwt.ClaimStrings{audience}, IssuedAt: jwt.NewNumericDate(e.Tx.Now), ExpiresAt: jwt.NewNumericDate(until)}
	key, err := s.Vault.Signer(ctx, vault.WidgetToken)
	if err != nil {
		return nil, err
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	t.Header["kid"] = key.ID.String()
	signed, err := t.SignedString(key.Private())
	if err != nil {
		return nil, fmt.Errorf("sign a widget token: %w", err)
	}
	if err := s.keep(ctx, e, in, c, id, until); err != nil {
		return nil, err
	}
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "widget_token.minted", Subject: id.String(), Version: 1, Audited: true,
		Payload: map[string]any{"v": 1, "application": in.ApplicationID.String(), "scopes": c.Scopes, "hostname": c.Hostname}})
	return &WidgetTokenPayload{Token: secret.New(signed), TokenID: id, ExpiresAt: until}, nil
}

func (s *Service) keep(ctx context.Context, e *door.Effect, in CreateWidgetTokenInput, c claims, id ident.WidgetTokenID, until time.Time) error {
	row := widgetq.AddTokenParams{Jti: id.UUID(), OrgID: e.Scope.OrgUUID(), ApplicationID: in.ApplicationID.UUID(), Hostname: in.Hostname, ConnectionIds: []uuid.UUID{}, EndUserRef: in.EndUserRef,
		ExternalRef: in.ExternalRef, EndUserEmail: in.EndUserEmail, Metadata: in.Metadata, Origin: in.Origin, MintedBy: e.Caller.Actor(), CreatedAt: e.Tx.Now, ExpiresAt: until}
	for _, con := range in.ConnectionIds {
		row.ConnectionIds = append(row.ConnectionIds, con.UUID())
	}
	for _, scope := range c.Scopes {
		row.Scopes = append(row.Scopes, string(scope))
	}
	if in.RecipeID != nil {
		row.RecipeID = new(in.RecipeID.UUID())
	}
	if len(row.Metadata) == 0 {
		row.Metadata = []byte("{}")
	}
	if err := s.q.AddToken(ctx, e.Tx, row); err != nil {
		return fmt.Errorf("keep the widget token: %w", err)
	}
	return nil
}

// Revoke ends a token; a second time changes nothing.
func (s *Service) Revoke(ctx context.Context, id ident.WidgetTokenID) error {
	_, err := door.Do(ctx, s.Door, door.Change[ident.WidgetTokenID, struct{}]{
		Action: door.Action{Name: "widget_token.revoke", Permission: "widget.mint"},
		Org: func(ctx context.Context, id ident.WidgetTokenID) (ident.OrgID, error) {
			row, err := s.q.OrgOfToken(ctx, s.DB, widgetq.OrgOfTokenParams{Jti: id.UUID()})
			if db.NotFound(err) {
				return ident.OrgID{}, fault.NotFound("widget token")
			} else if err != nil {
				return ident.OrgID{}, fmt.Errorf("read a widget token: %w", err)
			}
			return ident.From[ident.OrgID](row.OrgID), nil
		},
		Do: func(ctx context.Context, e *door.Effect, id ident.WidgetTokenID) (struct{}, error) {
			n, err := s.q.RevokeToken(ctx, e.Tx, widgetq.RevokeTokenParams{Jti: id.UUID(), OrgID: e.Scope.OrgUUID(), RevokedAt: &e.Tx.Now})
			if err != nil {
				return struct{}{}, fmt.Errorf("revoke the widget token: %w", err)
			}
			if n == 0 {
				e.Quiet()
				return struct{}{}, nil
			}
			e.Record(event.Change{OrgID: e.Scope.Org(), Action: "widget_token.revoked", Subject: id.String(), Version: 2, Payload: map[string]any{"v": 1}, Audited: true})
			return struct{}{}, s.Authz.Revoke(ctx, e.Tx, id.String(), "revoked")
		},
	}, id)
	return err
}

func isExpired(err error) bool  { return errors.Is(err, jwt.ErrTokenExpired) }
func isAudience(err error) bool { return errors.Is(err, jwt.ErrTokenInvalidAudience) }

func empty(s *string) bool { return s == nil || *s == "" }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
