package profile

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/profileq"
)

const (
	codeLives = 10 * time.Minute
	codeTries = 5
)

// StartPhoneVerification sends a code to the caller's number. A newer code makes the one before void.
func (s *Service) StartPhoneVerification(ctx context.Context) error {
	_, err := door.Do(ctx, s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "profile.start_phone_verification", Own: true, StepUp: true},
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (none struct{}, err error) {
			p, err := s.lock(ctx, e.Tx, e.Caller.UserID)
			if err != nil {
				return none, err
			}
			switch {
			case p.Phone == nil:
				return none, fault.Precondition("no_phone", "Save your telephone number first.")
			case p.PhoneVerified:
				e.Quiet()
				return none, nil
			}
			if err := s.SMS.Allow(ctx, p.UserID, *p.Phone); err != nil {
				return none, err
			}
			n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
			if err != nil {
				return none, fmt.Errorf("make a code: %w", err)
			}
			code, until := fmt.Sprintf("%06d", n), e.Tx.Now.Add(codeLives)
			key, err := s.Vault.Signer(ctx, vault.CSRF)
			if err != nil {
				return none, err
			}
			if err := s.q.PutPhoneCode(ctx, e.Tx, profileq.PutPhoneCodeParams{UserID: p.UserID.UUID(), Phone: *p.Phone, CodeHash: codeHash(key, p.UserID, *p.Phone, code), CreatedAt: e.Tx.Now, ExpiresAt: until}); err != nil {
				return none, fmt.Errorf("keep the code: %w", err)
			}
			note(e, p, "profile.phone_code_sent", true, nil)
			return none, s.Mail.Stage(ctx, e, mail.Mail{User: p.UserID, Phone: *p.Phone, Letter: letter.PhoneCode{Code: code, Until: until}})
		},
	}, struct{}{})
	return err
}

// ConfirmPhone takes the code that came to the caller's number. Five wrong ones end it.
func (s *Service) ConfirmPhone(ctx context.Context, code secret.String) (*Profile, error) {
	return door.Do(ctx, s.Door, door.Change[secret.String, *Profile]{
		Action: door.Action{Name: "profile.verify_phone", Own: true},
		Do: func(ctx context.Context, e *door.Effect, code secret.String) (*Profile, error) {
			p, err := s.lock(ctx, e.Tx, e.Caller.UserID)
			if err != nil {
				return nil, err
			}
			wrong := fault.Invalid("code", "code_wrong", "This code does not fit, or it is too old. Ask for a new one.")
			c, err := s.q.LockPhoneCode(ctx, e.Tx, profileq.LockPhoneCodeParams{UserID: p.UserID.UUID(), Now: e.Tx.Now})
			if db.NotFound(err) || err == nil && (c.Phone != text(p.Phone) || c.Tries >= codeTries) {
				return nil, wrong
			} else if err != nil {
				return nil, fmt.Errorf("find the code: %w", err)
			}
			right, err := s.fits(ctx, p, c, code)
			if err != nil {
				return nil, err
			}
			if !right {
				if err := s.q.CountPhoneTry(ctx, e.Tx, profileq.CountPhoneTryParams{UserID: p.UserID.UUID()}); err != nil {
					return nil, fmt.Errorf("count the try: %w", err)
				}
				note(e, p, "profile.phone_code_refused", true, nil)
				e.Refuse(wrong)
				return nil, nil
			}
			if err := s.q.VerifyPhone(ctx, e.Tx, profileq.VerifyPhoneParams{UserID: p.UserID.UUID(), Now: e.Tx.Now}); err != nil {
				return nil, fmt.Errorf("note that the number is proven: %w", err)
			}
			if err := s.q.ForgetPhoneCode(ctx, e.Tx, profileq.ForgetPhoneCodeParams{UserID: p.UserID.UUID()}); err != nil {
				return nil, fmt.Errorf("forget the code: %w", err)
			}
			note(e, p, "profile.phone_verified", true, nil)
			return s.within(ctx, e.Tx, p.UserID)
		},
	}, code)
}

// fits compares in constant time, under each key that is valid now.
func (s *Service) fits(ctx context.Context, p *Profile, c *profileq.PhoneCode, code secret.String) (bool, error) {
	keys, err := s.Vault.Verifiers(ctx, vault.CSRF)
	if err != nil {
		return false, err
	}
	right := false
	for _, k := range keys {
		right = hmac.Equal(c.CodeHash, codeHash(k, p.UserID, c.Phone, strings.TrimSpace(code.Reveal()))) || right
	}
	return right, nil
}

// codeHash is keyed: there are too few codes for a hash alone.
func codeHash(key *vault.SigningKey, user ident.UserID, phone, code string) []byte {
	return key.MAC("phone code", user.String(), phone, code)
}
