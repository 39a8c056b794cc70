package factor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
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
	Amr    []string     // words of RFC 8176: "pwd"; with "mfa" among them no second factor is asked for, unless a policy demands a better one
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
	Kinds             []MfaKind // where a factor is demanded: what can be added and meets the demand
}

// IsAuthResult makes it a member of the union that a program's sign-in ends in.
func (*MfaRequired) IsAuthResult() {}

// After goes on after a first proof, inside its effect: it starts the session (or the family of tokens) when no factor is asked for, else it keeps the sign-in
// for the second step.
func (s *Service) After(ctx context.Context, e *door.Effect, f First) (*Next, error) {
	return s.next(ctx, e, f, nil, secret.String{})
}

// Confirmed lists the kinds of factors that a person has confirmed, without recovery codes: "TOTP", "WEBAUTHN", "OOB_EMAIL". Empty: a password is all that
// can be asked.
func (s *Service) Confirmed(ctx context.Context, on Querier, user ident.UserID) (methods []string, err error) {
	_, active, err := s.authenticators(ctx, on, user)
	for _, a := range active {
		if !slices.Contains(methods, a.Kind) {
			methods = append(methods, a.Kind)
		}
	}
	return methods, err
}

// next decides what a sign-in lacks: nothing, a second factor, or one that the policy accepts. l is the sign-in when it has been kept before, token its name.
func (s *Service) next(ctx context.Context, e *door.Effect, f First, l *factorq.MfaLogin, token secret.String) (*Next, error) {
	p, err := s.policyOf(ctx, e.Tx, f.User)
	if err != nil {
		return nil, err
	}
	all, active, err := s.authenticators(ctx, e.Tx, f.User)
	if err != nil {
		return nil, err
	}
	ask := !slices.Contains(f.Amr, amrTwo) && len(active) > 0
	if !ask && p.met(f.Amr) {
		return s.admit(ctx, e, f, l)
	}
	r := &MfaRequired{MfaToken: token, ExpiresAt: e.Tx.Now.Add(loginLives), EnrolmentRequired: !ask, Authenticators: []*MfaAuthenticator{}}
	if l != nil {
		r.ExpiresAt = l.ExpiresAt
		if err := s.q.MoveLogin(ctx, e.Tx, factorq.MoveLoginParams{ID: l.ID, Amr: f.Amr, Enrol: r.EnrolmentRequired}); err != nil {
			return nil, fmt.Errorf("go on with the sign-in: %w", err)
		}
	} else if r.MfaToken, err = s.keep(ctx, e, f, r); err != nil {
		return nil, err
	}
	if ask {
		for _, a := range p.offered(all) {
			r.Authenticators = append(r.Authenticators, fromRow(a))
		}
	} else if r.Kinds, err = s.addable(ctx, e.Tx, f.User, p, active); err != nil {
		return nil, err
	}
	return &Next{User: f.User, Required: r}, nil
}

// keep stores a sign-in until its next proof, and names it.
func (s *Service) keep(ctx context.Context, e *door.Effect, f First, r *MfaRequired) (secret.String, error) {
	token := secret.Random("npm_")
	row := factorq.AddLoginParams{ID: ident.V7(e.Tx.Now), Purpose: signIn, TokenHash: token.Hash(), UserID: f.User.UUID(), Form: string(f.Form), Client: f.Client, Amr: f.Amr, Enrol: r.EnrolmentRequired,
		CreatedAt: e.Tx.Now, ExpiresAt: r.ExpiresAt}
	if f.Org != nil {
		row.HomeOrg = new(f.Org.UUID())
	}
	if !f.Only.IsZero() {
		row.LimitedToOrg = new(f.Only.UUID())
	}
	if err := s.q.AddLogin(ctx, e.Tx, row); err != nil {
		return token, fmt.Errorf("keep the sign-in: %w", err)
	}
	return token, nil
}

// admit ends a sign-in well.
func (s *Service) admit(ctx context.Context, e *door.Effect, f First, l *factorq.MfaLogin) (*Next, error) {
	if l != nil {
		if err := s.q.EndLogin(ctx, e.Tx, factorq.EndLoginParams{ID: l.ID, Now: e.Tx.Now}); err != nil {
			return nil, fmt.Errorf("end the sign-in: %w", err)
		}
	}
	if f.Form == Program {
		if s.Tokens == nil {
			return nil, fault.Precondition("programs", "Programs cannot sign in here. Use an API key.")
		}
		t, err := s.Tokens(ctx, e, f)
		return &Next{User: f.User, Tokens: t}, err
	}
	cookie, id, err := s.Sessions.StartTx(ctx, e, f.User, f.Org, f.Amr...)
	if err != nil {
		return nil, err
	}
	if !f.Only.IsZero() {
		if err := s.Sessions.LimitTx(ctx, e, id, f.Only); err != nil {
			return nil, err
		}
	}
	return &Next{User: f.User, Cookie: cookie, Session: id}, nil
}

// firstOf is the first proof of a sign-in that was kept.
func firstOf(l *factorq.MfaLogin) First {
	f := First{User: ident.From[ident.UserID](l.UserID), Org: ident.FromPtr[ident.OrgID](l.HomeOrg), Amr: l.Amr, Form: Form(l.Form), Client: l.Client}
	if l.LimitedToOrg != nil {
		f.Only = ident.From[ident.OrgID](*l.LimitedToOrg)
	}
	return f
}

// with adds what a second factor proved.
func (f First) with(amr []string) First {
	for _, word := range append(amr, amrTwo) {
		if !slices.Contains(f.Amr, word) {
			f.Amr = append(slices.Clip(f.Amr), word)
		}
	}
	return f
}
