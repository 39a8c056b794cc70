package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// maxBody bounds what another component tells, in octets.
const maxBody = 64 << 10

var named = regexp.MustCompile(`^[a-z][a-z0-9_]{1,40}\.[a-z][a-z0-9_]{1,40}$`)

// told is an audit of another component (an edge, an agent): JSON, signed as sent.
type told struct {
	Action       string          `json:"action"`
	Subject      string          `json:"subject"`
	Organization string          `json:"organizationId"`
	Args         json.RawMessage `json:"args"`
}

// DeliverTx writes an audit that another component tells of, in the transaction in which its message was received and noted as received: the same message
// twice is one row. What it tells of stands with the service account as its actor.
// The product's readers follow events, not what somebody tells of them: their actions are not for components.
func (s *Service) DeliverTx(_ context.Context, e *door.Effect, body []byte) error {
	var m told
	if err := strict(body, &m); err != nil {
		return err
	}
	var faults []error
	if !named.MatchString(m.Action) {
		faults = append(faults, fault.Invalid("message.body.action", "action", "Name the action, such as edge.restarted."))
	}
	if slices.ContainsFunc(s.Ledger.Readers, func(r event.Reader) bool { return r.Wants(m.Action) }) {
		faults = append(faults, fault.Invalid("message.body.action", "action_reserved", "This action is the product's own. Name what your component did."))
	}
	if m.Subject == "" || len(m.Subject) > 100 {
		faults = append(faults, fault.Invalid("message.body.subject", "subject", "Name what it is about, in at most 100 characters."))
	}
	c := event.Change{Action: m.Action, Subject: m.Subject, Version: 1, Stream: "told:" + m.Subject, Audited: true, Chain: "platform"}
	if m.Organization != "" {
		org, err := ident.Parse[ident.OrgID](m.Organization)
		if err != nil {
			faults = append(faults, fault.At(err, "message.body.organizationId"))
		}
		c.OrgID, c.Chain = org, ""
	}
	args, err := object(m.Args)
	if err != nil {
		faults = append(faults, err)
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	c.Payload = args
	e.Record(c)
	return nil
}

// moved is an event that comes over a bus outside of the process.
type moved struct {
	ID           string          `json:"id"`
	At           time.Time       `json:"at"`
	Action       string          `json:"action"`
	Subject      string          `json:"subject"`
	Stream       string          `json:"stream"`
	Organization string          `json:"organizationId"`
	Version      int32           `json:"version"`
	Sequence     int64           `json:"sequence"`
	Payload      json.RawMessage `json:"payload"`
}

// HandleTx gives a reader an event from outside, in the transaction in which its message was received and noted as received.
func (s *Service) HandleTx(ctx context.Context, e *door.Effect, reader string, body []byte) error {
	r, known := s.Ledger.ReaderNamed(reader)
	if !known {
		return fault.Invalid("reader", "reader_unknown", "There is no reader of this name.")
	}
	var m moved
	if err := strict(body, &m); err != nil {
		return err
	}
	id, badID := ident.Parse[ident.EventID](m.ID)
	var org ident.OrgID
	var badOrg error
	if m.Organization != "" {
		org, badOrg = ident.Parse[ident.OrgID](m.Organization)
	}
	args, badArgs := object(m.Payload)
	if badID != nil || badOrg != nil || badArgs != nil || !named.MatchString(m.Action) || m.Subject == "" || m.Stream == "" || m.Sequence < 1 || m.At.IsZero() {
		return fault.Invalid("message.body", "event", "Send an event whole: id, at, action, subject, stream, sequence, payload.")
	}
	payload, err := json.Marshal(args)
	if err != nil {
		return err
	}
	e.Quiet() // the reader's own changes are recorded by it
	return s.Ledger.HandleTx(ctx, e.Tx, r, event.Row{ID: id, At: m.At, OrgID: org, Actor: e.Caller.Actor(), Action: m.Action, Subject: m.Subject, Version: m.Version, Stream: m.Stream, Sequence: m.Sequence, Payload: payload,
		RequestID: e.Caller.RequestID})
}

// strict reads a body whose members we all know.
func strict(body []byte, into any) error {
	if len(body) > maxBody {
		return fault.Invalid("message.body", "too_long", "A message has at most 64 KiB.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil || d.More() {
		return fault.Invalid("message.body", "json", "The body is one JSON object with the members that are documented.")
	}
	return nil
}

// object reads the free part of a message.
func object(raw json.RawMessage) (map[string]any, error) {
	out := map[string]any{}
	if len(raw) > 0 && json.Unmarshal(raw, &out) != nil || out == nil {
		return nil, fault.Invalid("message.body", "json", "args and payload are JSON objects.")
	}
	if _, ok := out["v"]; !ok {
		out["v"] = 1
	}
	return out, nil
}
