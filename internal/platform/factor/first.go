package factor

import (
	"context"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/factorq"
)

// Form is what a sign-in ends in.
type Form string

const (
	Browser Form = "BROWSER" // a cookie
	Program Form = "PROGRAM" // tokens
)

// First is a first proof that somebody gave: a password, a passkey, the word of an identity provider.
type First struct {
	User   ident.UserID
	Org    *ident.OrgID // where the session begins to work; nil: nowhere
	Amr    []string     // words of RFC 8176: "pwd"; with "mfa" among them nothing more is asked
	Form   Form
	Client string      // Program: what it calls itself
	Only   ident.OrgID // PF-SES-6: the session is limited to this organization; zero: it is not
}

// Next is what a proof leads to: a session, tokens, or the question for (another) factor. Exactly one of Cookie, Tokens and Required is set.
type Next struct {
	User     ident.UserID
	Cookie   secret.String
	Session  ident.SessionID
	Tokens   *session.Tokens
	Required *MfaRequired
}

// MfaRequired says that a sign-in goes on with a second factor. The token names the sign-in: it is the cookie __Host-np_m of a browser, npm_… of a program,
// lives ten minutes and works for nothing else.
type MfaRequired struct {
	MfaToken          secret.String
	ExpiresAt         time.Time
	EnrolmentRequired bool // a policy demands a factor, and what is confirmed does not meet it
	Authenticators    []*MfaAuthenticator
}

// After goes on after a first proof, inside its effect: it starts the session (or the family of tokens) when no factor is asked for, else it keeps the sign-in
// for the second step. It records what happened.
func (s *Service) After(ctx context.Context, e *door.Effect, f First) (*Next, error) {
	return s.next(ctx, e, login{First: f})
}

// Confirmed lists the kinds of factors that a person has confirmed, without recovery codes: "TOTP", "WEBAUTHN", "OOB_EMAIL". Empty: a password is all that
// can be asked.
func (s *Service) Confirmed(ctx context.Context, on factorq.DBTX, user ident.UserID) (methods []string, err error) {
	return s.confirmed(ctx, on, user)
}
