package factor

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/code"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/factorq"
)

// What a kept sign-in is for.
const (
	signIn = "SIGN_IN"
	reset  = "RESET"
)

// subject is what a question belongs to: a sign-in (or a reset) in progress, else a session.
type subject struct {
	user    ident.UserID
	login   *factorq.MfaLogin
	session ident.SessionID
}

func (s subject) id() uuid.UUID {
	if s.login != nil {
		return s.login.ID
	}
	return s.session.UUID()
}

func ended() error {
	return fault.Unauthorized("login_ended", "This sign-in has ended. Begin again.")
}

// arrive counts a call that brings the token of a sign-in, before anything is locked.
func (s *Service) arrive(ctx context.Context, token secret.String) error {
	if err := s.Limit.Allow(ctx, perNetwork, authz.From(ctx).Network); err != nil {
		return err
	}
	l, err := s.q.LoginByToken(ctx, s.DB, factorq.LoginByTokenParams{TokenHash: token.Hash(), Now: s.DB.Now()})
	if db.NotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("find the sign-in: %w", err)
	}
	return s.Limit.Allow(ctx, perPerson, l.UserID.String())
}

// byToken answers the sign-in, or the reset of a password, that a token names; UNAUTHENTICATED for every other token.
func (s *Service) byToken(ctx context.Context, on Querier, token secret.String) (*factorq.MfaLogin, error) {
	l, err := s.q.LoginByToken(ctx, on, factorq.LoginByTokenParams{TokenHash: token.Hash(), Now: s.DB.Now()})
	if err == nil {
		return l, nil
	} else if !db.NotFound(err) {
		return nil, fmt.Errorf("find the sign-in: %w", err)
	}
	r, err := s.resetting(ctx, on, token)
	if err != nil {
		return nil, err
	}
	return &factorq.MfaLogin{Purpose: reset, UserID: r.User.UUID(), ExpiresAt: r.Until}, nil
}

func (s *Service) resetting(ctx context.Context, on Querier, token secret.String) (*Resetting, error) {
	if s.Reset == nil || token.IsZero() {
		return nil, ended()
	}
	r, err := s.Reset(ctx, on, token)
	if err == nil && r == nil {
		err = ended()
	}
	return r, err
}

// lock holds the sign-in that a token names, so that its tries are counted one after the other. The first question about a reset makes its row.
func (s *Service) lock(ctx context.Context, e *door.Effect, token secret.String) (*factorq.MfaLogin, error) {
	find := factorq.LockLoginParams{TokenHash: token.Hash(), Now: e.Tx.Now}
	l, err := s.q.LockLogin(ctx, e.Tx, find)
	if db.NotFound(err) {
		r, refused := s.resetting(ctx, e.Tx, token)
		if refused != nil {
			return nil, refused
		}
		row := factorq.AddLoginParams{ID: ident.V7(e.Tx.Now), Purpose: reset, TokenHash: token.Hash(), UserID: r.User.UUID(), Form: string(Browser), Amr: []string{}, CreatedAt: e.Tx.Now, ExpiresAt: r.Until}
		if err := s.q.AddLogin(ctx, e.Tx, row); err != nil {
			return nil, fmt.Errorf("keep the reset: %w", err)
		}
		l, err = s.q.LockLogin(ctx, e.Tx, find)
	}
	if db.NotFound(err) {
		return nil, ended()
	} else if err != nil {
		return nil, fmt.Errorf("lock the sign-in: %w", err)
	}
	return l, nil
}

// signingIn is lock for what a reset must not do.
func (s *Service) signingIn(ctx context.Context, e *door.Effect, token secret.String) (*factorq.MfaLogin, error) {
	l, err := s.lock(ctx, e, token)
	if err == nil && l.Purpose != signIn {
		err = fault.Unauthorized("reset_token", "This link sets a new password; it signs nobody in.")
	}
	return l, err
}

// InProgress answers the sign-in that a token names, for a page that was opened anew; nil when it has ended.
func (s *Service) InProgress(ctx context.Context, token secret.String) (*MfaRequired, error) {
	if err := s.arrive(ctx, token); err != nil {
		return nil, err
	}
	l, err := s.q.LoginByToken(ctx, s.DB, factorq.LoginByTokenParams{TokenHash: token.Hash(), Now: s.DB.Now()})
	if db.NotFound(err) || err == nil && l.Purpose != signIn {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the sign-in: %w", err)
	}
	r := &MfaRequired{MfaToken: token, ExpiresAt: l.ExpiresAt, EnrolmentRequired: l.Enrol}
	if r.Authenticators, err = s.offered(ctx, s.DB, l); err != nil || !l.Enrol {
		return r, err
	}
	user := ident.From[ident.UserID](l.UserID)
	p, err := s.policyOf(ctx, s.DB, user)
	if err != nil {
		return nil, err
	}
	_, active, err := s.authenticators(ctx, s.DB, user)
	if err != nil {
		return nil, err
	}
	r.Kinds, err = s.addable(ctx, s.DB, user, p, active)
	return r, err
}

// offered are the authenticators that a sign-in or a reset may go on with.
func (s *Service) offered(ctx context.Context, on Querier, l *factorq.MfaLogin) ([]*MfaAuthenticator, error) {
	user, out := ident.From[ident.UserID](l.UserID), []*MfaAuthenticator{}
	if l.Enrol {
		return out, nil
	}
	p, err := s.policyOf(ctx, on, user)
	if err != nil {
		return nil, err
	}
	all, _, err := s.authenticators(ctx, on, user)
	for _, a := range p.offered(all) {
		out = append(out, fromRow(a))
	}
	return out, err
}

// SendEnrolmentCode mails the code that adding a factor during a sign-in begins with (PF-SES-7).
func (s *Service) SendEnrolmentCode(ctx context.Context, token secret.String) error {
	if err := s.arrive(ctx, token); err != nil {
		return err
	}
	if err := s.Limit.Allow(ctx, perSend, hex.EncodeToString(token.Hash())); err != nil {
		return err
	}
	_, err := door.Do(ctx, s.Door, door.Change[secret.String, struct{}]{
		Action: door.Action{Name: "factor.send_enrolment_code", Public: true},
		Do: func(ctx context.Context, e *door.Effect, token secret.String) (none struct{}, err error) {
			l, err := s.signingIn(ctx, e, token)
			if err != nil {
				return none, err
			}
			if !l.Enrol {
				return none, notDemanded()
			}
			sent := code.Sent()
			mac, err := s.mac(ctx, l.ID, sent)
			if err != nil {
				return none, err
			}
			if err := s.q.SetLoginCode(ctx, e.Tx, factorq.SetLoginCodeParams{ID: l.ID, CodeHash: mac, Until: l.ExpiresAt}); err != nil {
				return none, fmt.Errorf("keep the code: %w", err)
			}
			e.Quiet()
			return none, s.Mail.Stage(ctx, e, mail.Mail{User: ident.From[ident.UserID](l.UserID), Letter: letter.MFACode{Code: sent.Reveal(), Until: l.ExpiresAt, Place: e.Caller.Network}})
		},
	}, token)
	return err
}

func notDemanded() error {
	return fault.Precondition("no_enrolment", "This sign-in needs no new factor. Add one in your account afterwards.")
}

// mailbox checks the code that was mailed for an enrolment. A wrong one is counted, and e.Refuse holds the fault.
func (s *Service) mailbox(ctx context.Context, e *door.Effect, l *factorq.MfaLogin, typed *secret.String) (ok bool, err error) {
	if l.Mailbox || slices.Contains(l.Amr, amrTwo) { // known since an earlier try, or a confirmed factor was proven
		return true, nil
	}
	if l.CodeHash == nil || typed == nil || l.CodeTries >= perChallenge || l.CodeExpiresAt == nil || !e.Tx.Now.Before(*l.CodeExpiresAt) {
		return false, fault.Precondition("code_needed", "Ask for a code by mail first, and type it here.")
	}
	right, err := s.sameMAC(ctx, l.CodeHash, l.ID, code.Digits(typed.Reveal()))
	if err != nil {
		return false, err
	}
	if right {
		if err := s.q.TakeLoginCode(ctx, e.Tx, factorq.TakeLoginCodeParams{ID: l.ID}); err != nil {
			return false, fmt.Errorf("take the code: %w", err)
		}
		return true, nil
	}
	if err := s.q.TryLoginCode(ctx, e.Tx, factorq.TryLoginCodeParams{ID: l.ID}); err != nil {
		return false, fmt.Errorf("count the try: %w", err)
	}
	return false, s.refuse(ctx, e, subject{user: ident.From[ident.UserID](l.UserID), login: l}, "emailCode", l.CodeTries, map[string]any{"kind": "ENROLMENT"})
}

// EndLoginsTx ends what somebody began to sign in with: the password is another one, or the factors are gone.
func (s *Service) EndLoginsTx(ctx context.Context, e *door.Effect, user ident.UserID) error {
	if err := s.q.EndLoginsOf(ctx, e.Tx, factorq.EndLoginsOfParams{UserID: user.UUID(), Now: e.Tx.Now}); err != nil {
		return fmt.Errorf("end the sign-ins: %w", err)
	}
	return nil
}
