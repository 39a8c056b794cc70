package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/apikeyq"
	"golang.org/x/text/unicode/norm"
)

// reserved scopes are given by persons alone.
var reserved = []string{"apikey.manage", "billing.change"}

const (
	shortest = time.Hour            // that a key with an end lives at least
	usual    = 365 * 24 * time.Hour // that a key lives whose maker says nothing
)

// CreateApiKeyInput asks for a key. OrganizationID may be left out by a caller that is bound to one.
type CreateApiKeyInput struct {
	Description      string
	OrganizationID   *ident.OrgID
	ApplicationID    *ident.ApplicationID
	Scopes           []string
	ExpiresAt        *time.Time // nil: in a year
	NeverExpires     bool
	ExpireOthers     bool
	ClientMutationID *string
}

// ApiKeyCreated carries the secret, once.
type ApiKeyCreated struct {
	ApiKey *ApiKey
	Secret secret.String
	Edge   *ApiKeyEdge
}

// Create makes a key for the caller: a person with a fresh proof of identity, or a key with apikey.manage, whose child it becomes.
func (s *Service) Create(ctx context.Context, in CreateApiKeyInput) (*ApiKeyCreated, error) {
	caller := authz.From(ctx)
	if in.OrganizationID == nil {
		in.OrganizationID = &caller.OrgID
	}
	a := door.Action{Name: "apikey.create", Self: true, StepUp: true, Paid: true}
	if caller.Kind == authz.API_KEY {
		a.Self, a.Permission = false, "apikey.manage"
	}
	return door.Do(ctx, s.Door, door.Change[CreateApiKeyInput, *ApiKeyCreated]{
		Action:   a,
		Org:      func(_ context.Context, in CreateApiKeyInput) (ident.OrgID, error) { return *in.OrganizationID, nil },
		Key:      func(in CreateApiKeyInput) *string { return in.ClientMutationID },
		Validate: s.validate,
		Do:       s.create,
	}, in)
}

func (s *Service) validate(ctx context.Context, e *door.Effect, in *CreateApiKeyInput) error {
	var faults []error
	in.Description = norm.NFC.String(strings.TrimSpace(in.Description))
	if n := utf8.RuneCountInString(in.Description); n == 0 || n > 120 || !utf8.ValidString(in.Description) || strings.ContainsFunc(in.Description, unicode.IsControl) {
		faults = append(faults, fault.Invalid("description", "description_length", "Say in 1 to 120 characters on one line what this key is for."))
	}
	if soon := CheckExpiry("expiresAt", in.ExpiresAt, e.Tx.Now); soon != nil {
		faults = append(faults, soon)
	}
	if in.ExpiresAt != nil && in.NeverExpires {
		faults = append(faults, fault.Invalid("neverExpires", "expires_never", "Give a time or say that there is none, not both."))
	}
	if len(in.Scopes) > 100 {
		return errors.Join(append(faults, fault.Invalid("scopes", "scopes_number", "A key has at most 100 scopes."))...)
	}
	own, err := s.Authz.Permissions(ctx, e.Scope.Org())
	if err != nil {
		return err
	}
	for n, scope := range in.Scopes { // before they are sorted: a fault names the place where the caller wrote it
		field := fmt.Sprintf("scopes.%d", n)
		switch {
		case !slices.Contains(own, authz.Permission(scope)):
			faults = append(faults, fault.Invalid(field, "scope", "%q is no permission that you hold.", scope))
		case e.Caller.Kind == authz.API_KEY && slices.Contains(reserved, scope):
			faults = append(faults, fault.Invalid(field, "scope_reserved", "Only a person can give %q.", scope))
		}
	}
	in.Scopes = slices.Compact(slices.Sorted(slices.Values(in.Scopes)))
	if in.ApplicationID != nil {
		org, err := s.OrgOfApplication(ctx, *in.ApplicationID)
		if err != nil || org != e.Scope.Org() || !e.Scope.Covers(*in.ApplicationID) { // unknown, foreign and beyond a key's narrowing look alike
			faults = append(faults, fault.At(fault.NotFound("application"), "applicationId"))
		}
	}
	if e.Caller.Kind != authz.API_KEY && in.ExpiresAt == nil && !in.NeverExpires {
		in.ExpiresAt = new(e.Tx.Now.Add(usual))
	}
	if e.Caller.Kind == authz.API_KEY {
		faults = append(faults, s.withinParent(ctx, e, in)...)
	}
	return errors.Join(faults...)
}

// withinParent holds a child to its parent's application and expiry; what the child does not say it inherits.
func (s *Service) withinParent(ctx context.Context, e *door.Effect, in *CreateApiKeyInput) (faults []error) {
	parent, err := s.byID(ctx, e.Tx, e.Scope, e.Caller.KeyID)
	if err != nil {
		return []error{err}
	}
	if in.ExpireOthers {
		faults = append(faults, fault.Invalid("expireOthers", "persons_only", "Only a person can end all other keys."))
	}
	if in.ApplicationID == nil {
		in.ApplicationID = parent.ApplicationID
	}
	if parent.ExpiresAt != nil && in.NeverExpires {
		faults = append(faults, fault.Invalid("neverExpires", "expires_parent", "This key ends at %s; what it makes cannot last longer.", parent.ExpiresAt.Format(time.RFC3339)))
	}
	if in.ExpiresAt == nil && !in.NeverExpires {
		in.ExpiresAt = new(e.Tx.Now.Add(usual))
		if parent.ExpiresAt != nil && parent.ExpiresAt.Before(*in.ExpiresAt) {
			in.ExpiresAt = parent.ExpiresAt
		}
	}
	if parent.ExpiresAt != nil && in.ExpiresAt != nil && in.ExpiresAt.After(*parent.ExpiresAt) {
		faults = append(faults, fault.Invalid("expiresAt", "expires_parent", "This key ends at %s; what it makes cannot last longer.", parent.ExpiresAt.Format(time.RFC3339)))
	}
	return faults
}

func (s *Service) create(ctx context.Context, e *door.Effect, in CreateApiKeyInput) (*ApiKeyCreated, error) {
	if e.Caller.Kind == authz.API_KEY {
		if err := s.lockParent(ctx, e); err != nil {
			return nil, err
		}
	}
	n := fresh{kind: ofPerson, user: e.Caller.UserID, org: e.Scope.Org(), app: in.ApplicationID, description: in.Description, scopes: in.Scopes, expiresAt: in.ExpiresAt}
	if e.Caller.Kind == authz.API_KEY {
		n.parent = &e.Caller.KeyID
	}
	made, err := s.add(ctx, e, n)
	if err != nil {
		return nil, err
	}
	id := made.ApiKey.ID
	if in.ExpireOthers {
		ids, err := s.q.ExpireOthers(ctx, e.Tx, apikeyq.ExpireOthersParams{OrgID: e.Scope.OrgUUID(), UserID: e.Caller.UserID.UUID(), Keep: id.UUID(), Now: e.Tx.Now, By: e.Caller.Actor()})
		if err != nil {
			return nil, fmt.Errorf("end the other keys: %w", err)
		}
		for _, u := range ids {
			if err := s.ended(ctx, e, e.Scope.Org(), ident.From[ident.KeyID](u), "apikey.revoked"); err != nil {
				return nil, err
			}
		}
	}
	return made, nil
}

// fresh is a key about to be made.
type fresh struct {
	kind        Kind
	user        ident.UserID
	org         ident.OrgID
	app         *ident.ApplicationID
	parent      *ident.KeyID
	description string
	scopes      []string
	expiresAt   *time.Time
}

func (s *Service) add(ctx context.Context, e *door.Effect, n fresh) (*ApiKeyCreated, error) {
	id := ident.New[ident.KeyID](e.Tx.Now)
	key := Mint(prefix)
	p := apikeyq.AddKeyParams{ID: id.UUID(), Kind: string(n.kind), Lookup: key.Lookup, LastFour: key.LastFour, SecretHash: key.Hash, UserID: n.user.UUID(), OrgID: n.org.UUID(),
		Description: n.description, Scopes: append([]string{}, n.scopes...), CreatedAt: e.Tx.Now, ExpiresAt: n.expiresAt}
	if n.app != nil {
		p.AppID = new(n.app.UUID())
	}
	if n.parent != nil {
		p.ParentID = new(n.parent.UUID())
	}
	if err := s.q.AddKey(ctx, e.Tx, p); err != nil {
		return nil, fmt.Errorf("add the key: %w", err)
	}
	e.Record(event.Change{OrgID: n.org, Action: "apikey.created", Subject: id.String(), Version: 1, Payload: map[string]any{"v": 1, "scopes": p.Scopes, "expiresAt": n.expiresAt}, Audited: true})
	if err := s.tell(ctx, e, Created, n.org, id, ""); err != nil {
		return nil, err
	}
	r, err := s.q.KeyByID(ctx, e.Tx, apikeyq.KeyByIDParams{ID: p.ID, OrgID: p.OrgID})
	if err != nil {
		return nil, fmt.Errorf("read the key %s: %w", id, err)
	}
	k := fromRow((*row)(r))
	return &ApiKeyCreated{ApiKey: k, Secret: key.Full, Edge: &page.Edge[*ApiKey]{Cursor: at(k).String(), Node: k}}, nil
}

// MachineTx makes the key of a machine that was just registered.
func (s *Service) MachineTx(ctx context.Context, e *door.Effect, machine ident.UserID, org ident.OrgID, description string, scopes []string, expiresAt *time.Time) (*ApiKeyCreated, error) {
	if expiresAt == nil {
		expiresAt = new(e.Tx.Now.Add(usual))
	}
	return s.add(ctx, e, fresh{kind: ofMachine, user: machine, org: org, description: description, scopes: scopes, expiresAt: expiresAt})
}

// CheckExpiry refuses an end that is too near; nil is none.
func CheckExpiry(field string, at *time.Time, now time.Time) error {
	if at != nil && at.Before(now.Add(shortest)) {
		return fault.Invalid(field, "expires_soon", "Choose a time that is at least an hour ahead.")
	}
	return nil
}

// lockParent lets no child be born while its parent dies: who comes second sees what the first has done.
func (s *Service) lockParent(ctx context.Context, e *door.Effect) error {
	parent, err := s.q.HoldKey(ctx, e.Tx, apikeyq.HoldKeyParams{ID: e.Caller.KeyID.UUID(), OrgID: e.Scope.OrgUUID()})
	if db.NotFound(err) || err == nil && (parent.RevokedAt != nil || parent.ExpiresAt != nil && !e.Tx.Now.Before(*parent.ExpiresAt)) {
		return invalid()
	} else if err != nil {
		return fmt.Errorf("lock the parent key: %w", err)
	}
	return nil
}
