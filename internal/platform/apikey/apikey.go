// Package apikey is the credential of a program: a secret bound to one organization, and to one application if wished.
//
// A key reads npk_<lookup>_<secret><checksum>: 16, 43 and 6 characters. The lookup part is public and finds the row; of the secret only SHA-256 is
// stored, and it is shown once. The checksum lets scanners for secrets, and us, know a key from a mistyped one without asking anybody. A key has exactly the scopes it was made with (none given: none), and never more than the person behind it. A key made by a key stays
// within its parent and ends with it. A deleted key is dead within a second, its sockets included.
package apikey

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/apikeyq"
)

const (
	prefix     = "npk_"
	lookupSize = 16 // 80 bits
	secretSize = 43 // 256 bits
	sumSize    = 6
	usedEvery  = time.Minute
)

// ApiKey is a key as it may be shown.
type ApiKey struct {
	ID             ident.KeyID
	Prefix         string // npk_ and the lookup part
	LastFour       string
	Description    string
	Scopes         []string
	OrganizationID ident.OrgID
	ApplicationID  *ident.ApplicationID
	ParentID       *ident.KeyID
	UserID         ident.UserID
	CreatedAt      time.Time
	ExpiresAt      *time.Time
	LastUsedAt     *time.Time
	LastUsedIP     *string
	RevokedAt      *time.Time
}

func (*ApiKey) IsNode() {}

// Kind says who stands behind a key.
type Kind string

const (
	ofPerson  Kind = "USER"
	ofMachine Kind = "MACHINE"
)

type (
	ApiKeyPage = page.Of[*ApiKey]
	ApiKeyEdge = page.Edge[*ApiKey]
)

// Service makes, lists, ends and recognises keys.
type Service struct {
	DB    *db.DB
	Door  *door.Door
	Authz *authz.Authorizer
	// Tell mails people what happened to a key; nil: nobody is told.
	Tell func(ctx context.Context, e *door.Effect, n News) error
	// OrgOfApplication says whose application a key is narrowed to; NOT_FOUND for an unknown one.
	OrgOfApplication func(ctx context.Context, id ident.ApplicationID) (ident.OrgID, error)

	q     apikeyq.Queries
	mu    sync.Mutex
	cache map[[32]byte]remembered
}

type remembered struct {
	caller authz.Principal
	until  time.Time
}

var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// generate makes the two parts of a new key.
func generate() (lookup, hidden string) {
	var b [32]byte
	rand.Read(b[:])
	hidden = base64.RawURLEncoding.EncodeToString(b[:])
	rand.Read(b[:])
	return lower.EncodeToString(b[:10]), hidden
}

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// checksum is CRC-32 (IEEE) of the two parts in base 62, six digits.
func checksum(lookup, hidden string) string {
	n := crc32.ChecksumIEEE([]byte(lookup + "_" + hidden))
	var b [sumSize]byte
	for i := range b {
		b[len(b)-1-i] = digits[n%62]
		n /= 62
	}
	return string(b[:])
}

// Minted is a new key: what is stored of it, and what is shown once.
type Minted struct {
	Lookup   string // public
	LastFour string
	Hash     []byte
	Full     secret.String
}

// Mint makes a key with this prefix.
func Mint(prefix string) Minted {
	lookup, hidden := generate()
	sum := sha256.Sum256([]byte(hidden))
	full := prefix + lookup + "_" + hidden + checksum(lookup, hidden)
	return Minted{Lookup: lookup, LastFour: full[len(full)-4:], Hash: sum[:], Full: secret.New(full)}
}

// Split reads a key with this prefix and answers the hash of its secret; a text with a wrong checksum is no key, and costs no look-up.
func Split(prefix string, key secret.String) (lookup string, hash []byte, ok bool) {
	rest, found := strings.CutPrefix(key.Reveal(), prefix)
	lookup, tail, cut := strings.Cut(rest, "_")
	if !found || !cut || len(lookup) != lookupSize || len(tail) != secretSize+sumSize {
		return "", nil, false
	}
	sum := sha256.Sum256([]byte(tail[:secretSize]))
	return lookup, sum[:], tail[secretSize:] == checksum(lookup, tail[:secretSize])
}

// Is says that a bearer credential means to be an API key.
func Is(text string) bool { return strings.HasPrefix(text, prefix) }

// Authenticate answers the caller behind a key. Everything wrong with it is the same UNAUTHENTICATED. What it remembers lives one second.
func (s *Service) Authenticate(ctx context.Context, key secret.String, ip string) (authz.Principal, error) {
	none := authz.Principal{Kind: authz.PUBLIC}
	memory := sha256.Sum256([]byte(key.Reveal()))
	s.mu.Lock()
	r, hit := s.cache[memory]
	s.mu.Unlock()
	if hit && time.Now().Before(r.until) && !s.Authz.Revoked().Ended(r.caller.Subjects()...) {
		return r.caller, nil
	}
	lookup, hash, ok := Split(prefix, key)
	if !ok {
		return none, invalid()
	}
	now, network := s.DB.Now(), cidr(authz.From(ctx).Network)
	row, err := s.q.OrgOfLookup(ctx, s.DB, apikeyq.OrgOfLookupParams{Lookup: lookup, Now: now, Network: network})
	if db.NotFound(err) {
		return none, invalid()
	} else if err != nil {
		return none, fmt.Errorf("look up an API key: %w", err)
	}
	if subtle.ConstantTimeCompare(hash, row.SecretHash) != 1 || row.Revoked || row.ExpiresAt != nil && !now.Before(*row.ExpiresAt) {
		return none, invalid()
	}
	caller := principal(row)
	if row.Access != "ENABLED" {
		return none, s.refuse(ctx, caller)
	}
	if err := s.used(ctx, caller, row, ip, network); err != nil {
		return none, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache == nil || len(s.cache) > 10_000 {
		s.cache = map[[32]byte]remembered{}
	}
	s.cache[memory] = remembered{caller, time.Now().Add(time.Second)}
	return caller, nil
}

func principal(row *apikeyq.OrgOfLookupRow) authz.Principal {
	p := authz.Principal{Kind: authz.API_KEY, KeyID: ident.From[ident.KeyID](row.ID), UserID: ident.From[ident.UserID](row.UserID), OrgID: ident.From[ident.OrgID](row.OrgID), Basic: row.Basic}
	if row.Kind == string(ofMachine) {
		p.Kind = authz.MACHINE
	}
	if row.AppID != nil {
		p.ApplicationID = ident.From[ident.ApplicationID](*row.AppID)
	}
	if row.ExpiresAt != nil {
		p.Until = *row.ExpiresAt
	}
	for _, scope := range row.Scopes {
		p.Scopes = append(p.Scopes, authz.Permission(scope))
	}
	return p
}

func invalid() error {
	return fault.Unauthorized("key_invalid", "This API key is unknown, expired or deleted.")
}

// Get reads one key that the caller may see; what is somebody else's looks like what does not exist.
func (s *Service) Get(ctx context.Context, id ident.KeyID) (*ApiKey, error) {
	org, err := s.OrgOf(ctx, id)
	if err != nil {
		return nil, err
	}
	scope, all, err := s.reader(ctx, org)
	if err != nil {
		return nil, err
	}
	k, err := s.byID(ctx, s.DB, scope, id)
	if err != nil {
		return nil, err
	}
	narrowed := scope.Application()
	if !all && k.UserID != authz.From(ctx).UserID || !narrowed.IsZero() && (k.ApplicationID == nil || *k.ApplicationID != narrowed) {
		return nil, fault.NotFound("API key")
	}
	return k, nil
}

// reader answers the scope of a caller who may read keys: all of them with apikey.read, else one's own.
func (s *Service) reader(ctx context.Context, org ident.OrgID) (scope authz.Scope, all bool, err error) {
	if scope, err = s.Authz.Authorize(ctx, "apikey.read", org); err == nil {
		return scope, true, nil
	}
	if !fault.Is(err, fault.ForbiddenCode) {
		return scope, false, err
	}
	scope, err = s.Authz.Authorize(ctx, authz.SelfRead, org)
	return scope, false, err
}

func (s *Service) byID(ctx context.Context, on apikeyq.DBTX, scope authz.Scope, id ident.KeyID) (*ApiKey, error) {
	r, err := s.q.KeyByID(ctx, on, apikeyq.KeyByIDParams{ID: id.UUID(), OrgID: scope.OrgUUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("API key")
	} else if err != nil {
		return nil, fmt.Errorf("read the key %s: %w", id, err)
	}
	return fromRow((*row)(r)), nil
}

// Called is the description of a key of the organization, which is what people know it by; "" when there is none.
func (s *Service) Called(ctx context.Context, org ident.OrgID, id ident.KeyID) (string, error) {
	r, err := s.q.KeyByID(ctx, s.DB, apikeyq.KeyByIDParams{ID: id.UUID(), OrgID: org.UUID()})
	if db.NotFound(err) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("read what the key %s is called: %w", id, err)
	}
	return r.Description, nil
}

// OrgOf says whose a key is.
func (s *Service) OrgOf(ctx context.Context, id ident.KeyID) (ident.OrgID, error) {
	row, err := s.whose(ctx, s.DB, id)
	if err != nil {
		return ident.OrgID{}, err
	}
	return ident.From[ident.OrgID](row.OrgID), nil
}

func (s *Service) whose(ctx context.Context, on apikeyq.DBTX, id ident.KeyID) (*apikeyq.OrgOfKeyRow, error) {
	row, err := s.q.OrgOfKey(ctx, on, apikeyq.OrgOfKeyParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("API key")
	} else if err != nil {
		return nil, fmt.Errorf("find the key %s: %w", id, err)
	}
	return row, nil
}

type row = apikeyq.KeyByIDRow

func fromRow(r *row) *ApiKey {
	k := &ApiKey{ID: ident.From[ident.KeyID](r.ID), Prefix: prefix + r.Lookup, LastFour: r.LastFour, Description: r.Description, Scopes: r.Scopes, OrganizationID: ident.From[ident.OrgID](r.OrgID),
		ApplicationID: ident.FromPtr[ident.ApplicationID](r.AppID), ParentID: ident.FromPtr[ident.KeyID](r.ParentID), UserID: ident.From[ident.UserID](r.UserID),
		CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, LastUsedAt: r.LastUsedAt, RevokedAt: r.RevokedAt}
	if r.LastUsedIp != "" {
		k.LastUsedIP = &r.LastUsedIp
	}
	return k
}

// Part is what keys contribute.
func (s *Service) Part() part.Part {
	owner := []authz.Role{authz.Owner}
	return part.Part{Name: "apikey", Grants: []authz.Grant{
		{Permission: "apikey.read", Roles: owner, What: "see all API keys of the organization"},
		{Permission: "apikey.revoke", Roles: owner, What: "delete any API key of the organization"},
		{Permission: "apikey.revoke_any", Operator: true, What: "revoke any API key"},
		{Permission: "apikey.manage", Roles: owner, What: "as a scope: a key that makes and deletes keys below itself"},
	}, Nodes: map[string]part.Finder{"key": func(ctx context.Context, a ident.Any) (any, error) {
		id, err := ident.As[ident.KeyID](a, "id")
		if err != nil {
			return nil, err
		}
		return s.Get(ctx, id)
	}}, Periodics: []work.Periodic{{Kind: "apikey.notice", Every: 24 * time.Hour, Do: s.notice}}}
}
