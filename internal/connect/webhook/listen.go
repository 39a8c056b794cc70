package webhook

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	heardAtOnce = 200                    // events of one batch
	heardBack   = 72 * time.Hour         // how far back a listener may go on from
	heardEvery  = 100 * time.Millisecond // how long a listener rests between two batches
)

// WebhookMessage is a message that no endpoint was needed for.
type WebhookMessage struct {
	WebhookID string
	Topic     string
	At        time.Time
	Body      string
}

// WebhookMessageBatch is what came since the batch before. Cursor goes on after it.
type WebhookMessageBatch struct {
	Cursor   string
	Messages []*WebhookMessage
}

// listener is somebody who listens to an application without an endpoint.
type listener struct {
	s      *Service
	app    ident.ApplicationID
	topics []string
	begin  time.Time               // what happened before is not told
	from   time.Time               // everything up to here was told
	told   map[uuid.UUID]time.Time // the events told that the next look could find again
	began  bool
}

// Listen is what endpoints of a TEST application would be sent, as it happens, for as long as the caller may read webhooks. Nothing is written: there is no
// endpoint, no delivery and no attempt. With the cursor of a batch nothing is left out that happened since, and what became visible shortly before it is told
// once more; who keeps the webhook-ids knows it. An application with customers is refused: who wants to hear of those makes an endpoint.
func (s *Service) Listen(ctx context.Context, app ident.ApplicationID, topics []string, after *string) (live.Feed[*WebhookMessageBatch], error) {
	var none live.Feed[*WebhookMessageBatch]
	scope, err := s.hears(ctx, app)
	if err != nil {
		return none, err
	}
	if len(topics) == 0 {
		topics = []string{"*"}
	}
	topics, faults := message.Check(topics)
	if len(faults) > 0 {
		return none, faults[0]
	}
	environment, err := s.q.EnvironmentOf(ctx, s.DB, webhookq.EnvironmentOfParams{ID: app.UUID(), OrgID: scope.OrgUUID()})
	if err != nil {
		return none, fmt.Errorf("read the application %s: %w", app, err)
	}
	if environment != "TEST" {
		return none, fault.Precondition("application_live", "Only TEST applications can be listened to. Make an endpoint for this one.")
	}
	now := s.DB.Now()
	l := &listener{s: s, app: app, topics: topics, begin: now, from: now, told: map[uuid.UUID]time.Time{}}
	if after != nil && *after != "" {
		if l.from, l.begin, err = parseHeard(*after); err != nil {
			return none, err
		}
		if now.Before(l.from) {
			l.from = now
		}
		if oldest := now.Add(-heardBack); l.from.Before(oldest) {
			l.from = oldest
		}
	}
	return live.Feed[*WebhookMessageBatch]{Subjects: []string{scope.Org().String()}, Gap: heardEvery, Next: l.next}, nil
}

// hears authorises a listener; what a narrowed key does not reach does not exist.
func (s *Service) hears(ctx context.Context, app ident.ApplicationID) (authz.Scope, error) {
	org, err := s.OrgOfApplication(ctx, app)
	if err != nil {
		return authz.Scope{}, err
	}
	scope, err := s.Authz.Authorize(ctx, mayRead, org)
	if err == nil && !scope.Covers(app) {
		err = fault.NotFound("application")
	}
	return scope, err
}

// heardCursor says how far a listener is, and since when it listens. It is opaque to callers.
func heardCursor(asOf, begin time.Time) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(asOf.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(raw, uint64(begin.UnixMicro())))
}

// parseHeard reads what heardCursor wrote.
func parseHeard(text string) (asOf, begin time.Time, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err == nil && len(raw) == 16 {
		if asOf, err = parseCursor(base64.RawURLEncoding.EncodeToString(raw[:8])); err == nil {
			begin, err = parseCursor(base64.RawURLEncoding.EncodeToString(raw[8:]))
		}
		return asOf, begin, err
	}
	return asOf, begin, fault.Invalid("after", "cursor", "Send a cursor exactly as it was given.")
}

func (l *listener) read(ctx context.Context, scope authz.Scope) ([]*webhookq.EventsSinceRow, error) {
	p := webhookq.EventsSinceParams{OrgID: scope.OrgUUID(), Floor: floor(l.from.Add(-commitTime)), Actions: message.Actions(), Known: slices.Collect(maps.Keys(l.told)), Most: heardAtOnce}
	if p.Known == nil {
		p.Known = []uuid.UUID{}
	}
	rows, err := l.s.q.EventsSince(ctx, l.s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("read what happened in %s: %w", scope.Org(), err)
	}
	return rows, nil
}

// next answers what happened since the step before; the first step always answers.
func (l *listener) next(ctx context.Context) ([]*WebhookMessageBatch, bool, error) {
	scope, err := l.s.hears(ctx, l.app)
	if err != nil {
		return nil, false, err
	}
	now := l.s.DB.Now()
	rows, err := l.read(ctx, scope)
	if err != nil {
		return nil, false, err
	}
	var all []event.Row
	for _, r := range rows {
		if l.told[r.ID] = r.At; r.At.Before(l.begin) {
			continue
		}
		all = append(all, event.Row{ID: ident.From[ident.EventID](r.ID), At: r.At, OrgID: scope.Org(), Actor: r.Actor, Action: r.Action, Subject: r.Subject, Version: r.Version, Stream: r.Stream,
			Sequence: r.Sequence, Payload: r.Payload, RequestID: r.RequestID, Audited: r.Audited})
	}
	byStream(all)
	told, err := l.messages(ctx, scope, all)
	if err != nil {
		return nil, false, err
	}
	batch := &WebhookMessageBatch{Messages: told}
	more := len(rows) == heardAtOnce
	if more {
		now = rows[len(rows)-1].At
	}
	if now.After(l.from) {
		l.from = now
	}
	maps.DeleteFunc(l.told, func(_ uuid.UUID, at time.Time) bool { return at.Before(l.from.Add(-commitTime - idsAhead)) })
	if len(batch.Messages) == 0 && l.began {
		return nil, more, nil
	}
	l.began, batch.Cursor = true, heardCursor(l.from, l.begin)
	return []*WebhookMessageBatch{batch}, more, nil
}

// byStream puts events of one stream into its order, in the places that they have among the others: an id says when its transaction began, and no more.
func byStream(all []event.Row) {
	places := map[string][]int{}
	for n, r := range all {
		places[r.Stream] = append(places[r.Stream], n)
	}
	for _, at := range places {
		rows := make([]event.Row, len(at))
		for n, place := range at {
			rows[n] = all[place]
		}
		slices.SortFunc(rows, func(a, b event.Row) int { return cmp.Compare(a.Sequence, b.Sequence) })
		for n, place := range at {
			all[place] = rows[n]
		}
	}
}

// messages are what events come to for this listener.
func (l *listener) messages(ctx context.Context, scope authz.Scope, all []event.Row) ([]*WebhookMessage, error) {
	out := []*WebhookMessage{}
	connections, err := l.s.connectionsOf(ctx, l.s.DB, all)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		c, known := connections[r.Stream]
		if !known || c.org != scope.OrgUUID() || c.app != l.app {
			continue
		}
		told, err := message.Of(r, c.Connection, c.app)
		if err != nil {
			return nil, err
		}
		for _, m := range told {
			if !message.Subscribed(l.topics, m.Topic) {
				continue
			}
			body, err := m.Write(r.At, message.Version, false)
			if err != nil {
				return nil, err
			}
			out = append(out, &WebhookMessage{WebhookID: message.ID(r.ID, m.Topic.Name), Topic: m.Topic.Name, At: r.At, Body: string(body)})
		}
	}
	return out, nil
}
