package recovery

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/recoveryq"
)

const (
	mayManage authz.Permission = "account.manage_any"
	longest                    = 500 // characters of a reason
)

// StartFor mails somebody a link that sets a new password, because an operator says so. The operator never sees it.
func (s *Service) StartFor(ctx context.Context, user ident.UserID, reason string) (*Accepted, error) {
	type input struct {
		User   ident.UserID
		Reason string
	}
	return door.Do(ctx, s.Door, door.Change[input, *Accepted]{
		Action: door.Action{Name: "credential.start_reset_for", Permission: mayManage, Operator: true},
		Validate: func(_ context.Context, _ *door.Effect, in *input) error {
			in.Reason = strings.TrimSpace(in.Reason)
			if n := utf8.RuneCountInString(in.Reason); n == 0 || n > longest || strings.ContainsRune(in.Reason, 0) {
				return fault.Invalid("reason", "reason", "Say why, in at most %d characters.", longest)
			}
			return nil
		},
		Do: func(ctx context.Context, e *door.Effect, in input) (*Accepted, error) {
			reachable, err := s.q.ReaderOfUser(ctx, e.Tx, recoveryq.ReaderOfUserParams{ID: in.User.UUID()})
			if db.NotFound(err) {
				return nil, fault.NotFound("user")
			} else if err != nil {
				return nil, fmt.Errorf("find the address of %s: %w", in.User, err)
			}
			if !reachable {
				return nil, fault.Precondition("user_unreachable", "This account has no address, or may not come in: there is nobody to mail a link to.")
			}
			token, err := s.LinkTx(ctx, e, in.User, lives)
			if err != nil {
				return nil, err
			}
			id := in.User.String()
			e.Record(event.Change{Action: "credential.reset_started", Subject: id, Version: 1, Stream: "credential:" + id, Chain: id, Payload: map[string]any{"v": 1, "by": e.Caller.Actor(), "reason": in.Reason}, Audited: true})
			return &Accepted{true}, s.Mail.Stage(ctx, e, mail.Mail{User: in.User, Letter: s.letter(token, e.Tx.Now.Add(lives), e)})
		},
	}, input{user, reason})
}

// LinkTx makes a one-time token that sets a password, and tells nobody of it.
func (s *Service) LinkTx(ctx context.Context, e *door.Effect, user ident.UserID, lasts time.Duration) (secret.String, error) {
	token, id := secret.Random(""), user.UUID()
	err := s.q.AddReset(ctx, e.Tx, recoveryq.AddResetParams{ID: ident.V7(e.Tx.Now), UserID: &id, TokenHash: token.Hash(), CreatedAt: e.Tx.Now, ExpiresAt: e.Tx.Now.Add(lasts)})
	if err != nil {
		return token, fmt.Errorf("add the reset: %w", err)
	}
	return token, nil
}

// LinkOf is the address at which a token is used.
func (s *Service) LinkOf(token secret.String) string {
	return s.Console + "/auth/reset-password/" + token.Reveal()
}
