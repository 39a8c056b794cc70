// Package factor is what a person proves beside the password: an authenticator app, a passkey, a code that was sent, a recovery code.
//
// An authenticator is associated (asked for), then confirmed (proven once), then counts until it is removed. Who has a confirmed one is asked for it after
// every password, and before whatever asks for a fresh proof (step-up). A sign-in between its two proofs is a row of its own, found by a token that works for
// nothing else: ten minutes, ten wrong tries in all, five for each question. A passkey is two factors in one and begins a sign-in too.
//
// Organizations may demand factors; the strictest of a person's organizations counts. Who has none that meets the demand adds one during the sign-in, after
// typing a code that was mailed to the account's address: a stolen password alone enrols nothing.
package factor

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/passkey"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/factorq"
)

const (
	loginLives     = 10 * time.Minute
	challengeLives = 10 * time.Minute
	ceremonyLives  = 15 * time.Minute // a page with a passkey button may stand open for a while
	perChallenge   = 5                // wrong tries
	perLogin       = 10
	mostPasskeys   = 20
)

var (
	perNetwork = limit.Bucket{Name: "mfa-network", Rate: 100, Per: 5 * time.Minute, Closed: true}
	perPerson  = limit.Bucket{Name: "mfa-try", Rate: 100, Per: time.Hour, Burst: 30, Closed: true}
	perSend    = limit.Bucket{Name: "mfa-send", Rate: 5, Per: 10 * time.Minute, Burst: 5, Closed: true}
	perEnrol   = limit.Bucket{Name: "mfa-enrol", Rate: 20, Per: time.Hour, Burst: 20, Closed: true}
	perPasskey = limit.Bucket{Name: "passkey", Rate: 100, Per: 5 * time.Minute, Closed: true}
)

// MfaKind says how an authenticator proves.
type MfaKind string

const (
	TOTP          MfaKind = "TOTP"
	SMSCode       MfaKind = "OOB_SMS"
	MailCode      MfaKind = "OOB_EMAIL"
	Passkey       MfaKind = "WEBAUTHN"
	RecoveryCodes MfaKind = "RECOVERY_CODES"
)

// sent says whether its codes are sent, which is weaker than what stays in a person's hands.
func (k MfaKind) sent() bool { return k == SMSCode || k == MailCode }

// MfaAuthenticator is one of a person's factors, without its secret.
type MfaAuthenticator struct {
	ID                ident.FactorID
	Kind              MfaKind
	Label             string
	IsActive          bool
	PhishingResistant bool
	DestinationHint   *string
	CreatedAt         time.Time
	LastUsedAt        *time.Time
}

// MfaProof answers a question: a code, a code with the word that came with its question, or a passkey's answer.
type MfaProof struct {
	Code     *secret.String
	OobCode  *secret.String
	Webauthn json.RawMessage
}

// MfaChallenge is a question to an authenticator. Apps and recovery codes need none.
type MfaChallenge struct {
	AuthenticatorID        ident.FactorID
	Kind                   MfaKind
	OobCode                *secret.String
	WebauthnRequestOptions json.RawMessage
	ExpiresAt              time.Time
}

// SMS sends a code to a number, in the transaction of e: staged, never at once.
type SMS interface {
	Stage(ctx context.Context, e *door.Effect, user ident.UserID, number string, code secret.String, until time.Time) error
}

// Resetting is the reset of a password in progress, whose token serves for its factor too.
type Resetting struct {
	User  ident.UserID
	Until time.Time
}

// Querier is what a look-up runs on: the pool, or the transaction that asks.
type Querier = factorq.DBTX

// Service asks for factors and keeps them.
type Service struct {
	DB       *db.DB
	Door     *door.Door
	Vault    *vault.Vault
	Limit    *limit.Limiter
	Sessions *session.Service
	Mail     *mail.Service
	Party    *passkey.Party // nil: there are no passkeys, because the console's address is a number
	Issuer   string         // how apps call this installation
	Console  string         // its address, for links
	Oob      bool           // codes by mail and SMS may be factors
	SMS      SMS            // nil: none is sent

	// Hash and Matches are those of passwords: what is shorter than 112 bits is kept like one.
	Hash    func(ctx context.Context, plain secret.String) (string, error)
	Matches func(ctx context.Context, phc string, plain secret.String) (bool, error)
	// Home answers the organization in which a person's browser begins.
	Home func(ctx context.Context, user ident.UserID) (*ident.OrgID, error)
	// Phone is a person's verified number; "" without one. Nil: nobody has one.
	Phone func(ctx context.Context, on Querier, user ident.UserID) (string, error)
	// Tokens begins a family of tokens. Nil: programs cannot sign in.
	Tokens func(ctx context.Context, e *door.Effect, f First) (*session.Tokens, error)
	// Reset finds the reset of a password by its token; nil for none.
	Reset func(ctx context.Context, on Querier, token secret.String) (*Resetting, error)

	q factorq.Queries
}

func fromRow(r *factorq.MfaAuthenticator) *MfaAuthenticator {
	return &MfaAuthenticator{ID: ident.From[ident.FactorID](r.ID), Kind: MfaKind(r.Kind), Label: r.Label, IsActive: r.ConfirmedAt != nil, PhishingResistant: MfaKind(r.Kind) == Passkey,
		DestinationHint: r.Hint, CreatedAt: r.CreatedAt, LastUsedAt: r.LastUsedAt}
}

// authenticators are all of a person's, the oldest first, and those of them that are confirmed and no recovery codes.
func (s *Service) authenticators(ctx context.Context, on Querier, user ident.UserID) (all, active []*factorq.MfaAuthenticator, err error) {
	if all, err = s.q.AuthenticatorsOf(ctx, on, factorq.AuthenticatorsOfParams{UserID: user.UUID()}); err != nil {
		return nil, nil, fmt.Errorf("read the factors: %w", err)
	}
	for _, a := range all {
		if a.ConfirmedAt != nil && MfaKind(a.Kind) != RecoveryCodes {
			active = append(active, a)
		}
	}
	return all, active, nil
}

// own locks one of a person's authenticators; NOT_FOUND for anybody else's.
func (s *Service) own(ctx context.Context, e *door.Effect, user ident.UserID, id ident.FactorID) (*factorq.MfaAuthenticator, error) {
	a, err := s.q.LockAuthenticator(ctx, e.Tx, factorq.LockAuthenticatorParams{ID: id.UUID(), UserID: user.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("authenticator")
	} else if err != nil {
		return nil, fmt.Errorf("lock the factor: %w", err)
	}
	return a, nil
}

// note writes a fact about a person's factors onto the person's own chain.
func (s *Service) note(e *door.Effect, action string, user ident.UserID, about map[string]any) {
	payload := map[string]any{"v": 1}
	for k, v := range about {
		payload[k] = v
	}
	e.Record(event.Change{Action: action, Subject: user.String(), Version: 1, Stream: "factor:" + user.String(), Chain: user.String(), Payload: payload, Audited: true})
}

func about(a *factorq.MfaAuthenticator) map[string]any {
	return map[string]any{"kind": a.Kind, "factor": ident.From[ident.FactorID](a.ID).String()}
}

// tell mails a person what became of their factors.
func (s *Service) tell(ctx context.Context, e *door.Effect, user ident.UserID, what letter.MFAChange, label string) error {
	return s.Mail.Stage(ctx, e, mail.Mail{User: user, Letter: letter.MFAChanged{Change: what, Factor: letter.Typed(label), Security: s.security(e)}})
}

func (s *Service) security(e *door.Effect) letter.Security {
	return letter.Security{At: e.Tx.Now, Place: e.Caller.Network, Device: e.Caller.UserAgent, NotMe: s.Console + "/auth/password-reset-request"}
}

// label checks what a person calls an authenticator; empty for the name of its kind.
func label(typed string, kind MfaKind) (string, error) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return map[MfaKind]string{TOTP: "Authenticator app", SMSCode: "SMS", MailCode: "E-mail", Passkey: "Passkey", RecoveryCodes: "Recovery codes"}[kind], nil
	}
	if !utf8.ValidString(typed) || utf8.RuneCountInString(typed) > 100 || strings.ContainsFunc(typed, unicode.IsControl) {
		return "", fault.Invalid("label", "label", "Use 1 to 100 characters on one line.")
	}
	return typed, nil
}

// Part is what factors contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "factor", Periodics: []work.Periodic{{Kind: "factor.sweep", Every: time.Hour, Do: func(ctx context.Context) error {
		now := s.DB.Now()
		if _, err := s.q.SweepLogins(ctx, s.DB, factorq.SweepLoginsParams{ExpiresAt: now}); err != nil {
			return err
		}
		if _, err := s.q.SweepChallenges(ctx, s.DB, factorq.SweepChallengesParams{ExpiresAt: now}); err != nil {
			return err
		}
		if _, err := s.q.SweepCeremonies(ctx, s.DB, factorq.SweepCeremoniesParams{ExpiresAt: now}); err != nil {
			return err
		}
		_, err := s.q.SweepUnconfirmed(ctx, s.DB, factorq.SweepUnconfirmedParams{CreatedAt: now.Add(-24 * time.Hour)})
		return err
	}}}}
}
