package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/smtp"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/mailq"
)

const (
	mostTries  = 8
	tooOld     = 3 * day // a mail that waited so long says nothing that is still true
	hourly     = 30      // mails that an address gets in an hour; what is above waits
	unanswered = "the process ended before the server had answered"
)

// waits are the times between tries, about 27 hours in all.
var waits = [mostTries - 1]time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 18 * time.Hour}

// queue is the work of the mails that are due.
func (s *Service) queue() work.Queue {
	return work.Queue{
		Name: Queue, Batch: 8, Concurrency: 8, Timeout: 60 * time.Second,
		Take: func(ctx context.Context, tx *db.Tx, owner string, until time.Time, n int32) ([]work.Claim, error) {
			rows, err := s.q.TakeMessages(ctx, tx, mailq.TakeMessagesParams{Owner: owner, Until: until, Now: tx.Now, Most: n})
			if err != nil {
				return nil, err
			}
			claims := make([]work.Claim, len(rows))
			for n, r := range rows {
				claims[n] = work.Claim{ID: ident.From[ident.MessageID](r.ID).String(), Epoch: r.Epoch, Data: r.ID}
			}
			return claims, nil
		},
		Extend: func(ctx context.Context, on work.Executor, until time.Time, c work.Claim) (bool, error) {
			n, err := s.q.ExtendMessage(ctx, on, mailq.ExtendMessageParams{ID: c.Data.(uuid.UUID), Epoch: c.Epoch, Until: until})
			return n == 1, err
		},
		Next: func(ctx context.Context, on work.Executor) (time.Time, error) { return s.q.NextMessage(ctx, on) },
		Run:  func(ctx context.Context, c work.Claim) error { return s.deliver(ctx, c.Data.(uuid.UUID), c.Epoch) },
	}
}

// deliver makes one try: it is written down, made, and judged.
func (s *Service) deliver(ctx context.Context, id uuid.UUID, epoch int64) error {
	ctx = authz.System(ctx, "mail")
	r, err := s.begin(ctx, id, epoch)
	if err != nil || r == nil {
		return err
	}
	err = s.send(ctx, r)
	if ctx.Err() != nil && err != nil {
		return context.Cause(ctx)
	}
	return s.change(ctx, "message.conclude", func(ctx context.Context, e *door.Effect) error {
		r, err := s.hold(ctx, e, id, epoch, err)
		if r == nil {
			return err
		}
		return s.conclude(ctx, e, r, err)
	})
}

// hold locks the turn; no row and no error: it was lost, and somebody else goes on. The outcome is passed through.
func (s *Service) hold(ctx context.Context, e *door.Effect, id uuid.UUID, epoch int64, outcome error) (*mailq.OutboundMessage, error) {
	r, err := s.q.HoldMessage(ctx, e.Tx, mailq.HoldMessageParams{ID: id, Epoch: epoch})
	if db.NotFound(err) {
		e.Quiet()
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("hold a mail: %w", err)
	}
	return r, outcome
}

// change runs an effect of the product's own that concerns no organization.
func (s *Service) change(ctx context.Context, name string, do func(context.Context, *door.Effect) error) error {
	_, err := door.Do(ctx, s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: name, Public: true}, // the caller is work of the product
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			return struct{}{}, do(ctx, e)
		},
	}, struct{}{})
	return err
}

// begin writes the try down, or ends or delays the mail. Nil: there is nothing to send now.
func (s *Service) begin(ctx context.Context, id uuid.UUID, epoch int64) (out *mailq.OutboundMessage, err error) {
	err = s.change(ctx, "message.attempt", func(ctx context.Context, e *door.Effect) error {
		out = nil
		r, err := s.hold(ctx, e, id, epoch, nil)
		if r == nil {
			return err
		}
		suppressed, err := s.q.Suppressed(ctx, e.Tx, mailq.SuppressedParams{Recipient: r.Recipient})
		if err != nil {
			return fmt.Errorf("read the suppression list: %w", err)
		}
		lately, err := s.q.SentLately(ctx, e.Tx, mailq.SentLatelyParams{Recipient: r.Recipient, Since: e.Tx.Now.Add(-time.Hour), QueuedSince: e.Tx.Now.Add(-tooOld - 2*day)})
		if err != nil {
			return fmt.Errorf("count the mails of an address: %w", err)
		}
		switch {
		case suppressed:
			return s.end(ctx, e, r, Suppressed, "message.suppressed", "the address is on the suppression list")
		case r.Round == 0 && r.Tries == 0 && e.Tx.Now.Sub(*r.DueAt) > tooOld:
			return s.end(ctx, e, r, Failed, "message.failed", "nothing could be sent for three days")
		case r.Tries >= mostTries: // each of them ended with its process
			return s.end(ctx, e, r, Failed, "message.failed", unanswered)
		case lately >= hourly:
			e.Quiet()
			return s.move(ctx, e, r, Queued, new(e.Tx.Now.Add(10*time.Minute)), nil)
		}
		r.Tries++
		r.ReceiptID = new(s.messageID(r.MessageKey, r.Round))
		r.Attempts, err = json.Marshal(append(attemptsOf(r), &DeliveryAttempt{At: e.Tx.Now, Error: new(unanswered)}))
		if err != nil {
			return fmt.Errorf("write an attempt: %w", err)
		}
		e.Quiet() // what comes of it is the event
		out = r
		return s.q.BeginAttempt(ctx, e.Tx, mailq.BeginAttemptParams{ID: id, Epoch: epoch, Attempts: r.Attempts, Tries: r.Tries, ReceiptID: r.ReceiptID})
	})
	return out, err
}

// send hands a message to the server or gateway of its channel.
func (s *Service) send(ctx context.Context, r *mailq.OutboundMessage) error {
	w, brand, err := s.write(ctx, r)
	if err != nil {
		return &smtp.Refusal{Text: err.Error()} // it cannot be written now, nor ever
	}
	switch {
	case r.Channel == string(SMS) && s.Texts != nil:
		return s.Texts.Send(ctx, *r.ReceiptID, r.Recipient, w.Short)
	case r.Channel == string(SMS):
		return errors.New("there is no gateway for text messages")
	case s.Server == nil:
		return errors.New("there is no mail server")
	}
	return s.Server.Send(ctx, smtp.Mail{FromName: brand, From: s.From.Address, Envelope: s.Envelope, To: r.Recipient, MessageID: *r.ReceiptID, At: s.DB.Now(), Locale: w.Locale,
		Subject: w.Subject, Text: w.Text, HTML: w.HTML})
}

// write is a message as it leaves, and whose name stands over it.
func (s *Service) write(ctx context.Context, r *mailq.OutboundMessage) (w *letter.Written, brand string, err error) {
	org := ident.OrgID{}
	if r.OrgID != nil {
		org = ident.From[ident.OrgID](*r.OrgID)
	}
	id := ident.From[ident.MessageID](r.ID)
	raw, err := s.Vault.Open(ctx, s.DB, org, argsColumn, id.String(), r.SealedArgs)
	if err != nil {
		return nil, "", fmt.Errorf("open the letter of %s: %w", id, err)
	}
	var args arguments
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, "", fmt.Errorf("read the letter of %s: %w", id, err)
	}
	w, err = s.Book.WriteJSON(r.Template, args.Content, args.Reader)
	return w, args.Reader.Brand.Name, err
}

// conclude judges a try.
func (s *Service) conclude(ctx context.Context, e *door.Effect, r *mailq.OutboundMessage, outcome error) error {
	all := attemptsOf(r)
	last := all[len(all)-1]
	last.OK, last.Error = outcome == nil, nil
	if outcome != nil {
		last.Error = new(outcome.Error())
	}
	var err error
	if r.Attempts, err = json.Marshal(all); err != nil {
		return fmt.Errorf("write an attempt: %w", err)
	}
	refusal, final := errors.AsType[*smtp.Refusal](outcome)
	s.metrics.tried(outcome == nil, final)
	switch {
	case outcome == nil:
		r.SentAt = &e.Tx.Now
		e.Record(event.Change{Action: "message.sent", Subject: ident.From[ident.MessageID](r.ID).String(), Version: r.Version + 1, Payload: staged{V: 1, Template: r.Template, Tries: r.Tries}})
		return s.move(ctx, e, r, Sent, nil, nil)
	case final && refusal.BadAddress():
		if err := s.suppress(ctx, e, r.Recipient, bounce); err != nil {
			return err
		}
		return s.end(ctx, e, r, Bounced, "message.bounced", refusal.Text)
	case final:
		return s.end(ctx, e, r, Failed, "message.failed", refusal.Text)
	case r.Tries >= mostTries:
		return s.end(ctx, e, r, Failed, "message.failed", outcome.Error())
	}
	e.Quiet() // it is tried again
	return s.move(ctx, e, r, Queued, new(e.Tx.Now.Add(after(r.Tries, rand.Float64()))), nil)
}

// after is the wait behind a try: up to a tenth more, so that a server that was away is not asked by all at once.
func after(tries int32, chance float64) time.Duration {
	d := waits[tries-1]
	return d + time.Duration(chance*float64(d)/10)
}

// end is the last state of a mail that did not arrive. A dead one is an alert: an error in the log, an event and a metric.
func (s *Service) end(ctx context.Context, e *door.Effect, r *mailq.OutboundMessage, state DeliveryState, action, reason string) error {
	id := ident.From[ident.MessageID](r.ID)
	e.Record(event.Change{Action: action, Subject: id.String(), Version: r.Version + 1, Payload: staged{V: 1, Template: r.Template, Reason: unnamed(reason), Tries: r.Tries}})
	e.After(func() {
		s.metrics.ended(state)
		if state == Failed {
			s.log().ErrorContext(ctx, "mail given up", "message", id, "template", r.Template, "tries", r.Tries, "reason", unnamed(reason))
		}
	})
	r.FailedAt = &e.Tx.Now
	return s.move(ctx, e, r, state, nil, &reason)
}

func (s *Service) move(ctx context.Context, e *door.Effect, r *mailq.OutboundMessage, state DeliveryState, due *time.Time, reason *string) error {
	e.Poke(changedHere, 0)
	err := s.q.MoveMessage(ctx, e.Tx, mailq.MoveMessageParams{ID: r.ID, Epoch: r.Epoch, State: string(state), Attempts: r.Attempts, DueAt: due, SentAt: r.SentAt, FailedAt: r.FailedAt, FailedReason: reason})
	if err != nil {
		return fmt.Errorf("write what became of a mail: %w", err)
	}
	return nil
}
