// Package profile is what a person is called and how they like to be addressed.
package profile

import (
	"context"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/profileq"
)

// Profile is a person's own page. Its id is the person's.
type Profile struct {
	ID          ident.UserID
	UserID      ident.UserID
	FirstName   string
	LastName    *string
	DisplayName string
	Email       *string
	Timezone    string
	Locale      string
	Version     int32
}

// Service reads and makes profiles.
type Service struct {
	DB *db.DB
	q  profileq.Queries
}

// AddTx writes the first profile of an account whose address is known to be its own.
func (s *Service) AddTx(ctx context.Context, tx *db.Tx, p Profile) error {
	verified := (*time.Time)(nil)
	if p.Email != nil {
		verified = &tx.Now
	}
	err := s.q.AddProfile(ctx, tx, profileq.AddProfileParams{UserID: p.UserID.UUID(), FirstName: p.FirstName, LastName: p.LastName, DisplayName: p.DisplayName,
		Email: p.Email, EmailVerifiedAt: verified, Timezone: p.Timezone, Locale: p.Locale})
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
	if db.NotFound(err) {
		return nil, fault.NotFound("profile")
	} else if err != nil {
		return nil, fmt.Errorf("read the profile of %s: %w", user, err)
	}
	return &Profile{ID: user, UserID: user, FirstName: r.FirstName, LastName: r.LastName, DisplayName: r.DisplayName, Email: r.Email, Timezone: r.Timezone, Locale: r.Locale, Version: r.Version}, nil
}
