package mail

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
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/mailq"
)

const (
	lookBack    = 14 * day
	countedMost = 10_000
	maxSearch   = 254
	maxReason   = 500
)

// Deliveries lists mails over all organizations for an operator, the newest first.
func (s *Service) Deliveries(ctx context.Context, f DeliveryFilter, a page.Args) (*EmailDeliveryPage, error) {
	if err := s.Authz.Operate(ctx, mayRead); err != nil {
		return nil, err
	}
	return s.list(ctx, f, a)
}

func (s *Service) list(ctx context.Context, f DeliveryFilter, a page.Args) (*EmailDeliveryPage, error) {
	p := mailq.ListMessagesParams{Before: uuid.Max, Since: s.DB.Now().Add(-lookBack), Tags: append([]string{}, f.Tags...), Most: int32(a.First) + 1}
	if a.After != nil {
		p.Before = a.After.ID
	}
	if f.Since != nil {
		p.Since = *f.Since
	}
	if f.OrganizationID != nil {
		p.OrgID = new(f.OrganizationID.UUID())
	}
	if f.State != nil {
		p.State = string(*f.State)
	}
	if f.Recipient != nil {
		p.Recipient = strings.TrimSpace(*f.Recipient)
	}
	if len(f.Tags) > maxTags || len(p.Recipient) > maxSearch {
		return nil, fault.Invalid("filter", "too_long", "Ask for at most %d tags, and for an address of at most %d characters.", maxTags, maxSearch)
	}
	rows, err := s.q.ListMessages(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("list mails: %w", err)
	}
	n, err := s.q.CountMessages(ctx, s.DB, mailq.CountMessagesParams{Since: p.Since, OrgID: p.OrgID, Tags: p.Tags, State: p.State, Recipient: p.Recipient, Most: countedMost + 1})
	if err != nil {
		return nil, fmt.Errorf("count mails: %w", err)
	}
	all := make([]*EmailDelivery, len(rows))
	for n, r := range rows {
		all[n] = fromRow(r)
	}
	out := page.Make(a, all, counted(n), func(d *EmailDelivery) page.Cursor { return page.Cursor{ID: d.ID.UUID()} })
	return &out, nil
}

// counted is a total as far as it is worth counting.
func counted(n int64) *int32 {
	if n > countedMost {
		return nil
	}
	return new(int32(n))
}

// Redeliver sends a mail again that did not arrive, as a new round of tries with a Message-ID of its own. Who is on the suppression list gets nothing: take
// the address off first.
func (s *Service) Redeliver(ctx context.Context, id ident.MessageID) (*EmailDelivery, error) {
	return door.Do(ctx, s.Door, door.Change[ident.MessageID, *EmailDelivery]{
		Action: door.Action{Name: "message.redeliver", Permission: mayRedeliver, Operator: true},
		Do: func(ctx context.Context, e *door.Effect, id ident.MessageID) (*EmailDelivery, error) {
			r, err := s.q.LockMessage(ctx, e.Tx, mailq.LockMessageParams{ID: id.UUID()})
			if db.NotFound(err) {
				return nil, fault.NotFound("message")
			} else if err != nil {
				return nil, fmt.Errorf("read the mail %s: %w", id, err)
			}
			switch state := DeliveryState(r.State); {
			case state != Failed && state != Bounced && state != Suppressed:
				return nil, fault.Precondition("message_not_ended", "Only a mail that did not arrive can be sent again; this one is %s.", state).With("state", state)
			case r.SealedArgs == nil:
				return nil, fault.Precondition("message_erased", "What this mail said was erased after 30 days.")
			}
			if err := s.q.Requeue(ctx, e.Tx, mailq.RequeueParams{ID: r.ID, DueAt: e.Tx.Now}); err != nil {
				return nil, fmt.Errorf("queue the mail %s again: %w", id, err)
			}
			e.Record(event.Change{Action: "message.redelivered", Subject: id.String(), Version: r.Version + 1, Audited: true, Chain: "platform", Payload: staged{V: 1, Template: r.Template}})
			s.tell(e)
			if r, err = s.q.MessageByID(ctx, e.Tx, mailq.MessageByIDParams{ID: r.ID}); err != nil {
				return nil, fmt.Errorf("read the mail %s: %w", id, err)
			}
			return fromRow(r), nil
		},
	}, id)
}

// Suppressions lists the addresses that nothing is sent to, in order.
func (s *Service) Suppressions(ctx context.Context, search *string, a page.Args) (*SuppressionPage, error) {
	if err := s.Authz.Operate(ctx, mayRead); err != nil {
		return nil, err
	}
	p := mailq.ListSuppressionsParams{Most: int32(a.First) + 1}
	if a.After != nil {
		p.After = a.After.Sort
	}
	if search != nil {
		p.Search = strings.ToLower(strings.TrimSpace(*search))
	}
	if len(p.Search) > maxSearch {
		return nil, fault.Invalid("search", "too_long", "Search for at most %d characters.", maxSearch)
	}
	rows, err := s.q.ListSuppressions(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("list the suppressed addresses: %w", err)
	}
	n, err := s.q.CountSuppressions(ctx, s.DB, mailq.CountSuppressionsParams{Search: p.Search})
	if err != nil {
		return nil, fmt.Errorf("count the suppressed addresses: %w", err)
	}
	all := make([]*Suppression, len(rows))
	for n, r := range rows {
		all[n] = &Suppression{Channel: Email, Recipient: r.Recipient, Reason: r.Reason, Since: r.Since}
	}
	out := page.Make(a, all, new(int32(n)), func(x *Suppression) page.Cursor { return page.Cursor{Sort: x.Recipient, ID: uuid.Max} })
	return &out, nil
}

// removed is the payload of message.suppression_removed: who it was is masked, why it happens is not.
type removed struct {
	V         int    `json:"v"`
	Recipient string `json:"recipient"`
	Was       string `json:"was"`
	Reason    string `json:"reason"`
}

// RemoveSuppression lets mails go to an address again.
func (s *Service) RemoveSuppression(ctx context.Context, recipient, reason string) error {
	type input struct{ Recipient, Reason string }
	_, err := door.Do(ctx, s.Door, door.Change[input, struct{}]{
		Action: door.Action{Name: "message.remove_suppression", Permission: mayRedeliver, Operator: true},
		Validate: func(_ context.Context, _ *door.Effect, in *input) error {
			address, wrong := Address("recipient", in.Recipient)
			in.Recipient, in.Reason = address, strings.TrimSpace(in.Reason)
			if in.Reason == "" || len(in.Reason) > maxReason {
				return errors.Join(wrong, fault.Invalid("reason", "reason", "Say why, in at most %d characters.", maxReason))
			}
			return wrong
		},
		Do: func(ctx context.Context, e *door.Effect, in input) (struct{}, error) {
			was, err := s.q.RemoveSuppression(ctx, e.Tx, mailq.RemoveSuppressionParams{Recipient: in.Recipient})
			if db.NotFound(err) {
				return struct{}{}, fault.NotFound("suppression")
			} else if err != nil {
				return struct{}{}, fmt.Errorf("take an address off the suppression list: %w", err)
			}
			e.Record(event.Change{Action: "message.suppression_removed", Subject: "suppression:" + s.hashed(in.Recipient), Version: 1, Audited: true, Chain: "platform",
				Payload: removed{V: 1, Recipient: Masked(in.Recipient), Was: was, Reason: in.Reason}})
			return struct{}{}, nil
		},
	}, input{recipient, reason})
	return err
}

// Recent lists mails for tests (Emails.2), without a caller: only testing builds lead here.
func (s *Service) Recent(ctx context.Context, f DeliveryFilter) ([]*EmailDelivery, error) {
	p, err := s.list(ctx, f, page.Args{First: page.Max})
	if err != nil {
		return nil, err
	}
	return p.Nodes, nil
}

// Drain makes one try of every mail that is due now and answers how many there were, for tests (Emails.3).
func (s *Service) Drain(ctx context.Context) (int, error) {
	q := s.queue()
	for n := 0; ; {
		var claims []work.Claim
		err := s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			claims, err = q.Take(ctx, tx, "drain", tx.Now.Add(time.Minute), q.Batch)
			return err
		})
		if err != nil || len(claims) == 0 {
			return n, err
		}
		for _, c := range claims {
			if err := q.Run(ctx, c); err != nil {
				return n, err
			}
			n++
		}
	}
}
