package apikey

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/apikeyq"
)

const longestReason = 500

// Delete ends a key and everything made by it: one's own and that of a machine one has registered, with apikey.revoke any, and for a key with apikey.manage
// what it made. Doing it again changes nothing.
func (s *Service) Delete(ctx context.Context, id ident.KeyID) error {
	a := door.Action{Name: "apikey.delete", Self: true, Paid: true, Once: true}
	caller := authz.From(ctx)
	if caller.Kind == authz.API_KEY {
		a.Self, a.Permission = false, "apikey.manage"
	} else if caller.Kind == authz.USER {
		whose, err := s.whose(ctx, s.DB, id)
		if err != nil {
			return err
		}
		if whose.CreatedBy != nil && *whose.CreatedBy == caller.UserID.UUID() { // a machine may live where its person does not
			a.Self, a.Own = false, true
		}
	}
	_, err := door.Do(ctx, s.Door, door.Change[ident.KeyID, struct{}]{
		Action: a,
		Org:    s.OrgOf,
		Do: func(ctx context.Context, e *door.Effect, id ident.KeyID) (struct{}, error) {
			whose, err := s.whose(ctx, e.Tx, id)
			if err != nil {
				return struct{}{}, err
			}
			if !a.Own {
				if err := s.mayDelete(ctx, e, id); err != nil {
					return struct{}{}, err
				}
			}
			_, err = s.endTx(ctx, e, ident.From[ident.OrgID](whose.OrgID), id, "apikey.deleted", "deleted")
			return struct{}{}, err
		},
	}, id)
	return err
}

func (s *Service) mayDelete(ctx context.Context, e *door.Effect, id ident.KeyID) error {
	k, err := s.byID(ctx, e.Tx, e.Scope, id)
	if err != nil {
		return err
	}
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
	_, err = s.Authz.Authorize(ctx, "apikey.revoke", e.Scope.Org())
	return err
}

// endTx ends a key and its children, and answers how many there were; action is what is recorded of the key itself.
func (s *Service) endTx(ctx context.Context, e *door.Effect, org ident.OrgID, id ident.KeyID, action, reason string) (int, error) {
	if _, err := s.q.HoldKey(ctx, e.Tx, apikeyq.HoldKeyParams{ID: id.UUID(), OrgID: org.UUID()}); err != nil {
		return 0, fmt.Errorf("lock the key: %w", err)
	}
	ids, err := s.q.RevokeKeys(ctx, e.Tx, apikeyq.RevokeKeysParams{ID: id.UUID(), OrgID: org.UUID(), Now: e.Tx.Now, By: e.Caller.Actor(), Reason: reason})
	if err != nil {
		return 0, fmt.Errorf("end the key: %w", err)
	}
	if len(ids) == 0 {
		e.Quiet() // it had ended already
	}
	for _, u := range ids {
		recorded := action
		if u != id.UUID() {
			recorded = "apikey.revoked"
		}
		if err := s.ended(ctx, e, org, ident.From[ident.KeyID](u), recorded); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

// Revoke is for operators: a key that leaked ends, with its children, whoever's it is. Its owner and the owners of the organization read of it.
func (s *Service) Revoke(ctx context.Context, id ident.KeyID, reason string) error {
	reason = strings.TrimSpace(reason)
	_, err := door.Do(ctx, s.Door, door.Change[ident.KeyID, struct{}]{
		Action: door.Action{Name: "apikey.revoke", Permission: "apikey.revoke_any", Operator: true},
		Validate: func(context.Context, *door.Effect, *ident.KeyID) error {
			if n := utf8.RuneCountInString(reason); n == 0 || n > longestReason || !utf8.ValidString(reason) || strings.ContainsRune(reason, 0) {
				return fault.Invalid("reason", "reason", "Say why, in at most %d characters.", longestReason)
			}
			return nil
		},
		Do: func(ctx context.Context, e *door.Effect, id ident.KeyID) (struct{}, error) {
			whose, err := s.whose(ctx, e.Tx, id)
			if err != nil {
				return struct{}{}, err
			}
			org := ident.From[ident.OrgID](whose.OrgID)
			n, err := s.endTx(ctx, e, org, id, "apikey.revoked", reason)
			if n > 0 && err == nil {
				err = s.tell(ctx, e, Revoked, org, id, reason)
			}
			return struct{}{}, err
		},
	}, id)
	return err
}

// EndOfMemberTx ends all keys that a person has in an organization, for the moment in which the membership ends.
func (s *Service) EndOfMemberTx(ctx context.Context, e *door.Effect, user ident.UserID, org ident.OrgID) error {
	ids, err := s.q.RevokeKeysOfMember(ctx, e.Tx, apikeyq.RevokeKeysOfMemberParams{OrgID: org.UUID(), UserID: user.UUID(), Now: e.Tx.Now, By: e.Caller.Actor()})
	if err != nil {
		return fmt.Errorf("end the keys of a former member: %w", err)
	}
	for _, u := range ids {
		id := ident.From[ident.KeyID](u)
		if err := s.ended(ctx, e, org, id, "apikey.revoked"); err != nil {
			return err
		}
		if err := s.tell(ctx, e, Revoked, org, id, ""); err != nil {
			return err
		}
	}
	return nil
}

// EndAllTx ends all keys of a person or machine whose account ends, and what was made by them.
func (s *Service) EndAllTx(ctx context.Context, e *door.Effect, user ident.UserID, reason string) error {
	rows, err := s.q.RevokeKeysOfUser(ctx, e.Tx, apikeyq.RevokeKeysOfUserParams{UserID: user.UUID(), Now: e.Tx.Now, By: e.Caller.Actor(), Reason: reason})
	if err != nil {
		return fmt.Errorf("end the keys of %s: %w", user, err)
	}
	for _, r := range rows {
		id, org := ident.From[ident.KeyID](r.ID), ident.From[ident.OrgID](r.OrgID)
		if err := s.ended(ctx, e, org, id, "apikey.revoked"); err != nil {
			return err
		}
		if err := s.tell(ctx, e, Revoked, org, id, reason); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) ended(ctx context.Context, e *door.Effect, org ident.OrgID, id ident.KeyID, action string) error {
	e.Record(event.Change{OrgID: org, Action: action, Subject: id.String(), Version: 2, Payload: map[string]any{"v": 1}, Audited: true})
	return s.Authz.Revoke(ctx, e.Tx, id.String(), action)
}
