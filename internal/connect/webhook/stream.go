package webhook

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	lookedAt   = 500              // rows that one look reads at most, the newest
	commitTime = 10 * time.Second // a row may become visible so long after the instant that it carries
)

// cursor says how far somebody has seen the log of an endpoint: up to an instant. It is opaque to callers.
func cursor(asOf time.Time) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(asOf.UnixMicro())))
}

// parseCursor reads what cursor wrote.
func parseCursor(text string) (time.Time, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != 8 {
		return time.Time{}, fault.Invalid("after", "cursor", "Send a cursor exactly as it was given.")
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC()
	if at.Year() < 2000 || at.Year() > 9000 {
		return time.Time{}, fault.Invalid("after", "cursor", "Send a cursor exactly as it was given.")
	}
	return at, nil
}

// seen is what a watcher was told of a delivery last.
type seen struct {
	state    WebhookDeliveryState
	attempts int32
	due      time.Time
	finished *time.Time
}

// watch is one live log.
type watch struct {
	s       *Service
	id      ident.WebhookID
	asOf    time.Time // everything up to here was told
	resumed bool      // the first look is from a cursor: what finished meanwhile is not in told
	told    map[uuid.UUID]seen
}

// Watch is each delivery of an endpoint in its newest state, as often as that changes, for as long as the caller may see it. With the cursor of a list or
// of a row it begins with what changed since, and with everything that is unfinished; without one, with what changes from now on. Rows may be told twice;
// a reader that is slower than the changes misses states and never the newest.
func (s *Service) Watch(ctx context.Context, id ident.WebhookID, after *string) (live.Feed[*WebhookDelivery], error) {
	var none live.Feed[*WebhookDelivery]
	if _, _, err := s.reach(ctx, mayRead, id); err != nil {
		return none, err
	}
	w := &watch{s: s, id: id, asOf: s.DB.Now(), told: map[uuid.UUID]seen{}}
	if after != nil && *after != "" {
		at, err := parseCursor(*after)
		if err != nil {
			return none, err
		}
		w.resumed = true
		if at.Before(w.asOf) {
			w.asOf = at
		}
	} else if _, _, err := w.look(ctx); err != nil { // what is there now is known to the caller: it read the log
		return none, err
	}
	return live.Feed[*WebhookDelivery]{Subjects: []string{id.String()}, Next: w.look}, nil
}

// look reads what may have changed and answers what did, oldest first. A row carries how far all has been told, so only the last one moves the cursor.
func (w *watch) look(ctx context.Context) (news []*WebhookDelivery, more bool, err error) {
	scope, _, err := w.s.reach(ctx, mayRead, w.id)
	if err != nil {
		return nil, false, err
	}
	now, since := w.s.DB.Now(), w.asOf.Add(-commitTime)
	recent := floor(since)
	if w.resumed {
		recent = floor(since.Add(-longest))
	}
	rows, err := w.s.q.ChangedDeliveries(ctx, w.s.DB, webhookq.ChangedDeliveriesParams{EndpointID: w.id.UUID(), OrgID: scope.OrgUUID(), Open: w.open(), Recent: recent, Since: since, Most: lookedAt})
	if err != nil {
		return nil, false, fmt.Errorf("read what changed at %s: %w", w.id, err)
	}
	slices.Reverse(rows)
	for _, r := range rows {
		is := seen{state: WebhookDeliveryState(r.State), attempts: r.Attempts, finished: r.FinishedAt}
		if r.DueAt != nil {
			is.due = *r.DueAt
		}
		was, known := w.told[r.ID]
		if !known || was.state != is.state || was.attempts != is.attempts || !was.due.Equal(is.due) {
			news = append(news, deliveryFrom((*deliveryRow)(r), w.asOf))
		}
		w.told[r.ID] = is
	}
	if n := len(news); n > 0 {
		news[n-1].Cursor = cursor(now)
	}
	w.asOf, w.resumed = now, false
	maps.DeleteFunc(w.told, func(_ uuid.UUID, is seen) bool {
		return is.finished != nil && is.finished.Before(now.Add(-2*commitTime))
	})
	return news, false, nil
}

// open are the deliveries that were unfinished when they were told last.
func (w *watch) open() []uuid.UUID {
	out := []uuid.UUID{}
	for id, is := range w.told {
		if is.finished == nil {
			out = append(out, id)
		}
	}
	return out
}
