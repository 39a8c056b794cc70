package mail

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/mailq"
)

const (
	day         = 24 * time.Hour
	maxKey      = 300
	maxTags     = 8
	argsColumn  = "outbound_message.sealed_args"
	Queue       = "mail"
	changedHere = "message" // what operators who watch subscribe to
)

// staged is the payload of message.queued and of what follows it: no address, no words.
type staged struct {
	V        int    `json:"v"`
	Template string `json:"template"`
	Reason   string `json:"reason,omitempty"`
	Tries    int32  `json:"tries,omitempty"`
}

// Stage puts a mail into the queue, in the transaction of e. It writes the letter at once, so that a value that is missing fails here and not on the way. No
// network: the mail leaves after the commit. Staging the same key again does nothing.
func (s *Service) Stage(ctx context.Context, e *door.Effect, m Mail) error {
	to, reader, err := s.address(ctx, e.Tx, m)
	if err != nil || to == "" {
		return err
	}
	if !m.Org.IsZero() && s.Silent != nil {
		if silent, err := s.Silent(ctx, e.Tx, m.Org); err != nil || silent {
			return err
		}
	}
	if m.In != nil {
		m.Letter = m.In(reader.Locale)
	}
	content, err := json.Marshal(m.Letter)
	if err != nil {
		return fmt.Errorf("read the letter %s: %w", m.Letter.Letter(), err)
	}
	written, err := s.Book.WriteJSON(m.Letter.Letter(), content, reader)
	if err != nil {
		return err
	}
	channel := Email
	if m.Phone != "" {
		if channel, written.Subject = SMS, ""; written.Short == "" {
			return fmt.Errorf("stage %s: it has no short form", m.Letter.Letter())
		}
	}
	if m.PerDay > 0 {
		if many, err := s.enough(ctx, e.Tx, to, m); err != nil || many {
			return err
		}
	}
	id := ident.New[ident.MessageID](e.Tx.Now)
	key := strings.Join([]string{m.Letter.Letter(), cmp.Or(m.Key, id.String()), strings.ToLower(to)}, "/")
	if len(m.Key) > maxKey || len(m.Tags) > maxTags {
		return fmt.Errorf("stage %s: the key is too long, or there are too many tags", m.Letter.Letter())
	}
	args, err := json.Marshal(arguments{Content: content, Reader: reader})
	if err != nil {
		return fmt.Errorf("keep the letter %s: %w", m.Letter.Letter(), err)
	}
	p := mailq.AddMessageParams{ID: id.UUID(), Channel: string(channel), MessageKey: key, Recipient: to, Template: m.Letter.Letter(), Subject: written.Subject, Tags: append([]string{}, m.Tags...), DueAt: e.Tx.Now, QueuedAt: e.Tx.Now}
	if m.NotBefore.After(e.Tx.Now) {
		p.DueAt = m.NotBefore
	}
	if !m.Org.IsZero() {
		p.OrgID = new(m.Org.UUID())
	}
	if p.SealedArgs, err = s.Vault.Seal(ctx, e.Tx, m.Org, argsColumn, id.String(), args); err != nil {
		return fmt.Errorf("seal the letter %s: %w", m.Letter.Letter(), err)
	}
	n, err := s.q.AddMessage(ctx, e.Tx, p)
	if err != nil {
		return fmt.Errorf("stage the letter %s: %w", m.Letter.Letter(), err)
	}
	if n == 1 {
		e.Record(event.Change{Action: "message.queued", Subject: id.String(), Version: 1, Payload: staged{V: 1, Template: p.Template}})
		s.tell(e)
	}
	return nil
}

// address is where a mail or text message goes, and how it is read there; "" for a person without an address.
func (s *Service) address(ctx context.Context, tx *db.Tx, m Mail) (string, letter.Reader, error) {
	reader := letter.Reader{Locale: m.Locale, Zone: m.Zone, Brand: letter.Brand{Name: cmp.Or(m.Brand, s.From.Name), Home: s.Home}}
	if m.User.IsZero() {
		to, err := Address("email", m.To)
		return to, reader, err
	}
	r, err := s.q.ReaderOf(ctx, tx, mailq.ReaderOfParams{UserID: m.User.UUID()})
	if db.NotFound(err) {
		return "", reader, nil
	} else if err != nil {
		return "", reader, fmt.Errorf("find the address of %s: %w", m.User, err)
	}
	reader.Locale, reader.Zone = r.Locale, r.Timezone
	if m.Phone != "" {
		return m.Phone, reader, nil
	}
	to, err := Address("email", r.Email)
	return to, reader, err
}

// enough says whether an address got as many mails of this letter today as it may. Two transactions about one address wait for each other.
func (s *Service) enough(ctx context.Context, tx *db.Tx, to string, m Mail) (bool, error) {
	if err := s.q.LockAddress(ctx, tx, mailq.LockAddressParams{Recipient: strings.ToLower(to)}); err != nil {
		return false, fmt.Errorf("count the mails of an address: %w", err)
	}
	n, err := s.q.StagedLately(ctx, tx, mailq.StagedLatelyParams{Recipient: to, Template: m.Letter.Letter(), Since: tx.Now.Add(-day)})
	if err != nil {
		return false, fmt.Errorf("count the mails of an address: %w", err)
	}
	return n >= int64(m.PerDay), nil
}

// Withdraw forgets the mails of a letter with this tag that nobody has tried to send yet, since what they would say is not true any more, and answers how
// many there were.
func (s *Service) Withdraw(ctx context.Context, e *door.Effect, name, tag string) (int, error) {
	n, err := s.q.Withdraw(ctx, e.Tx, mailq.WithdrawParams{Template: name, Tag: tag})
	if err != nil {
		return 0, fmt.Errorf("withdraw %s: %w", name, err)
	}
	return int(n), nil
}

// tell wakes the queue and the operators who watch, after the commit.
func (s *Service) tell(e *door.Effect) {
	e.After(func() { s.Work.Poke(Queue) })
	e.Poke(changedHere, 0)
}

// messageID is the same for every try of a round, in whichever process (RFC 5322, section 3.6.4).
func (s *Service) messageID(key string, round int32) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", key, round))
	_, host, _ := strings.Cut(s.From.Address, "@")
	return hex.EncodeToString(sum[:16]) + "@" + cmp.Or(host, "localhost")
}
