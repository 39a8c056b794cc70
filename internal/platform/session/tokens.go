package session

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

// How long tokens live. A refresh moves the second; nothing moves the third.
const (
	accessLife  = 15 * time.Minute
	refreshLife = 14 * 24 * time.Hour
	familyLife  = 90 * 24 * time.Hour
)

const (
	accessPrefix  = "npa_"
	refreshPrefix = "npr_"
	tokenSize     = 43 // 256 bits in base64url
)

// Tokens are what a program holds in place of a cookie.
type Tokens struct {
	UserID           ident.UserID
	Access           secret.String
	AccessExpiresAt  time.Time
	Refresh          secret.String
	RefreshExpiresAt time.Time
}

// Family says whose tokens begin, and how the person proved who they are.
type Family struct {
	User   ident.UserID
	Client string   // what the program calls itself; "" where it does not say
	Amr    []string // words of RFC 8176; "mfa" among them says that two factors were proven
}

// StartTokensTx signs a person's program in: a family of tokens begins, one for each device. Of the tokens the database keeps hashes alone.
func (s *Service) StartTokensTx(ctx context.Context, e *door.Effect, f Family) (*Tokens, ident.SessionID, error) {
	id := ident.New[ident.SessionID](e.Tx.Now)
	if err := s.greet(ctx, e, f.User); err != nil {
		return nil, id, err
	}
	row := sessionq.AddFamilyParams{ID: id.UUID(), UserID: f.User.UUID(), Client: brief(f.Client, 100), Aal: level(f.Amr), Amr: words(f.Amr), AuthTime: e.Tx.Now,
		UserAgent: cut(e.Caller.UserAgent, 400), CreatedAt: e.Tx.Now, AbsoluteExpiresAt: e.Tx.Now.Add(familyLife)}
	if e.Caller.IP != "" {
		row.Ip = &e.Caller.IP
	}
	if err := s.q.AddFamily(ctx, e.Tx, row); err != nil {
		return nil, id, fmt.Errorf("add the family of tokens: %w", err)
	}
	key, err := s.Vault.Signer(ctx, vault.Session)
	if err != nil {
		return nil, id, err
	}
	refresh, access := secret.Random(refreshPrefix), secret.Random(accessPrefix)
	t, err := s.addPair(ctx, e, pair{family: id, user: f.User, key: key.ID, refresh: refresh, access: access, ends: row.AbsoluteExpiresAt})
	if err != nil {
		return nil, id, err
	}
	e.Record(event.Change{Action: "session.started", Subject: id.String(), Version: 1, Chain: f.User.String(),
		Payload: map[string]any{"v": 1, "user": f.User.String(), "amr": f.Amr, "kind": Program}, Audited: true})
	return t, id, nil
}

// pair is a refresh token with its access token, about to be kept.
type pair struct {
	family          ident.SessionID
	user            ident.UserID
	parent          *uuid.UUID // the refresh token that was used for it; nil at the beginning
	child           uuid.UUID  // id of the new refresh token; zero: a new one
	key             uuid.UUID  // the signing key that derived it
	refresh, access secret.String
	ends            time.Time // of the family
}

func (s *Service) addPair(ctx context.Context, e *door.Effect, p pair) (*Tokens, error) {
	if p.child == uuid.Nil {
		p.child = ident.V7(e.Tx.Now)
	}
	t := &Tokens{UserID: p.user, Access: p.access, AccessExpiresAt: earlier(e.Tx.Now.Add(accessLife), p.ends), Refresh: p.refresh, RefreshExpiresAt: earlier(e.Tx.Now.Add(refreshLife), p.ends)}
	for _, row := range []sessionq.AddTokenParams{
		{ID: p.child, FamilyID: p.family.UUID(), Kind: "REFRESH", TokenHash: p.refresh.Hash(), ParentID: p.parent, SigningKeyID: p.key, ExpiresAt: t.RefreshExpiresAt},
		{ID: ident.V7(e.Tx.Now), FamilyID: p.family.UUID(), Kind: "ACCESS", TokenHash: p.access.Hash(), ParentID: p.parent, SigningKeyID: p.key, ExpiresAt: t.AccessExpiresAt},
	} {
		if err := s.q.AddToken(ctx, e.Tx, row); err != nil {
			return nil, fmt.Errorf("keep a token: %w", err)
		}
	}
	return t, nil
}

// derived are the two tokens that follow a refresh token. The same parent and child give the same two, so that nobody has to store them to answer again.
func derived(key *vault.SigningKey, parent secret.String, child uuid.UUID) (refresh, access secret.String) {
	b64 := base64.RawURLEncoding.EncodeToString
	return secret.New(refreshPrefix + b64(key.MAC("refresh", parent.Reveal(), child.String()))), secret.New(accessPrefix + b64(key.MAC("access", parent.Reveal(), child.String())))
}

// wellFormed says that a text can be a token at all; what cannot costs no look-up.
func wellFormed(token secret.String, prefix string) bool {
	tail, is := strings.CutPrefix(token.Reveal(), prefix)
	if !is || len(tail) != tokenSize {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(tail)
	return err == nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// brief is cut for a column that is never null.
func brief(s string, most int) string {
	if out := cut(strings.TrimSpace(s), most); out != nil {
		return *out
	}
	return ""
}
