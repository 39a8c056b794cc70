// Package registration makes accounts of people who say that an address is theirs.
//
// A registration is one row by its address, and nothing else exists of the person: nobody signs in with it, nobody sees it. A mail brings a link and a
// code. The link works anywhere, but outside the browser that registered it asks for a new password, which replaces the one registered; the code works
// only in that browser. So whoever reads the mailbox owns the account, and nobody can prepare an account for somebody else's address. With the
// confirmation come the account, its personal organization and its password, in one transaction.
//
// A known address is registered like an unknown one: the same hash, the same statements, the same number of mails; only the letter is another, and its
// row can be confirmed by nobody.
package registration

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/registrationq"
)

const (
	lives   = 24 * time.Hour
	binding = "npb_"
)

var (
	perNetwork = limit.Bucket{Name: "register", Rate: 5, Per: time.Hour, Burst: 5, Closed: true}
	// perAddress bounds the mails. Beyond it the answer is the same, and the registration that waits stays as it is: nobody's link dies by a stranger's tries.
	perAddress = limit.Bucket{Name: "register-address", Rate: 3, Per: 24 * time.Hour, Burst: 3, Closed: true}
)

// RegisterPersonInput is what a person says of themselves.
type RegisterPersonInput struct {
	Email           string
	Password        secret.String
	FirstName       string
	LastName        string
	Timezone        *string
	Locale          *string
	CountryCode     *string
	TermsAccepted   bool
	InvitationToken secret.String
}

// RegistrationAccepted is always the same answer. The browser keeps the binding for the mailed code.
type RegistrationAccepted struct {
	Accepted bool
	Binding  secret.String
}

// Person is who confirmed an address.
type Person struct {
	Email, FirstName, LastName, Timezone, Locale string
	CountryCode                                  *string
	PHC                                          string // of the password
	Invitation                                   []byte // SHA-256 of the invitation's token that the person came with
}

// Service registers people.
type Service struct {
	DB          *db.DB
	Door        *door.Door
	Limit       *limit.Limiter
	Credentials *credential.Service
	Mail        *mail.Service
	Console     string // its address, for links
	// Admit makes the account of a confirmed person, with all that belongs to it. CONFLICT when the address has one by now.
	Admit func(ctx context.Context, e *door.Effect, p Person) (ident.UserID, error)

	q registrationq.Queries
}

// Register takes a registration and mails what confirms it. The answer is the same for every address.
func (s *Service) Register(ctx context.Context, in RegisterPersonInput) (*RegistrationAccepted, error) {
	p, err := s.check(&in)
	if err != nil {
		return nil, err
	}
	if err := s.Limit.Allow(ctx, perNetwork, authz.From(ctx).Network); err != nil {
		return nil, err
	}
	if p.PHC, err = s.Credentials.Hash(ctx, in.Password); err != nil {
		return nil, err
	}
	if !in.InvitationToken.IsZero() {
		p.Invitation = in.InvitationToken.Hash()
	}
	if err := s.Limit.Allow(ctx, perAddress, strings.ToLower(p.Email)); fault.Is(err, fault.RateLimitedCode) {
		return &RegistrationAccepted{Accepted: true, Binding: secret.Random(binding)}, nil
	} else if err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[Person, *RegistrationAccepted]{
		Action: door.Action{Name: "credential.register", Public: true},
		Do:     s.register,
	}, p)
}

func (s *Service) register(ctx context.Context, e *door.Effect, p Person) (*RegistrationAccepted, error) {
	known, err := s.q.KnownAddress(ctx, e.Tx, registrationq.KnownAddressParams{Email: p.Email})
	if err != nil {
		return nil, fmt.Errorf("look for the address: %w", err)
	}
	token, bound, code := secret.Random(""), secret.Random(binding), digits()
	row := registrationq.PutRegistrationParams{Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, Phc: p.PHC, Timezone: p.Timezone, Locale: p.Locale, CountryCode: p.CountryCode,
		InvitationHash: p.Invitation, TokenHash: token.Hash(), CodeHash: codeHash(bound, code), BindingHash: bound.Hash(), CreatedAt: e.Tx.Now, ExpiresAt: e.Tx.Now.Add(lives)}
	out := &RegistrationAccepted{Accepted: true, Binding: bound}
	var l letter.Content = letter.ConfirmRegistration{Name: letter.Typed(p.FirstName), Link: s.Console + "/confirm/" + token.Reveal(), Code: code, Until: row.ExpiresAt}
	if known { // its row can be confirmed by nobody: no mail carries the token, and the account that is there keeps the address
		l = letter.RegistrationRepeat{Link: s.Console + "/login", Place: e.Caller.Network}
	}
	if err := s.q.PutRegistration(ctx, e.Tx, row); err != nil {
		return nil, fmt.Errorf("keep the registration: %w", err)
	}
	m := mail.Mail{To: p.Email, Locale: p.Locale, Zone: p.Timezone, Letter: l}
	if err := s.Mail.Stage(ctx, e, m); err != nil {
		return nil, err
	}
	chain := event.NetworkChain(e.Caller.Network) // as failed sign-ins: whether there is an account is nobody's to read off a chain
	e.Record(event.Change{Action: "credential.registered", Subject: chain, Version: 1, Chain: chain, Payload: map[string]any{"v": 1}, Audited: true})
	return out, nil
}

// Again mails a new link for a registration that waits, to somebody who knows its password. The code's browser is no longer known, so the mail's code does not
// count; beyond the mails of a day nothing is sent.
func (s *Service) Again(ctx context.Context, e *door.Effect, email string) error {
	if err := s.Limit.Allow(ctx, perAddress, strings.ToLower(email)); fault.Is(err, fault.RateLimitedCode) {
		return nil
	} else if err != nil {
		return err
	}
	row, err := s.q.LockByEmail(ctx, e.Tx, registrationq.LockByEmailParams{Email: email, Now: e.Tx.Now})
	if err != nil {
		return missing(err)
	}
	token, code := secret.Random(""), digits()
	if err := s.q.RenewRegistration(ctx, e.Tx, registrationq.RenewRegistrationParams{Email: row.Email, TokenHash: token.Hash(), ExpiresAt: e.Tx.Now.Add(lives)}); err != nil {
		return fmt.Errorf("renew the registration: %w", err)
	}
	return s.Mail.Stage(ctx, e, mail.Mail{To: row.Email, Locale: row.Locale, Zone: row.Timezone,
		Letter: letter.ConfirmRegistration{Name: letter.Typed(row.FirstName), Link: s.Console + "/confirm/" + token.Reveal(), Code: code, Until: e.Tx.Now.Add(lives)}})
}

// check answers the person in stored form, or all faults of the form together.
func (s *Service) check(in *RegisterPersonInput) (Person, error) {
	var p Person
	var faults []error
	note := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	var err error
	p.Email, err = mail.Address("email", in.Email)
	note(err)
	p.FirstName, err = profile.Name("firstName", in.FirstName, 1)
	note(err)
	p.LastName, err = profile.Name("lastName", in.LastName, 0)
	note(err)
	p.Timezone, p.Locale = "Etc/UTC", "en"
	if in.Timezone != nil && *in.Timezone != "" {
		p.Timezone, err = profile.Timezone("timezone", *in.Timezone)
		note(err)
	}
	if in.Locale != nil && *in.Locale != "" {
		p.Locale, err = profile.Locale("locale", *in.Locale)
		note(err)
	}
	if in.CountryCode != nil && *in.CountryCode != "" {
		code, err := profile.Country("countryCode", *in.CountryCode)
		p.CountryCode = &code
		note(err)
	}
	if !in.TermsAccepted {
		note(fault.Invalid("termsAccepted", "terms", "Accept the terms to register."))
	}
	faults = append(faults, credential.Check("password", in.Password, in.Email, in.FirstName, in.LastName)...)
	return p, errors.Join(faults...)
}

// Part is what registrations contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "registration", Periodics: []work.Periodic{{Kind: "registration.sweep", Every: time.Hour, Do: func(ctx context.Context) error {
		_, err := s.q.SweepRegistrations(ctx, s.DB, registrationq.SweepRegistrationsParams{ExpiresAt: s.DB.Now()})
		return err
	}}}}
}

func digits() string {
	n, _ := rand.Int(rand.Reader, big.NewInt(1_000_000)) // the error of crypto/rand ends the program
	return fmt.Sprintf("%06d", n.Int64())
}

// codeHash binds the code to the browser: without its secret six digits are not found by trying.
func codeHash(bound secret.String, code string) []byte {
	m := hmac.New(sha256.New, []byte(bound.Reveal()))
	m.Write([]byte(code))
	return m.Sum(nil)
}
