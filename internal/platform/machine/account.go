package machine

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/machineq"
)

const (
	servicePrefix = "npsvc_"
	manage        = "service_account.manage"
	sealedColumn  = "service_account.sealed_signing_key"
	usedEvery     = time.Minute
)

// Account is a service account as it may be shown.
type Account struct {
	ID         ident.KeyID
	Name       string
	Hint       string // the public part of its key, and the last four characters
	CreatedAt  time.Time
	LastUsedAt *time.Time
	RevokedAt  *time.Time
}

// AccountCreated carries the two secrets of a service account, once: the key that it shows and the key with which it signs.
type AccountCreated struct {
	Account *Account
	Key     secret.String
	Signing secret.String
}

// accounts are the callers that were recognised within the last second.
type accounts struct {
	sync.Mutex
	byHash map[[32]byte]remembered
}

type remembered struct {
	caller authz.Principal
	until  time.Time
}

// Is says that a bearer credential means to be the key of a service account.
func Is(text string) bool { return strings.HasPrefix(text, servicePrefix) }

// CreateAccount makes a service account. It is for the command line: whoever can run it runs the installation.
func (s *Service) CreateAccount(ctx context.Context, name string) (*AccountCreated, error) {
	name = strings.TrimSpace(name)
	return door.Do(authz.System(ctx, "admin"), s.Door, door.Change[string, *AccountCreated]{
		Action: door.Action{Name: "service_account.create", Permission: manage, Operator: true},
		Validate: func(context.Context, *door.Effect, *string) error {
			if n := utf8.RuneCountInString(name); n == 0 || n > 100 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
				return fault.Invalid("name", "name_length", "Give a name of 1 to 100 characters on one line.")
			}
			return nil
		},
		Do: func(ctx context.Context, e *door.Effect, name string) (*AccountCreated, error) {
			id, key, signing := ident.New[ident.KeyID](e.Tx.Now), apikey.Mint(servicePrefix), secret.Random("npsig_")
			sealed, err := s.Vault.Seal(ctx, e.Tx, ident.OrgID{}, sealedColumn, id.String(), []byte(signing.Reveal()))
			if err != nil {
				return nil, fmt.Errorf("seal the signing key: %w", err)
			}
			err = s.q.AddServiceAccount(ctx, e.Tx, machineq.AddServiceAccountParams{ID: id.UUID(), Name: name, Lookup: key.Lookup, LastFour: key.LastFour, SecretHash: key.Hash, SealedSigningKey: sealed, CreatedAt: e.Tx.Now})
			if err != nil {
				return nil, fmt.Errorf("add the service account: %w", err)
			}
			e.Record(event.Change{Action: "service_account.created", Subject: id.String(), Version: 1, Chain: "platform", Payload: map[string]any{"v": 1, "name": name}, Audited: true})
			return &AccountCreated{&Account{ID: id, Name: name, Hint: servicePrefix + key.Lookup + "…" + key.LastFour, CreatedAt: e.Tx.Now}, key.Full, signing}, nil
		},
	}, name)
}

// Accounts lists the service accounts, the oldest first, those that ended too.
func (s *Service) Accounts(ctx context.Context) ([]*Account, error) {
	rows, err := s.q.ServiceAccounts(ctx, s.DB)
	if err != nil {
		return nil, fmt.Errorf("list the service accounts: %w", err)
	}
	out := make([]*Account, len(rows))
	for n, r := range rows {
		out[n] = &Account{ID: ident.From[ident.KeyID](r.ID), Name: r.Name, Hint: servicePrefix + r.Lookup + "…" + r.LastFour, CreatedAt: r.CreatedAt, LastUsedAt: r.LastUsedAt, RevokedAt: r.RevokedAt}
	}
	return out, nil
}

// RevokeAccount ends a service account within a second, everywhere. NOT_FOUND for one that is unknown or has ended.
func (s *Service) RevokeAccount(ctx context.Context, id ident.KeyID) error {
	_, err := door.Do(authz.System(ctx, "admin"), s.Door, door.Change[ident.KeyID, struct{}]{
		Action: door.Action{Name: "service_account.revoke", Permission: manage, Operator: true},
		Do: func(ctx context.Context, e *door.Effect, id ident.KeyID) (struct{}, error) {
			n, err := s.q.RevokeServiceAccount(ctx, e.Tx, machineq.RevokeServiceAccountParams{ID: id.UUID(), RevokedAt: &e.Tx.Now})
			if err != nil {
				return struct{}{}, fmt.Errorf("end the service account: %w", err)
			}
			if n == 0 {
				return struct{}{}, fault.NotFound("service account")
			}
			e.Record(event.Change{Action: "service_account.revoked", Subject: id.String(), Version: 2, Chain: "platform", Payload: map[string]any{"v": 1}, Audited: true})
			return struct{}{}, s.Authz.Revoke(ctx, e.Tx, id.String(), "revoked")
		},
	}, id)
	return err
}

// Authenticate answers the service account behind a key. Everything wrong with it is the same UNAUTHENTICATED. What it remembers lives one second.
func (s *Service) Authenticate(ctx context.Context, key secret.String) (authz.Principal, error) {
	none := authz.Principal{Kind: authz.PUBLIC}
	invalid := fault.Unauthorized("key_invalid", "This key of a service account is unknown or revoked.")
	memory := sha256.Sum256([]byte(key.Reveal()))
	s.known.Lock()
	r, hit := s.known.byHash[memory]
	s.known.Unlock()
	if hit && time.Now().Before(r.until) && !s.Authz.Revoked().Ended(r.caller.Subjects()...) {
		return r.caller, nil
	}
	lookup, hash, ok := apikey.Split(servicePrefix, key)
	if !ok {
		return none, invalid
	}
	row, err := s.q.ServiceAccountByLookup(ctx, s.DB, machineq.ServiceAccountByLookupParams{Lookup: lookup})
	if db.NotFound(err) {
		return none, invalid
	} else if err != nil {
		return none, fmt.Errorf("look up a service account: %w", err)
	}
	if subtle.ConstantTimeCompare(hash, row.SecretHash) != 1 || row.RevokedAt != nil {
		return none, invalid
	}
	now := s.DB.Now()
	if row.LastUsedAt == nil || now.Sub(*row.LastUsedAt) > usedEvery {
		if err := s.q.UseServiceAccount(ctx, s.DB, machineq.UseServiceAccountParams{ID: row.ID, LastUsedAt: &now}); err != nil {
			return none, fmt.Errorf("note the use of a service account: %w", err)
		}
	}
	caller := authz.Principal{Kind: authz.SERVICE, KeyID: ident.From[ident.KeyID](row.ID)}
	s.known.Lock()
	defer s.known.Unlock()
	if s.known.byHash == nil || len(s.known.byHash) > 1000 {
		s.known.byHash = map[[32]byte]remembered{}
	}
	s.known.byHash[memory] = remembered{caller, time.Now().Add(time.Second)}
	return caller, nil
}
