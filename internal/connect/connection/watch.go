package connection

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

const (
	watchFor   = 15 * time.Second
	watchEvery = 5 * time.Second
)

// watchers are the connections that people look at through this process.
type watchers struct {
	mu  sync.Mutex
	ids map[ident.ConnectionID]int
}

func (w *watchers) add(id ident.ConnectionID, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ids == nil {
		w.ids = map[ident.ConnectionID]int{}
	}
	if w.ids[id] += n; w.ids[id] <= 0 {
		delete(w.ids, id)
	}
}

func (w *watchers) all() []ident.ConnectionID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.ids))
}

// Watch sends the connection as it stands now, and every newer version of it, until ctx ends or the caller may no longer see it. While a person or a
// widget watches, the name is looked at every two seconds.
func (s *Service) Watch(ctx context.Context, id ident.ConnectionID) (<-chan live.Result[*Connection], error) {
	if _, _, err := s.reach(ctx, "connection.read", id); err != nil {
		return nil, err
	}
	if authz.From(ctx).Person() {
		s.watchers.add(id, 1)
		context.AfterFunc(ctx, func() { s.watchers.add(id, -1) })
		if err := s.look(ctx, id); err != nil {
			return nil, err
		}
	}
	return live.Watch(ctx, s.Hub, []string{id.String()}, func(ctx context.Context) (*Connection, int64, error) {
		_, c, err := s.reach(ctx, "connection.read", id)
		if err != nil {
			return nil, 0, err
		}
		return c, int64(c.Version), nil
	}), nil
}

// look says that somebody looks at the connections, and hurries the checks of those that nobody looked at a moment ago.
func (s *Service) look(ctx context.Context, ids ...ident.ConnectionID) error {
	now, raw := s.DB.Now(), make([]uuid.UUID, len(ids))
	for n, id := range ids {
		raw[n] = id.UUID()
	}
	fresh, err := s.q.WatchConnections(ctx, s.DB, connectionq.WatchConnectionsParams{Ids: raw, Now: now, Until: now.Add(watchFor)})
	if err != nil {
		return fmt.Errorf("note who looks at %d connections: %w", len(ids), err)
	}
	if len(fresh) == 0 {
		return nil
	}
	n, err := s.q.HurryDue(ctx, s.DB, connectionq.HurryDueParams{Ids: fresh, Now: now})
	if err != nil {
		return fmt.Errorf("hurry the checks of %d connections: %w", len(fresh), err)
	}
	if n > 0 {
		s.Work.Poke(checkQueue)
	}
	return nil
}

// keepWatching says every five seconds who is looked at, in one statement; a missed one costs a slower check and nothing else.
func (s *Service) keepWatching(ctx context.Context) error {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if ids := s.watchers.all(); len(ids) > 0 {
			if err := s.look(ctx, ids...); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "watchers cannot be noted; checks run at their own pace", "err", err)
			}
		}
	}
}
