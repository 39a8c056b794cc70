package machine

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/machineq"
)

const (
	window     = 5 * time.Minute // that a message counts, before and after its time
	remember   = 7 * 24 * time.Hour
	longestID  = 100
	longestDoc = 256 << 10
)

// ServiceMessage is what a service account sends: JSON text, signed as it is sent. The signature is HMAC-SHA256 over messageId "." sentAt "." body with the
// account's signing key, in base64url without padding.
type ServiceMessage struct {
	MessageID string
	SentAt    string // RFC 3339
	Body      string
	Signature secret.String
}

// Sign makes the signature of a message: what a service account does before it sends one.
func Sign(signing secret.String, id, sentAt, body string) string {
	m := hmac.New(sha256.New, []byte(signing.Reveal()))
	m.Write([]byte(id + "." + sentAt + "." + body))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Message takes a message of the calling service account and runs do with its body, in one transaction: it counts within five minutes of its time, and once.
// The same message again is no error and does nothing; another one under its id is a CONFLICT. What is unsigned, stale or wrongly signed is UNAUTHENTICATED.
// kind is the name of the field that took it, "svcDeliverEmail".
func (s *Service) Message(ctx context.Context, kind string, in ServiceMessage, do func(ctx context.Context, e *door.Effect, body []byte) error) error {
	caller := authz.From(ctx)
	if caller.Kind != authz.SERVICE {
		return fault.Unauthorized("service_only", "Only a service account sends this.")
	}
	if err := s.genuine(ctx, caller.KeyID, in); err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(in.Body))
	_, err := door.Do(ctx, s.Door, door.Change[string, struct{}]{
		Action: door.Action{Name: "service_message.receive", Public: true},
		Do: func(ctx context.Context, e *door.Effect, body string) (struct{}, error) {
			account := caller.KeyID.UUID()
			n, err := s.q.AddServiceMessage(ctx, e.Tx, machineq.AddServiceMessageParams{AccountID: account, MessageID: in.MessageID, Kind: kind, BodyHash: hash[:], ReceivedAt: e.Tx.Now})
			if err != nil {
				return struct{}{}, fmt.Errorf("note the message: %w", err)
			}
			if n == 1 {
				e.Record(event.Change{Action: "service_message.received", Subject: caller.KeyID.String(), Version: 1, Payload: map[string]any{"v": 1, "kind": kind, "message": in.MessageID}})
				return struct{}{}, do(ctx, e, []byte(body))
			}
			e.Quiet()
			before, err := s.q.ServiceMessageByID(ctx, e.Tx, machineq.ServiceMessageByIDParams{AccountID: account, MessageID: in.MessageID})
			if err != nil {
				return struct{}{}, fmt.Errorf("read the message: %w", err)
			}
			if before.Kind != kind || !hmac.Equal(before.BodyHash, hash[:]) {
				return struct{}{}, fault.Conflict("message.messageId", "message_id_used", "Another message came under this id. Give each a new one.")
			}
			return struct{}{}, nil
		},
	}, in.Body)
	return err
}

// genuine refuses what this account did not sign a moment ago.
func (s *Service) genuine(ctx context.Context, account ident.KeyID, in ServiceMessage) error {
	sealed, err := s.q.SigningKeyOf(ctx, s.DB, machineq.SigningKeyOfParams{ID: account.UUID()})
	if db.NotFound(err) {
		return fault.Unauthorized("key_invalid", "This key of a service account is unknown or revoked.")
	} else if err != nil {
		return fmt.Errorf("read the signing key: %w", err)
	}
	key, err := s.Vault.Open(ctx, s.DB, ident.OrgID{}, sealedColumn, account.String(), sealed)
	if err != nil {
		return fmt.Errorf("open the signing key of %s: %w", account, err)
	}
	right := Sign(secret.New(string(key)), in.MessageID, in.SentAt, in.Body)
	sent, err := time.Parse(time.RFC3339Nano, in.SentAt)
	age := s.DB.Now().Sub(sent)
	switch {
	case !hmac.Equal([]byte(right), []byte(in.Signature.Reveal())):
		return fault.Unauthorized("signature_invalid", "The signature is not that of this message and account.")
	case err != nil || age > window || age < -window:
		return fault.Unauthorized("message_stale", "The message counts for five minutes around sentAt, in RFC 3339. Sign it again.")
	case in.MessageID == "" || len(in.MessageID) > longestID || !utf8.ValidString(in.MessageID):
		return fault.Invalid("message.messageId", "message_id", "Give each message an id of 1 to %d bytes.", longestID)
	case len(in.Body) > longestDoc || !json.Valid([]byte(in.Body)):
		return fault.Invalid("message.body", "json", "The body is JSON of at most %d KiB.", longestDoc>>10)
	}
	return nil
}

// Read takes a body apart strictly: a member that is not known is a mistake of the sender.
func Read(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if f, ok := errors.AsType[*fault.Fault](err); ok {
			return f
		}
		return fault.Invalid("message.body", "body", "The body does not read: %s.", err)
	}
	return nil
}

func (s *Service) sweep(ctx context.Context) error {
	_, err := s.q.SweepServiceMessages(ctx, s.DB, machineq.SweepServiceMessagesParams{ReceivedAt: s.DB.Now().Add(-remember)})
	return err
}
