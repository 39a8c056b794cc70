package mail

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/queries/mailq"
)

const (
	lookedAt   = 200              // rows that one look reads at most, the newest
	commitTime = 10 * time.Second // a row may become visible so long after the instant that it carries
)

// Watch is each mail in its newest state, as often as that changes, from now on. Rows may be told twice; who is slower than the changes misses states and
// never the newest.
func (s *Service) Watch(ctx context.Context) (live.Feed[Delivery], error) {
	w := &watch{s: s, asOf: s.DB.Now(), told: map[uuid.UUID]int32{}}
	if _, _, err := w.look(ctx); err != nil { // what is there now is known to the caller: it read the list
		return live.Feed[Delivery]{}, err
	}
	return live.Feed[Delivery]{Subjects: []string{changedHere}, Next: w.look}, nil
}

type watch struct {
	s    *Service
	asOf time.Time
	told map[uuid.UUID]int32 // versions
}

func (w *watch) look(ctx context.Context) (news []Delivery, more bool, err error) {
	if err := w.s.Authz.Operate(ctx, mayRead); err != nil {
		return nil, false, err
	}
	now := w.s.DB.Now()
	rows, err := w.s.q.ChangedMessages(ctx, w.s.DB, mailq.ChangedMessagesParams{Since: w.asOf.Add(-commitTime), Most: lookedAt})
	if err != nil {
		return nil, false, fmt.Errorf("read what changed of the mails: %w", err)
	}
	seen := map[uuid.UUID]int32{}
	for _, r := range slices.Backward(rows) {
		if was, known := w.told[r.ID]; !known || was != r.Version {
			news = append(news, fromRow(r))
		}
		seen[r.ID] = r.Version
	}
	w.asOf = now
	maps.DeleteFunc(w.told, func(id uuid.UUID, _ int32) bool { _, still := seen[id]; return !still })
	maps.Copy(w.told, seen)
	return news, false, nil
}
