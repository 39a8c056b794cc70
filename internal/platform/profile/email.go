package profile

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/queries/profileq"
)

const (
	linkLives = 24 * time.Hour
	undoLives = 72 * time.Hour // how long the former address can take a change back
)

var (
	perPerson = limit.Bucket{Name: "email-change", Rate: 5, Per: time.Hour, Burst: 5, Closed: true}
	perToken  = limit.Bucket{Name: "token", Rate: 20, Per: 10 * time.Minute, Burst: 20, Closed: true}
)

// StartEmailChange asks a new address whether it agrees, and tells the present one, which can take it back for three days. Nothing changes until the new one
// has answered. The answer and the work are the same for an address that has an account: its owner reads that somebody wanted it. A newer start makes the
// one before void.
func (s *Service) StartEmailChange(ctx context.Context, typed string) error {
	address, err := mail.Address("newEmail", typed)
	if err != nil {
		return err
	}
	_, err = door.Do(ctx, s.Door, door.Change[string, struct{}]{
		Action: door.Action{Name: "profile.start_email_change", Own: true, StepUp: true},
		Do: func(ctx context.Context, e *door.Effect, address string) (none struct{}, err error) {
			p, err := s.lock(ctx, e.Tx, e.Caller.UserID)
			if err != nil {
				return none, err
			}
			if p.Email == nil {
				return none, fault.Precondition("no_email", "This account has no address that could be changed.")
			}
			if strings.EqualFold(*p.Email, address) {
				return none, fault.Invalid("newEmail", "email_same", "This is the address that you have.")
			}
			if err := s.Limit.Allow(ctx, perPerson, p.UserID.String()); err != nil {
				return none, err
			}
			return none, s.startEmailChange(ctx, e, p, address)
		},
	}, address)
	return err
}

func (s *Service) startEmailChange(ctx context.Context, e *door.Effect, p *Profile, address string) error {
	known, err := s.q.KnownAddress(ctx, e.Tx, profileq.KnownAddressParams{Email: address})
	if err != nil {
		return fmt.Errorf("look for the address: %w", err)
	}
	if err := s.q.EndEmailChange(ctx, e.Tx, profileq.EndEmailChangeParams{UserID: p.UserID.UUID(), Now: e.Tx.Now}); err != nil {
		return fmt.Errorf("end the change before: %w", err)
	}
	token, undo, until := secret.Random(""), secret.Random(""), e.Tx.Now.Add(linkLives)
	row := profileq.AddEmailChangeParams{ID: ident.V7(e.Tx.Now), UserID: p.UserID.UUID(), Email: address, Former: *p.Email, TokenHash: token.Hash(), UndoHash: undo.Hash(), CreatedAt: e.Tx.Now,
		ExpiresAt: until, UndoUntil: e.Tx.Now.Add(undoLives)}
	if !e.Caller.SessionID.IsZero() {
		row.SessionID = new(e.Caller.SessionID.UUID())
	}
	if err := s.q.AddEmailChange(ctx, e.Tx, row); err != nil {
		return fmt.Errorf("keep the change of address: %w", err)
	}
	var ask letter.Content = letter.EmailChange{Link: s.Console + "/auth/confirm-email/" + token.Reveal(), Until: until}
	if known { // its row can be confirmed by nobody: no mail carries the token
		ask = letter.RegistrationRepeat{Link: s.Console + "/login", Place: e.Caller.Network}
	}
	notice := letter.EmailChangeNotice{NewAddress: mail.Masked(address),
		Security: letter.Security{At: e.Tx.Now, Place: e.Caller.Network, Device: e.Caller.UserAgent, NotMe: s.Console + "/auth/not-me/" + undo.Reveal()}}
	for _, m := range []mail.Mail{{To: address, Locale: p.Locale, Zone: p.Timezone, Letter: ask}, {User: p.UserID, Letter: notice}} {
		if err := s.Mail.Stage(ctx, e, m); err != nil {
			return err
		}
	}
	return s.noteAddress(ctx, e, p, "profile.email_change_started", address)
}

// noteAddress records something about an address by its masked form and a keyed hash: the ledger holds no people (PF-LED-7).
func (s *Service) noteAddress(ctx context.Context, e *door.Effect, p *Profile, action, address string) error {
	key, err := s.Vault.Signer(ctx, vault.CSRF)
	if err != nil {
		return err
	}
	note(e, p, action, true, map[string]any{"email": mail.Masked(address), "hash": fmt.Sprintf("%x", key.MAC("address", strings.ToLower(address)))})
	return nil
}

// ConfirmEmailChange is the new mailbox's answer: from now on it is the account's address. Sessions end, but the one that asked. NOT_FOUND for whatever does
// not fit: unknown, used, expired, taken back, replaced.
func (s *Service) ConfirmEmailChange(ctx context.Context, token secret.String) error {
	return s.byLink(ctx, "profile.change_email", token, func(ctx context.Context, e *door.Effect, hash []byte) error {
		c, err := s.q.LockEmailChange(ctx, e.Tx, profileq.LockEmailChangeParams{TokenHash: hash, Now: e.Tx.Now})
		if err := dead(err); err != nil {
			return err
		}
		if err := s.q.ConfirmEmailChange(ctx, e.Tx, profileq.ConfirmEmailChangeParams{ID: c.ID, Now: e.Tx.Now}); err != nil {
			return fmt.Errorf("note the answer: %w", err)
		}
		return s.move(ctx, e, ident.From[ident.UserID](c.UserID), c.Email, ident.FromPtr[ident.SessionID](c.SessionID), "profile.email_changed")
	})
}

// UndoEmailChange is the former mailbox's "this was not me": a change that waits is void; one that was made is taken back, with all that came after it.
// Everybody is signed out.
func (s *Service) UndoEmailChange(ctx context.Context, token secret.String) error {
	return s.byLink(ctx, "profile.undo_email_change", token, func(ctx context.Context, e *door.Effect, hash []byte) error {
		c, err := s.q.LockEmailUndo(ctx, e.Tx, profileq.LockEmailUndoParams{UndoHash: hash, Now: e.Tx.Now})
		if err := dead(err); err != nil {
			return err
		}
		if err := s.q.UndoEmailChanges(ctx, e.Tx, profileq.UndoEmailChangesParams{UserID: c.UserID, CreatedAt: c.CreatedAt, Now: e.Tx.Now}); err != nil {
			return fmt.Errorf("take the change back: %w", err)
		}
		return s.move(ctx, e, ident.From[ident.UserID](c.UserID), c.Former, nil, "profile.email_change_undone")
	})
}

// byLink runs a change that a mailed link asks for, without anybody signed in.
func (s *Service) byLink(ctx context.Context, name string, token secret.String, do func(context.Context, *door.Effect, []byte) error) error {
	if err := s.Limit.Allow(ctx, perToken, authz.From(ctx).Network); err != nil {
		return err
	}
	_, err := door.Do(ctx, s.Door, door.Change[secret.String, struct{}]{
		Action: door.Action{Name: name, Public: true},
		Do: func(ctx context.Context, e *door.Effect, token secret.String) (struct{}, error) {
			return struct{}{}, do(ctx, e, token.Hash())
		},
	}, token)
	return err
}

// move sets the account's address and ends its sessions, but the one to keep.
func (s *Service) move(ctx context.Context, e *door.Effect, user ident.UserID, address string, keep *ident.SessionID, action string) error {
	p, err := s.lock(ctx, e.Tx, user)
	if err != nil {
		return err
	}
	if p.Email == nil {
		return fault.NotFound("change") // the account was erased
	}
	if !strings.EqualFold(*p.Email, address) {
		err := e.Tx.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			return s.q.SetEmail(ctx, tx, profileq.SetEmailParams{UserID: user.UUID(), Email: address, Now: tx.Now})
		})
		if db.Violates(err, "user_profile_email_key") {
			return fault.NotFound("change") // somebody made an account with it meanwhile
		} else if err != nil {
			return fmt.Errorf("set the address: %w", err)
		}
	}
	if err := s.EndSessions(ctx, e, user, keep, "email"); err != nil {
		return err
	}
	return s.noteAddress(ctx, e, p, action, address)
}

func dead(err error) error {
	if db.NotFound(err) {
		return fault.NotFound("change")
	} else if err != nil {
		return fmt.Errorf("find the change of address: %w", err)
	}
	return nil
}
