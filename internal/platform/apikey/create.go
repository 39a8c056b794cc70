package apikey

import (
	"context"
	"crypto/sha256"
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

// shortest is the least time that a key with an end lives.
const shortest = time.Hour

// CreateApiKeyInput asks for a key. OrganizationID may be left out by a caller that is bound to one.
type CreateApiKeyInput struct {
	Description      string
	OrganizationID   *ident.OrgID
	ApplicationID    *ident.ApplicationID
	Scopes           []string
	ExpiresAt        *time.Time
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
	if in.ExpiresAt != nil && in.ExpiresAt.Before(e.Tx.Now.Add(shortest)) {
		faults = append(faults, fault.Invalid("expiresAt", "expires_soon", "Choose a time that is at least an hour ahead."))
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
	if parent.ExpiresAt != nil {
		if in.ExpiresAt == nil {
			in.ExpiresAt = parent.ExpiresAt
		} else if in.ExpiresAt.After(*parent.ExpiresAt) {
			faults = append(faults, fault.Invalid("expiresAt", "expires_parent", "This key ends at %s; what it makes cannot last longer.", parent.ExpiresAt.Format(time.RFC3339)))
		}
	}
	return faults
}

func (s *Service) create(ctx context.Context, e *door.Effect, in CreateApiKeyInput) (*ApiKeyCreated, error) {
	if e.Caller.Kind == authz.API_KEY {
		if err := s.lockParent(ctx, e); err != nil {
			return nil, err
		}
	}
	id := ident.New[ident.KeyID](e.Tx.Now)
	lookup, hidden := generate()
	sum := sha256.Sum256([]byte(hidden))
	full := compose(lookup, hidden)
	p := apikeyq.AddKeyParams{ID: id.UUID(), Lookup: lookup, LastFour: full.Reveal()[len(full.Reveal())-4:], SecretHash: sum[:], UserID: e.Caller.UserID.UUID(), OrgID: e.Scope.OrgUUID(),
		Description: in.Description, Scopes: in.Scopes, CreatedAt: e.Tx.Now, ExpiresAt: in.ExpiresAt}
	if p.Scopes == nil {
		p.Scopes = []string{}
	}
	if in.ApplicationID != nil {
		p.AppID = new(in.ApplicationID.UUID())
	}
	if e.Caller.Kind == authz.API_KEY {
		p.ParentID = new(e.Caller.KeyID.UUID())
	}
	if err := s.q.AddKey(ctx, e.Tx, p); err != nil {
		return nil, fmt.Errorf("add the key: %w", err)
	}
	e.Record(event.Change{OrgID: e.Scope.Org(), Action: "apikey.created", Subject: id.String(), Version: 1, Payload: map[string]any{"v": 1, "scopes": p.Scopes, "expiresAt": in.ExpiresAt}, Audited: true})
	if in.ExpireOthers {
		ids, err := s.q.ExpireOthers(ctx, e.Tx, apikeyq.ExpireOthersParams{OrgID: e.Scope.OrgUUID(), UserID: e.Caller.UserID.UUID(), Keep: id.UUID(), Now: e.Tx.Now, By: e.Caller.Actor()})
		if err != nil {
			return nil, fmt.Errorf("end the other keys: %w", err)
		}
		for _, u := range ids {
			if err := s.ended(ctx, e, ident.From[ident.KeyID](u), "apikey.revoked"); err != nil {
				return nil, err
			}
		}
	}
	k, err := s.byID(ctx, e.Tx, e.Scope, id)
	if err != nil {
		return nil, err
	}
	return &ApiKeyCreated{ApiKey: k, Secret: full, Edge: &page.Edge[*ApiKey]{Cursor: at(k).String(), Node: k}}, nil
}

// lockParent lets no child be born while its parent dies: who comes second sees what the first has done.
func (s *Service) lockParent(ctx context.Context, e *door.Effect) error {
	parent, err := s.q.LockKey(ctx, e.Tx, apikeyq.LockKeyParams{ID: e.Caller.KeyID.UUID(), OrgID: e.Scope.OrgUUID()})
	if db.NotFound(err) || err == nil && (parent.RevokedAt != nil || parent.ExpiresAt != nil && !e.Tx.Now.Before(*parent.ExpiresAt)) {
		return invalid()
	} else if err != nil {
		return fmt.Errorf("lock the parent key: %w", err)
	}
	return nil
}

// Delete ends a key and everything made by it: one's own, with apikey.revoke any, and for a key with apikey.manage what it made.
func (s *Service) Delete(ctx context.Context, id ident.KeyID) error {
	a := door.Action{Name: "apikey.delete", Self: true, Paid: true, Once: true}
	if authz.From(ctx).Kind == authz.API_KEY {
		a.Self, a.Permission = false, "apikey.manage"
	}
	_, err := door.Do(ctx, s.Door, door.Change[ident.KeyID, struct{}]{
		Action: a,
		Org:    s.OrgOf,
		Do: func(ctx context.Context, e *door.Effect, id ident.KeyID) (struct{}, error) {
			k, err := s.byID(ctx, e.Tx, e.Scope, id)
			if err != nil {
				return struct{}{}, err
			}
			if err := s.mayDelete(ctx, e, k); err != nil {
				return struct{}{}, err
			}
			if _, err := s.q.LockKey(ctx, e.Tx, apikeyq.LockKeyParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID()}); err != nil {
				return struct{}{}, fmt.Errorf("lock the key: %w", err)
			}
			ids, err := s.q.RevokeKeys(ctx, e.Tx, apikeyq.RevokeKeysParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID(), Now: e.Tx.Now, By: e.Caller.Actor(), Reason: "deleted"})
			if err != nil {
				return struct{}{}, fmt.Errorf("end the key: %w", err)
			}
			if len(ids) == 0 {
				e.Quiet() // it had ended already
			}
			for _, u := range ids {
				action := "apikey.deleted"
				if u != id.UUID() {
					action = "apikey.revoked"
				}
				if err := s.ended(ctx, e, ident.From[ident.KeyID](u), action); err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, nil
		},
	}, id)
	return err
}

func (s *Service) mayDelete(ctx context.Context, e *door.Effect, k *ApiKey) error {
	if e.Caller.Kind == authz.API_KEY {
		if k.ID != e.Caller.KeyID && (k.ParentID == nil || *k.ParentID != e.Caller.KeyID) {
			return fault.NotFound("API key")
		}
		return nil // the door asked for apikey.manage
	}
	if k.UserID == e.Caller.UserID {
		return nil
	}
	if _, err := s.Authz.Authorize(ctx, "apikey.read", e.Scope.Org()); err != nil {
		return fault.NotFound("API key") // who may not see it does not learn that it exists
	}
	_, err := s.Authz.Authorize(ctx, "apikey.revoke", e.Scope.Org())
	return err
}

// EndOfMemberTx ends all keys that a person has in an organization, for the moment in which the membership ends.
func (s *Service) EndOfMemberTx(ctx context.Context, e *door.Effect, user ident.UserID, org ident.OrgID) error {
	ids, err := s.q.RevokeKeysOfMember(ctx, e.Tx, apikeyq.RevokeKeysOfMemberParams{OrgID: org.UUID(), UserID: user.UUID(), Now: e.Tx.Now, By: e.Caller.Actor()})
	if err != nil {
		return fmt.Errorf("end the keys of a former member: %w", err)
	}
	for _, u := range ids {
		if err := s.endedIn(ctx, e, org, ident.From[ident.KeyID](u), "apikey.revoked"); err != nil {
			return err
		}
	}
	return nil
}

// EndAllTx ends all keys of a person whose account ends, and what was made by them.
func (s *Service) EndAllTx(ctx context.Context, e *door.Effect, user ident.UserID, reason string) error {
	rows, err := s.q.RevokeKeysOfUser(ctx, e.Tx, apikeyq.RevokeKeysOfUserParams{UserID: user.UUID(), Now: e.Tx.Now, By: e.Caller.Actor(), Reason: reason})
	if err != nil {
		return fmt.Errorf("end the keys of %s: %w", user, err)
	}
	for _, r := range rows {
		if err := s.endedIn(ctx, e, ident.From[ident.OrgID](r.OrgID), ident.From[ident.KeyID](r.ID), "apikey.revoked"); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) ended(ctx context.Context, e *door.Effect, id ident.KeyID, action string) error {
	return s.endedIn(ctx, e, e.Scope.Org(), id, action)
}

func (s *Service) endedIn(ctx context.Context, e *door.Effect, org ident.OrgID, id ident.KeyID, action string) error {
	e.Record(event.Change{OrgID: org, Action: action, Subject: id.String(), Version: 2, Payload: map[string]any{"v": 1}, Audited: true})
	return s.Authz.Revoke(ctx, e.Tx, id.String(), action)
}
