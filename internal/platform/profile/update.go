package profile

import (
	"context"
	"errors"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/sms"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/profileq"
)

// UpdateProfileInput changes what is given; what is left out stays. With a version that is not the present one nothing changes.
type UpdateProfileInput struct {
	FirstName   *string
	LastName    *string // "": the person has none
	DisplayName *string
	Phone       *string
	ClearPhone  *bool
	Timezone    *string
	Locale      *string
	Version     *int32
}

// UpdateAddressInput changes what is given; an empty text leaves a line out from now on.
type UpdateAddressInput struct {
	Line1, Line2, Line3, City, State, Zip *string
	CountryCode                           *string
	Version                               *int32
}

// Update changes the caller's names, telephone number, time zone and language. Another number is nobody's until it is proven.
func (s *Service) Update(ctx context.Context, in UpdateProfileInput) (*Profile, error) {
	return change(ctx, s, "profile.update", in, in.Version, func(ctx context.Context, e *door.Effect, p *Profile) (action string, audited bool, err error) {
		next, err := in.on(*p)
		if err != nil {
			return "", false, err
		}
		moved := text(next.Phone) != text(p.Phone)
		if moved {
			next.phoneVerifiedAt = nil
			if err := s.q.ForgetPhoneCode(ctx, e.Tx, profileq.ForgetPhoneCodeParams{UserID: p.UserID.UUID()}); err != nil {
				return "", false, fmt.Errorf("forget the code on its way: %w", err)
			}
		}
		same := next.FirstName == p.FirstName && text(next.LastName) == text(p.LastName) && next.DisplayName == p.DisplayName && next.Timezone == p.Timezone && next.Locale == p.Locale
		if same && !moved {
			return "", false, nil
		}
		if err := s.q.SetDetails(ctx, e.Tx, profileq.SetDetailsParams{UserID: p.UserID.UUID(), FirstName: next.FirstName, LastName: next.LastName, DisplayName: next.DisplayName,
			Phone: next.Phone, PhoneVerifiedAt: next.phoneVerifiedAt, Timezone: next.Timezone, Locale: next.Locale}); err != nil {
			return "", false, fmt.Errorf("keep the profile: %w", err)
		}
		if moved {
			return "profile.phone_changed", true, nil
		}
		return "profile.updated", false, nil
	})
}

// on applies the input to what is there, or answers all its faults.
func (in UpdateProfileInput) on(p Profile) (Profile, error) {
	var faults []error
	take := func(into *string, given *string, check func(string) (string, error)) {
		if given == nil {
			return
		}
		v, err := check(*given)
		*into, faults = v, append(faults, err)
	}
	last := text(p.LastName)
	take(&p.FirstName, in.FirstName, func(v string) (string, error) { return Name("firstName", v, 1) })
	take(&last, in.LastName, func(v string) (string, error) { return Name("lastName", v, 0) })
	take(&p.DisplayName, in.DisplayName, func(v string) (string, error) { return Name("displayName", v, 1) })
	take(&p.Timezone, in.Timezone, func(v string) (string, error) { return Timezone("timezone", v) })
	take(&p.Locale, in.Locale, func(v string) (string, error) { return Locale("locale", v) })
	p.LastName = some(last)
	clear := in.ClearPhone != nil && *in.ClearPhone
	switch {
	case clear && in.Phone != nil:
		faults = append(faults, fault.Invalid("phone", "clear_or_set", "Send a number, or say that it shall be cleared; not both."))
	case clear:
		p.Phone = nil
	case in.Phone != nil:
		number := ""
		take(&number, in.Phone, func(v string) (string, error) { return sms.Number("phone", v, text(p.Address.CountryCode)) })
		p.Phone = some(number)
	}
	return p, errors.Join(faults...)
}

// UpdateAddress changes where mail on paper reaches the caller.
func (s *Service) UpdateAddress(ctx context.Context, in UpdateAddressInput) (*Profile, error) {
	return change(ctx, s, "profile.update_address", in, in.Version, func(ctx context.Context, e *door.Effect, p *Profile) (string, bool, error) {
		a, err := in.on(p.Address)
		if err != nil || a.equal(p.Address) {
			return "", false, err
		}
		if err := s.q.SetAddress(ctx, e.Tx, profileq.SetAddressParams{UserID: p.UserID.UUID(), Line1: a.Line1, Line2: a.Line2, Line3: a.Line3, City: a.City, State: a.State, Zip: a.Zip, CountryCode: a.CountryCode}); err != nil {
			return "", false, fmt.Errorf("keep the address: %w", err)
		}
		return "profile.address_updated", false, nil
	})
}

// on applies the input to what is there, or answers all its faults.
func (in UpdateAddressInput) on(a Address) (Address, error) {
	var faults []error
	for _, f := range []struct {
		name  string
		given *string
		into  **string
	}{{"line1", in.Line1, &a.Line1}, {"line2", in.Line2, &a.Line2}, {"line3", in.Line3, &a.Line3}, {"city", in.City, &a.City}, {"state", in.State, &a.State}, {"zip", in.Zip, &a.Zip}} {
		if f.given == nil {
			continue
		}
		line, err := Name(f.name, *f.given, 0)
		*f.into, faults = some(line), append(faults, err)
	}
	if in.CountryCode != nil {
		code, err := Country("countryCode", *in.CountryCode)
		a.CountryCode, faults = some(code), append(faults, err)
	}
	return a, errors.Join(faults...)
}

func (a Address) equal(b Address) bool {
	for _, both := range [][2]*string{{a.Line1, b.Line1}, {a.Line2, b.Line2}, {a.Line3, b.Line3}, {a.City, b.City}, {a.State, b.State}, {a.Zip, b.Zip}, {a.CountryCode, b.CountryCode}} {
		if text(both[0]) != text(both[1]) {
			return false
		}
	}
	return true
}

// change runs do on the caller's locked profile and records the action that it answers; "" when nothing changed.
func change[In any](ctx context.Context, s *Service, name string, in In, version *int32, do func(context.Context, *door.Effect, *Profile) (action string, audited bool, err error)) (*Profile, error) {
	return door.Do(ctx, s.Door, door.Change[In, *Profile]{
		Action: door.Action{Name: name, Own: true},
		Do: func(ctx context.Context, e *door.Effect, _ In) (*Profile, error) {
			p, err := s.lock(ctx, e.Tx, e.Caller.UserID)
			if err != nil {
				return nil, err
			}
			if version != nil && *version != p.Version {
				return nil, e.Lost(subject(p.UserID), p.Version)
			}
			action, audited, err := do(ctx, e, p)
			if err != nil {
				return nil, err
			}
			if action == "" {
				e.Quiet()
				return p, nil
			}
			note(e, p, action, audited, nil)
			return s.within(ctx, e.Tx, p.UserID)
		},
	}, in)
}

// within reads a profile as it stands in a transaction.
func (s *Service) within(ctx context.Context, tx *db.Tx, user ident.UserID) (*Profile, error) {
	r, err := s.q.ProfileOf(ctx, tx, profileq.ProfileOfParams{UserID: user.UUID()})
	return read((*profileq.LockProfileRow)(r), err)
}

// subject is how the ledger names a profile: it has the person's id, whose own versions are others.
func subject(user ident.UserID) string { return "profile:" + user.String() }

// note records what happened to a profile on the person's chain. What it holds now is not in the ledger.
func note(e *door.Effect, p *Profile, action string, audited bool, more map[string]any) {
	payload := map[string]any{"v": 1}
	for k, v := range more {
		payload[k] = v
	}
	e.Record(event.Change{Action: action, Subject: subject(p.UserID), Version: p.Version + 1, Chain: p.UserID.String(), Payload: payload, Audited: audited})
	e.Poke(p.UserID.String(), e.Tx.Now.UnixMicro())
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
