// Package session is a signed-in browser, or a program that a person signed in.
//
// Its one cookie reads id.generation.secret; the server keeps the secret's hash. The secret changes with every sign-in and step-up. Each secret is
// derived from the one before it, so that an older cookie is recognised: within ten seconds it still counts (a second tab), later its use means
// that it was copied, and ends the session. A session ends after eight hours without use, after seven days, or when somebody ends it (that of a person
// with the role OPERATIONS after half an hour and after twelve hours); its sockets are closed within a second.
//
// A program holds two opaque tokens in place of the cookie: npa_… is shown with each call and lives 15 minutes, npr_… is used once, for the next two. All that
// follow one sign-in are a family, which ends as a session does: when somebody ends it, when a used token comes again, after 14 days without a refresh, after 90.
package session

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/sessionq"
)

const (
	idle      = 8 * time.Hour
	absolute  = 7 * 24 * time.Hour
	overlap   = 10 * time.Second // how long a rotated secret still counts, for parallel tabs
	seenEvery = time.Minute
	rotations = 1000
)

// Session is a signed-in browser as its owner sees it.
type Session struct {
	ID          ident.SessionID
	Kind        SessionKind
	Client      string
	CreatedAt   time.Time
	LastSeenAt  time.Time
	ExpiresAt   time.Time
	IP          string
	UserAgent   string
	Aal         int32
	Amr         []string
	SteppedUpAt *time.Time
	Current     bool
	// LimitedToOrganizationID is the organization whose own provider opened the session, which works in no other; nil: it is not limited.
	LimitedToOrganizationID *ident.OrgID

	UserID   ident.UserID
	OrgID    ident.OrgID
	Operator bool // of a person with the role OPERATIONS, signed in with two factors, and not by the word of an organization's own provider
}

// SessionKind tells browsers from programs.
type SessionKind string

const (
	Browser SessionKind = "BROWSER"
	Program SessionKind = "PROGRAM"
)

// Service starts, recognises and ends sessions.
type Service struct {
	DB    *db.DB
	Door  *door.Door
	Authz *authz.Authorizer
	Vault *vault.Vault
	// Tell mails a person what happened to their sign-ins; nil: nobody is told.
	Tell func(ctx context.Context, e *door.Effect, what News, user ident.UserID) error
	Idle time.Duration // that a browser's session lives without use; zero: eight hours

	q       sessionq.Queries
	mu      sync.Mutex
	cache   map[[32]byte]remembered
	bearers map[[32]byte]bearer
}

type remembered struct {
	session *Session
	until   time.Time
}

// StartTx signs a person in and answers the cookie's value. amr are words of RFC 8176; "mfa" among them says that two factors were proven.
func (s *Service) StartTx(ctx context.Context, e *door.Effect, user ident.UserID, org *ident.OrgID, amr ...string) (secret.String, ident.SessionID, error) {
	id := ident.New[ident.SessionID](e.Tx.Now)
	if err := s.greet(ctx, e, user); err != nil {
		return secret.String{}, id, err
	}
	key, err := s.Vault.Signer(ctx, vault.Session)
	if err != nil {
		return secret.String{}, id, err
	}
	plain := make([]byte, 32)
	rand.Read(plain)
	row := sessionq.AddSessionParams{ID: id.UUID(), UserID: user.UUID(), SecretHash: sum(plain), SigningKeyID: key.ID, Aal: level(amr), Amr: amr, AuthTime: e.Tx.Now,
		UserAgent: cut(e.Caller.UserAgent, 400), CreatedAt: e.Tx.Now, IdleExpiresAt: e.Tx.Now.Add(s.idle()), AbsoluteExpiresAt: e.Tx.Now.Add(absolute)}
	if org != nil {
		row.OrgID = new(org.UUID())
	}
	if e.Caller.IP != "" {
		row.Ip = &e.Caller.IP
	}
	if err := s.q.AddSession(ctx, e.Tx, row); err != nil {
		return secret.String{}, id, fmt.Errorf("add the session: %w", err)
	}
	e.Record(event.Change{Action: "session.started", Subject: id.String(), Version: 1, Chain: user.String(), Payload: map[string]any{"v": 1, "user": user.String(), "amr": amr}, Audited: true})
	return cookie(id, 1, plain), id, nil
}

// Resolve answers the living session of a cookie; nil when there is none. What it remembers lives one second. A session of one
// factor does not count any more when its person becomes an operator. The use of a copied, older secret ends the session.
func (s *Service) Resolve(ctx context.Context, value string) (*Session, error) {
	id, generation, plain, ok := parse(value)
	if !ok {
		return nil, nil
	}
	memory := sha256.Sum256([]byte(value))
	s.mu.Lock()
	r, hit := s.cache[memory]
	s.mu.Unlock()
	if hit && time.Now().Before(r.until) && !s.Authz.Revoked().Ended(id.String(), r.session.UserID.String()) {
		return r.session, nil
	}
	row, err := s.q.OrgOfSession(ctx, s.DB, sessionq.OrgOfSessionParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the session: %w", err)
	}
	now := s.DB.Now()
	if shorten(row); !counts(row, now) {
		return nil, nil
	}
	match, err := s.matches(ctx, row, generation, plain, now)
	if err != nil || !match {
		return nil, err
	}
	if now.Sub(row.LastSeenAt) > seenEvery {
		if err := s.q.SeeSession(ctx, s.DB, sessionq.SeeSessionParams{ID: row.ID, LastSeenAt: now, IdleExpiresAt: now.Add(s.idle())}); err != nil {
			return nil, fmt.Errorf("note the use of the session: %w", err)
		}
		row.LastSeenAt, row.IdleExpiresAt = now, now.Add(s.idle())
		shorten(row)
	}
	out := fromRow(row)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache == nil || len(s.cache) > 10_000 {
		s.cache = map[[32]byte]remembered{}
	}
	s.cache[memory] = remembered{out, time.Now().Add(time.Second)}
	return out, nil
}

// counts says whether a shortened row is of a session that is alive.
func counts(r *sessionq.OrgOfSessionRow, now time.Time) bool {
	return r.RevokedAt == nil && r.Access == "ENABLED" && (!r.Operations || r.Aal >= 2) && now.Before(r.IdleExpiresAt) && now.Before(r.AbsoluteExpiresAt)
}

// Lasts answers until when a browser's session lasts as things are now; zero when it has ended, or is none. A socket asks when the end comes that it knows of,
// because the session may have been refreshed since.
func (s *Service) Lasts(ctx context.Context, id ident.SessionID) (time.Time, error) {
	row, err := s.q.OrgOfSession(ctx, s.DB, sessionq.OrgOfSessionParams{ID: id.UUID()})
	if db.NotFound(err) {
		return time.Time{}, nil
	} else if err != nil {
		return time.Time{}, fmt.Errorf("read the session: %w", err)
	}
	if shorten(row); !counts(row, s.DB.Now()) {
		return time.Time{}, nil
	}
	return fromRow(row).ExpiresAt, nil
}

// matches compares the cookie's secret with the present one, deriving forward from an older generation.
func (s *Service) matches(ctx context.Context, row *sessionq.OrgOfSessionRow, generation int, plain []byte, now time.Time) (bool, error) {
	behind := int(row.Generation) - generation
	if behind < 0 || behind > rotations {
		return false, nil
	}
	if behind > 0 {
		keys, err := s.Vault.Verifiers(ctx, vault.Session)
		if err != nil {
			return false, err
		}
		key := find(keys, row.SigningKeyID)
		if key == nil {
			return false, nil
		}
		for n := range behind {
			plain = derive(key, plain, generation+n+1)
		}
	}
	if !hmac.Equal(sum(plain), row.SecretHash) {
		return false, nil
	}
	if behind > 1 || behind == 1 && (row.RotatedAt == nil || now.Sub(*row.RotatedAt) > overlap) {
		return false, s.reused(ctx, row)
	}
	return true, nil
}

// reused ends a session whose older secret was used: somebody has a copy of it.
func (s *Service) reused(ctx context.Context, row *sessionq.OrgOfSessionRow) error {
	id, user := ident.From[ident.SessionID](row.ID), ident.From[ident.UserID](row.UserID)
	_, err := door.Do(ctx, s.Door, door.Change[ident.SessionID, struct{}]{
		Action: door.Action{Name: "session.detect_reuse", Public: true},
		Do: func(ctx context.Context, e *door.Effect, id ident.SessionID) (struct{}, error) {
			return struct{}{}, s.reusedTx(ctx, e, id, user, func() (int64, error) {
				return s.q.EndSession(ctx, e.Tx, sessionq.EndSessionParams{ID: id.UUID(), RevokedAt: &e.Tx.Now, RevokeReason: new("reuse")})
			})
		},
	}, id)
	return err
}

// StepUpTx notes that the caller has just proved who they are, by amr too, and rotates the secret. It answers the new cookie's value.
// A program has none: its tokens stay, and are fresh.
func (s *Service) StepUpTx(ctx context.Context, e *door.Effect, value string, amr ...string) (secret.String, error) {
	if value == "" {
		return secret.String{}, s.ProveTx(ctx, e, amr...)
	}
	id, generation, plain, ok := parse(value)
	if !ok || id != e.Caller.SessionID {
		return secret.String{}, fault.Unauthorized("", "Sign in again.")
	}
	row, err := s.q.LockSession(ctx, e.Tx, sessionq.LockSessionParams{ID: id.UUID(), UserID: e.Caller.UserID.UUID()})
	if db.NotFound(err) || err == nil && row.RevokedAt != nil {
		return secret.String{}, fault.Unauthorized("", "Sign in again.")
	} else if err != nil {
		return secret.String{}, fmt.Errorf("lock the session: %w", err)
	}
	keys, err := s.Vault.Verifiers(ctx, vault.Session)
	if err != nil {
		return secret.String{}, err
	}
	key, behind := find(keys, row.SigningKeyID), int(row.Generation)-generation
	if key == nil || behind < 0 || behind > rotations {
		return secret.String{}, fault.Unauthorized("", "Sign in again.")
	}
	for ; generation < int(row.Generation); generation++ { // another tab was faster
		plain = derive(key, plain, generation+1)
	}
	if !hmac.Equal(sum(plain), row.SecretHash) {
		return secret.String{}, fault.Unauthorized("", "Sign in again.")
	}
	plain = derive(key, plain, generation+1)
	if err := s.q.RotateSession(ctx, e.Tx, sessionq.RotateSessionParams{ID: id.UUID(), SecretHash: sum(plain), RotatedAt: &e.Tx.Now, Aal: level(amr), Amr: words(amr)}); err != nil {
		return secret.String{}, fmt.Errorf("rotate the session: %w", err)
	}
	e.Record(event.Change{Action: "session.stepped_up", Subject: id.String(), Version: row.Generation + 1, Chain: e.Caller.UserID.String(), Payload: map[string]any{"v": 1, "user": e.Caller.UserID.String()}, Audited: true})
	return cookie(id, int(row.Generation)+1, plain), nil
}

// End signs the caller out. A second time changes nothing.
func (s *Service) End(ctx context.Context) error {
	_, err := door.Do(ctx, s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "session.end", Public: true},
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			if e.Caller.SessionID.IsZero() {
				e.Quiet()
				return struct{}{}, nil
			}
			return struct{}{}, s.endTx(ctx, e, e.Caller.SessionID, e.Caller.UserID, "session.revoked", "sign-out")
		},
	}, struct{}{})
	return err
}

func (s *Service) endTx(ctx context.Context, e *door.Effect, id ident.SessionID, user ident.UserID, action, reason string) error {
	n, err := s.q.EndSession(ctx, e.Tx, sessionq.EndSessionParams{ID: id.UUID(), RevokedAt: &e.Tx.Now, RevokeReason: &reason})
	if err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	if n == 0 {
		e.Quiet()
		return nil
	}
	e.Record(event.Change{Action: action, Subject: id.String(), Version: 2, Chain: user.String(), Payload: map[string]any{"v": 1, "user": user.String(), "reason": reason}, Audited: true})
	return s.Authz.Revoke(ctx, e.Tx, id.String(), reason)
}

// LeaveTx lets the person's browsers work in no organization where they worked in org: the next page asks where to go.
func (s *Service) LeaveTx(ctx context.Context, e *door.Effect, user ident.UserID, org ident.OrgID) error {
	if err := s.q.LeaveOrganization(ctx, e.Tx, sessionq.LeaveOrganizationParams{UserID: user.UUID(), OrgID: new(org.UUID())}); err != nil {
		return fmt.Errorf("leave the organization: %w", err)
	}
	return nil
}

// Current is the caller's own session; nil without one.
func (s *Service) Current(ctx context.Context) (*Session, error) {
	id := authz.From(ctx).SessionID
	if id.IsZero() {
		return nil, nil
	}
	row, err := s.q.OrgOfSession(ctx, s.DB, sessionq.OrgOfSessionParams{ID: id.UUID()})
	if db.NotFound(err) {
		return s.program(ctx, id)
	} else if err != nil {
		return nil, fmt.Errorf("read the session: %w", err)
	}
	shorten(row)
	return fromRow(row), nil
}

func fromRow(r *sessionq.OrgOfSessionRow) *Session {
	out := &Session{ID: ident.From[ident.SessionID](r.ID), Kind: Browser, CreatedAt: r.CreatedAt, LastSeenAt: r.LastSeenAt, IP: r.Ip, Aal: int32(r.Aal), Amr: r.Amr,
		SteppedUpAt: &r.AuthTime, Current: true, UserID: ident.From[ident.UserID](r.UserID), ExpiresAt: r.IdleExpiresAt, Operator: r.Operations && r.Aal >= 2 && r.LimitedToOrg == nil}
	if r.AbsoluteExpiresAt.Before(out.ExpiresAt) {
		out.ExpiresAt = r.AbsoluteExpiresAt
	}
	if r.UserAgent != nil {
		out.UserAgent, out.Client = *r.UserAgent, client(*r.UserAgent)
	}
	if r.OrgID != nil {
		out.OrgID = ident.From[ident.OrgID](*r.OrgID)
	}
	out.LimitedToOrganizationID = ident.FromPtr[ident.OrgID](r.LimitedToOrg)
	return out
}

// client names a browser in a word, for a list that a person reads.
func client(agent string) string {
	for _, b := range []string{"Edg", "Firefox", "Chrome", "Safari", "curl"} {
		if strings.Contains(agent, b) {
			return strings.Replace(b, "Edg", "Edge", 1)
		}
	}
	return "Browser"
}
