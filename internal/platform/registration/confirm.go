package registration

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/queries/registrationq"
)

// codeTries is how many wrong codes end the code; the link goes on.
const codeTries = 5

var (
	perToken = limit.Bucket{Name: "token", Rate: 20, Per: 10 * time.Minute, Burst: 20, Closed: true}
	perCode  = limit.Bucket{Name: "confirm", Rate: 10, Per: 24 * time.Hour, Burst: 10, Closed: true}
)

// Confirmation is the link's token, or address, code and the binding of the browser that registered. Outside that browser the link comes with a new
// password.
type Confirmation struct {
	Token       secret.String
	Email       string
	Code        secret.String
	Binding     secret.String
	NewPassword secret.String
}

// Confirm makes the account. NOT_FOUND for whatever does not fit; PRECONDITION_FAILED with the reason new_password where the link needs one.
func (s *Service) Confirm(ctx context.Context, in Confirmation) error {
	if in.Token.IsZero() == (in.Email == "") {
		return fault.Invalid("token", "exactly_one", "Send the token of the link, or the address with the code and the binding.")
	}
	caller := authz.From(ctx)
	if err := s.Limit.Allow(ctx, perToken, caller.Network); err != nil {
		return err
	}
	if in.Token.IsZero() {
		address, err := mail.Address("email", in.Email)
		if err != nil {
			return err
		}
		in.Email = strings.ToLower(address)
		if err := s.Limit.Allow(ctx, perCode, in.Email); err != nil {
			return err
		}
	}
	phc := ""
	if !in.NewPassword.IsZero() {
		if faults := credential.Check("newPassword", in.NewPassword, in.Email); len(faults) > 0 {
			return errors.Join(faults...)
		}
		var err error
		if phc, err = s.Credentials.Hash(ctx, in.NewPassword); err != nil {
			return err
		}
	}
	_, err := door.Do(ctx, s.Door, door.Change[Confirmation, struct{}]{
		Action: door.Action{Name: "credential.confirm", Public: true},
		Do: func(ctx context.Context, e *door.Effect, in Confirmation) (struct{}, error) {
			row, err := s.find(ctx, e, in)
			if err != nil || row == nil {
				return struct{}{}, err
			}
			if !s.same(row, in.Binding) {
				if phc == "" {
					return struct{}{}, fault.Precondition("new_password", "Choose a password. You opened the link in another browser than the one in which somebody registered, so the password from there does not count.")
				}
				row.Phc = phc
			}
			return struct{}{}, s.admit(ctx, e, row)
		},
	}, in)
	return err
}

func (s *Service) admit(ctx context.Context, e *door.Effect, row *registrationq.Registration) error {
	user, err := s.Admit(ctx, e, Person{Email: row.Email, FirstName: row.FirstName, LastName: row.LastName, Timezone: row.Timezone, Locale: row.Locale, CountryCode: row.CountryCode,
		PHC: row.Phc, Invitation: row.InvitationHash})
	if fault.Is(err, fault.ConflictCode) {
		return unknown() // the address has an account: its row was there to cost the same
	} else if err != nil {
		return err
	}
	e.Record(event.Change{Action: "credential.confirmed", Subject: user.String(), Version: 1, Stream: "credential:" + user.String(), Chain: user.String(), Payload: map[string]any{"v": 1}, Audited: true})
	if err := s.q.RemoveRegistration(ctx, e.Tx, registrationq.RemoveRegistrationParams{Email: row.Email}); err != nil {
		return fmt.Errorf("end the registration: %w", err)
	}
	return nil
}

// DiscardTx forgets a registration of an address that nobody confirmed: somebody else has just shown that the address is theirs.
func (s *Service) DiscardTx(ctx context.Context, e *door.Effect, email string) error {
	if err := s.q.RemoveRegistration(ctx, e.Tx, registrationq.RemoveRegistrationParams{Email: email}); err != nil {
		return fmt.Errorf("discard the registration: %w", err)
	}
	return nil
}

// find locks the registration that is meant. A wrong code is counted: the effect then commits, and the fault comes after it; the row is nil.
func (s *Service) find(ctx context.Context, e *door.Effect, in Confirmation) (*registrationq.Registration, error) {
	if !in.Token.IsZero() {
		row, err := s.q.LockByToken(ctx, e.Tx, registrationq.LockByTokenParams{TokenHash: in.Token.Hash(), Now: e.Tx.Now})
		return row, missing(err)
	}
	row, err := s.q.LockByEmail(ctx, e.Tx, registrationq.LockByEmailParams{Email: in.Email, Now: e.Tx.Now})
	if err != nil {
		return nil, missing(err)
	}
	if row.CodeTries < codeTries && s.same(row, in.Binding) && hmac.Equal(row.CodeHash, codeHash(in.Binding, strings.TrimSpace(in.Code.Reveal()))) {
		return row, nil
	}
	if err := s.q.CountTry(ctx, e.Tx, registrationq.CountTryParams{Email: row.Email}); err != nil {
		return nil, fmt.Errorf("count the try: %w", err)
	}
	e.Quiet()
	e.Refuse(unknown())
	return nil, nil
}

// same says whether this is the browser that registered.
func (s *Service) same(row *registrationq.Registration, bound secret.String) bool {
	return hmac.Equal(row.BindingHash, bound.Hash())
}

func missing(err error) error {
	if db.NotFound(err) {
		return unknown()
	} else if err != nil {
		return fmt.Errorf("find the registration: %w", err)
	}
	return nil
}

// unknown is the one answer to whatever does not fit: unknown, used, expired, replaced, a wrong code.
func unknown() error {
	return fault.NotFound("registration").With("resend", true)
}
