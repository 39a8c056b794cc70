// Package profile is what a person is called and how they like to be addressed.
//
// The address for mail is also the name to sign in with. Another one is asked first: it counts when its mailbox has answered, and the mailbox before it can
// take the change back for three days. A telephone number counts as the person's own once a code that was sent there came back; whoever changes the number
// begins anew.
package profile

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/sms"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/profileq"
)

// Profile is a person's own page. Its id is the person's.
type Profile struct {
	ID            ident.UserID
	UserID        ident.UserID
	FirstName     string
	LastName      *string
	DisplayName   string
	Email         *string
	EmailVerified bool
	Phone         *string // E.164
	PhoneVerified bool
	Timezone      string
	Locale        string
	Address       Address
	Version       int32

	emailVerifiedAt, phoneVerifiedAt *time.Time
}

// Address is where mail on paper goes. A person may leave out all of it.
type Address struct {
	Line1, Line2, Line3, City, State, Zip *string
	CountryCode                           *string // ISO 3166-1 alpha-3
}

// Service reads and changes profiles.
type Service struct {
	DB      *db.DB
	Door    *door.Door
	Vault   *vault.Vault
	Limit   *limit.Limiter
	Mail    *mail.Service
	SMS     *sms.Service
	Console string // its address, for links
	// EndSessions signs the person out everywhere, but in the session to keep.
	EndSessions func(ctx context.Context, e *door.Effect, user ident.UserID, keep *ident.SessionID, reason string) error

	q profileq.Queries
}

// AddTx writes the first profile of an account whose address is known to be its own.
func (s *Service) AddTx(ctx context.Context, tx *db.Tx, p Profile) error {
	verified := (*time.Time)(nil)
	if p.Email != nil {
		verified = &tx.Now
	}
	err := s.q.AddProfile(ctx, tx, profileq.AddProfileParams{UserID: p.UserID.UUID(), FirstName: p.FirstName, LastName: p.LastName, DisplayName: p.DisplayName,
		Email: p.Email, EmailVerifiedAt: verified, Timezone: p.Timezone, Locale: p.Locale, CountryCode: p.Address.CountryCode})
	if db.Violates(err, "user_profile_email_key") {
		return fault.Conflict("email", "email_taken", "There is an account with this address already.")
	} else if err != nil {
		return fmt.Errorf("add the profile: %w", err)
	}
	return nil
}

// Of reads a person's profile.
func (s *Service) Of(ctx context.Context, user ident.UserID) (*Profile, error) {
	r, err := s.q.ProfileOf(ctx, s.DB, profileq.ProfileOfParams{UserID: user.UUID()})
	return read((*profileq.LockProfileRow)(r), err)
}

// lock reads a profile that nobody else changes before the end of the transaction.
func (s *Service) lock(ctx context.Context, tx *db.Tx, user ident.UserID) (*Profile, error) {
	r, err := s.q.LockProfile(ctx, tx, profileq.LockProfileParams{UserID: user.UUID()})
	return read(r, err)
}

func read(r *profileq.LockProfileRow, err error) (*Profile, error) {
	if db.NotFound(err) {
		return nil, fault.NotFound("profile")
	} else if err != nil {
		return nil, fmt.Errorf("read a profile: %w", err)
	}
	user := ident.From[ident.UserID](r.UserID)
	return &Profile{ID: user, UserID: user, FirstName: r.FirstName, LastName: r.LastName, DisplayName: r.DisplayName, Email: r.Email, EmailVerified: r.EmailVerifiedAt != nil,
		Phone: r.Phone, PhoneVerified: r.PhoneVerifiedAt != nil, Timezone: r.Timezone, Locale: r.Locale, Version: r.Version, emailVerifiedAt: r.EmailVerifiedAt, phoneVerifiedAt: r.PhoneVerifiedAt,
		Address: Address{Line1: r.Line1, Line2: r.Line2, Line3: r.Line3, City: r.City, State: r.State, Zip: r.Zip, CountryCode: r.CountryCode}}, nil
}

// erased stands where a name was.
const erased = "Erased account"

// EraseTx overwrites what is personal of a profile, and forgets what was on its way.
func (s *Service) EraseTx(ctx context.Context, e *door.Effect, user ident.UserID) error {
	if err := s.q.EraseProfile(ctx, e.Tx, profileq.EraseProfileParams{UserID: user.UUID(), Name: erased}); err != nil {
		return fmt.Errorf("erase the profile: %w", err)
	}
	if err := s.q.ForgetEmailChanges(ctx, e.Tx, profileq.ForgetEmailChangesParams{UserID: user.UUID()}); err != nil {
		return fmt.Errorf("forget the changes of address: %w", err)
	}
	if err := s.q.ForgetPhoneCode(ctx, e.Tx, profileq.ForgetPhoneCodeParams{UserID: user.UUID()}); err != nil {
		return fmt.Errorf("forget the code on its way: %w", err)
	}
	return nil
}

// Part is what profiles contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "profile", Periodics: []work.Periodic{{Kind: "profile.sweep", Every: time.Hour, Do: func(ctx context.Context) error {
		if _, err := s.q.SweepEmailChanges(ctx, s.DB, profileq.SweepEmailChangesParams{UndoUntil: s.DB.Now()}); err != nil {
			return fmt.Errorf("sweep the changes of address: %w", err)
		}
		if _, err := s.q.SweepPhoneCodes(ctx, s.DB, profileq.SweepPhoneCodesParams{ExpiresAt: s.DB.Now()}); err != nil {
			return fmt.Errorf("sweep the codes: %w", err)
		}
		return nil
	}}}}
}
