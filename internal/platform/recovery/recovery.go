// Package recovery sets a new password for who forgot it and can read the account's mailbox.
//
// A reset lives 30 minutes, its link is sent again at most three times (the old one dies each time), and it is used once. An unknown address costs the
// same statements and the same number of mails as a known one; its row can be used by nobody. Whoever has a second factor proves it before the new
// password counts. A new password ends all sessions and all other resets; API keys stay.
package recovery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/recoveryq"
)

const (
	lives    = 30 * time.Minute
	resends  = 3
	courtesy = 1 // mails a day to an address without an account
	mails    = 100
)

var (
	perNetwork = limit.Bucket{Name: "reset", Rate: 5, Per: time.Hour, Burst: 5, Closed: true}
	perAddress = limit.Bucket{Name: "reset-address", Rate: 5, Per: time.Hour, Burst: 5, Closed: true}
	perToken   = limit.Bucket{Name: "token", Rate: 20, Per: 10 * time.Minute, Burst: 20, Closed: true}
)

// Accepted is always the same answer, whether the address is known or not.
type Accepted struct{ Accepted bool }

// PasswordResetCheck says whether a link can be used. Unknown, used and expired ones look alike.
type PasswordResetCheck struct {
	Valid          bool
	ExpiresAt      *time.Time
	MfaRequired    bool
	Authenticators []*factor.MfaAuthenticator
}

// Service resets passwords.
type Service struct {
	DB          *db.DB
	Door        *door.Door
	Limit       *limit.Limiter
	Credentials *credential.Service
	Factors     *factor.Service
	Mail        *mail.Service
	Console     string // its address, for links
	// EndSessions signs the person out everywhere.
	EndSessions func(ctx context.Context, e *door.Effect, user ident.UserID, keep *ident.SessionID, reason string) error

	q recoveryq.Queries
}

// Start mails a link to the account of an address, or to an unknown address that nobody has it here.
func (s *Service) Start(ctx context.Context, email string) (*Accepted, error) {
	address, err := mail.Address("email", email)
	if err != nil {
		return nil, err
	}
	if err := s.Limit.Allow(ctx, perNetwork, authz.From(ctx).Network); err != nil {
		return nil, err
	}
	if err := s.Limit.Allow(ctx, perAddress, strings.ToLower(address)); err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[string, *Accepted]{
		Action: door.Action{Name: "credential.start_reset", Public: true},
		Do: func(ctx context.Context, e *door.Effect, address string) (*Accepted, error) {
			reader, err := s.q.ReaderOfAddress(ctx, e.Tx, recoveryq.ReaderOfAddressParams{Email: address})
			if err != nil && !db.NotFound(err) {
				return nil, fmt.Errorf("look for the address: %w", err)
			}
			known, user, token := err == nil, uuid.Nil, secret.Random("")
			row := recoveryq.AddResetParams{ID: ident.V7(e.Tx.Now), TokenHash: token.Hash(), CreatedAt: e.Tx.Now, ExpiresAt: e.Tx.Now.Add(lives)}
			m := mail.Mail{To: address, Locale: e.Caller.Locale, PerDay: courtesy, Letter: letter.PasswordResetUnknown{Link: s.Console + "/signup", Place: e.Caller.Network}}
			if known {
				user, row.UserID = reader.UserID, &reader.UserID
				m = mail.Mail{To: address, Locale: reader.Locale, Zone: reader.Timezone, PerDay: mails, Letter: s.letter(token, row.ExpiresAt, e)}
			}
			if err := s.q.AddReset(ctx, e.Tx, row); err != nil {
				return nil, fmt.Errorf("add the reset: %w", err)
			}
			if err := s.Mail.Stage(ctx, e, m); err != nil {
				return nil, err
			}
			s.note(e, "credential.reset_started", user)
			return &Accepted{true}, nil
		},
	}, address)
}

// note writes a fact about an account on its own chain, and about no account on one of the network's.
func (s *Service) note(e *door.Effect, action string, user uuid.UUID) {
	if user == uuid.Nil {
		chain := event.NetworkChain(e.Caller.Network)
		e.Record(event.Change{Action: action, Subject: chain, Version: 1, Chain: chain, Payload: map[string]any{"v": 1}, Audited: true})
		return
	}
	id := ident.From[ident.UserID](user).String()
	e.Record(event.Change{Action: action, Subject: id, Version: 1, Stream: "credential:" + id, Chain: id, Payload: map[string]any{"v": 1}, Audited: true})
}

func (s *Service) letter(token secret.String, until time.Time, e *door.Effect) letter.Content {
	return letter.PasswordReset{Link: s.LinkOf(token), Until: until, Place: e.Caller.Network}
}

// Again mails a new link for a reset that is open; the old one is dead. Nobody learns whether there was one.
func (s *Service) Again(ctx context.Context, token secret.String) (*Accepted, error) {
	if err := s.Limit.Allow(ctx, perToken, authz.From(ctx).Network); err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[secret.String, *Accepted]{
		Action: door.Action{Name: "credential.resend_reset", Public: true},
		Do: func(ctx context.Context, e *door.Effect, token secret.String) (*Accepted, error) {
			row, err := s.q.LockReset(ctx, e.Tx, recoveryq.LockResetParams{TokenHash: token.Hash(), Now: e.Tx.Now})
			if err != nil && !db.NotFound(err) {
				return nil, fmt.Errorf("find the reset: %w", err)
			}
			if err != nil || row.Sends > resends {
				e.Quiet()
				return &Accepted{true}, nil
			}
			next, until := secret.Random(""), e.Tx.Now.Add(lives)
			if err := s.q.RenewReset(ctx, e.Tx, recoveryq.RenewResetParams{ID: row.ID, TokenHash: next.Hash(), ExpiresAt: until}); err != nil {
				return nil, fmt.Errorf("renew the reset: %w", err)
			}
			s.note(e, "credential.reset_started", *row.UserID)
			return &Accepted{true}, s.Mail.Stage(ctx, e, mail.Mail{User: ident.From[ident.UserID](*row.UserID), Letter: s.letter(next, until, e)})
		},
	}, token)
}

// Check says whether a link can still be used.
func (s *Service) Check(ctx context.Context, token secret.String) (*PasswordResetCheck, error) {
	if err := s.Limit.Allow(ctx, perToken, authz.From(ctx).Network); err != nil {
		return nil, err
	}
	row, err := s.q.ResetByToken(ctx, s.DB, recoveryq.ResetByTokenParams{TokenHash: token.Hash(), Now: s.DB.Now()})
	if db.NotFound(err) {
		return &PasswordResetCheck{Authenticators: []*factor.MfaAuthenticator{}}, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the reset: %w", err)
	}
	list, err := s.Factors.List(ctx, &token)
	return &PasswordResetCheck{Valid: true, ExpiresAt: &row.ExpiresAt, MfaRequired: len(list) > 0, Authenticators: list}, err
}

// Of finds an open reset by its token, for the factor that goes with it; nil for none.
func (s *Service) Of(ctx context.Context, on recoveryq.DBTX, token secret.String) (*factor.Resetting, error) {
	row, err := s.q.ResetByToken(ctx, on, recoveryq.ResetByTokenParams{TokenHash: token.Hash(), Now: s.DB.Now()})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the reset: %w", err)
	}
	return &factor.Resetting{User: ident.From[ident.UserID](*row.UserID), Until: row.ExpiresAt}, nil
}

// Completion sets a new password. Who has a confirmed factor proves it too (OWASP ASVS 5.0, 6.4.3).
type Completion struct {
	Token           secret.String
	Password        secret.String
	AuthenticatorID *ident.FactorID
	Mfa             *factor.MfaProof
}

// Complete sets the new password. NOT_FOUND for whatever link does not fit; all else leaves the link usable, until ten proofs of the factor were wrong.
func (s *Service) Complete(ctx context.Context, in Completion) error {
	token, password := in.Token, in.Password
	if err := s.Limit.Allow(ctx, perToken, authz.From(ctx).Network); err != nil {
		return err
	}
	if faults := credential.Check("password", password); len(faults) > 0 {
		return errors.Join(faults...)
	}
	_, err := door.Do(ctx, s.Door, door.Change[secret.String, struct{}]{
		Action: door.Action{Name: "credential.reset_password", Public: true},
		Do: func(ctx context.Context, e *door.Effect, token secret.String) (struct{}, error) {
			row, err := s.q.LockReset(ctx, e.Tx, recoveryq.LockResetParams{TokenHash: token.Hash(), Now: e.Tx.Now})
			if db.NotFound(err) {
				return struct{}{}, fault.NotFound("reset")
			} else if err != nil {
				return struct{}{}, fmt.Errorf("find the reset: %w", err)
			}
			user := ident.From[ident.UserID](*row.UserID)
			if proven, err := s.Factors.ProveResetTx(ctx, e, token, in.AuthenticatorID, in.Mfa); err != nil || !proven {
				return struct{}{}, err
			}
			if err := s.Credentials.ReplaceTx(ctx, e, user, password); err != nil {
				return struct{}{}, err
			}
			if err := s.EndSessions(ctx, e, user, nil, "password"); err != nil {
				return struct{}{}, err
			}
			if err := s.q.EndResets(ctx, e.Tx, recoveryq.EndResetsParams{UserID: row.UserID, Now: e.Tx.Now}); err != nil {
				return struct{}{}, fmt.Errorf("end the resets: %w", err)
			}
			s.note(e, "credential.password_reset", *row.UserID)
			return struct{}{}, s.Mail.Stage(ctx, e, mail.Mail{User: user, Letter: letter.PasswordChanged{Security: s.security(e)}})
		},
	}, token)
	return err
}

// ForgetTx ends the resets of a person whose account ends.
func (s *Service) ForgetTx(ctx context.Context, e *door.Effect, user ident.UserID) error {
	if err := s.q.EndResets(ctx, e.Tx, recoveryq.EndResetsParams{UserID: new(user.UUID()), Now: e.Tx.Now}); err != nil {
		return fmt.Errorf("end the resets: %w", err)
	}
	return nil
}

func (s *Service) security(e *door.Effect) letter.Security {
	return letter.Security{At: e.Tx.Now, Place: e.Caller.Network, Device: e.Caller.UserAgent, NotMe: s.Console + "/auth/password-reset-request"}
}

// Part is what resets contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "recovery", Grants: []authz.Grant{{Permission: mayManage, Operator: true, What: "mail people a link that sets a new password"}}, Periodics: []work.Periodic{{Kind: "recovery.sweep", Every: time.Hour, Do: func(ctx context.Context) error {
		_, err := s.q.SweepResets(ctx, s.DB, recoveryq.SweepResetsParams{ExpiresAt: s.DB.Now().Add(-24 * time.Hour)})
		return err
	}}}}
}
