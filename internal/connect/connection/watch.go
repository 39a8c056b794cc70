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
	watchFor    = 15 * time.Second
	watchEvery  = 5 * time.Second
	watchGather = 50 * time.Millisecond // those who come within it are noted in one statement
)

// watchers are the connections that people look at through this process.
type watchers struct {
	mu    sync.Mutex
	ids   map[ident.ConnectionID]int
	fresh []ident.ConnectionID // nobody here looked at them, and nobody has been told yet
	came  chan struct{}
}

// add counts who looks at a connection; a first one is news.
func (w *watchers) add(id ident.ConnectionID, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ids == nil {
		w.ids = map[ident.ConnectionID]int{}
	}
	if n > 0 && w.ids[id] == 0 {
		w.fresh = append(w.fresh, id)
		select {
		case w.came <- struct{}{}:
		default: // nobody listens yet, or there is a signal already
		}
	}
	if w.ids[id] += n; w.ids[id] <= 0 {
		delete(w.ids, id)
	}
}

// listen answers a channel that holds a signal when somebody may have come.
func (w *watchers) listen() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.came = make(chan struct{}, 1)
	w.came <- struct{}{}
	return w.came
}

// taken answers those who came since the call before.
func (w *watchers) taken() []ident.ConnectionID {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.fresh
	w.fresh = nil
	return out
}

func (w *watchers) all() []ident.ConnectionID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.ids))
}

// Watch is the connection as it stands, for as long as the caller may see it. While a person or a widget watches, which ends with ctx, the name is looked
// at every two seconds.
func (s *Service) Watch(ctx context.Context, id ident.ConnectionID) (live.Feed[*Connection], error) {
	_, c, err := s.reachBy(ctx, "connection.read", id, s.readTogether) // after a restart all come at once
	if err != nil {
		return live.Feed[*Connection]{}, err
	}
	org := c.OrgID
	if authz.From(ctx).Person() {
		s.watchers.add(id, 1)
		context.AfterFunc(ctx, func() { s.watchers.add(id, -1) })
	}
	return live.Feed[*Connection]{
		Subjects: []string{id.String()},
		Now: func(ctx context.Context) (*Connection, int64, error) {
			_, c, err := s.reachIn(ctx, "connection.read", org, id, s.readTogether)
			if err != nil {
				return nil, 0, err
			}
			return c, int64(c.Version), nil
		},
		Last: func(c *Connection) bool { return !c.Open() },
	}, nil
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

// keepWatching says who is looked at: those who came at once, gathered, and all every five seconds, each time in one statement. A missed one costs a
// slower check and nothing else.
func (s *Service) keepWatching(ctx context.Context) error {
	came, t := s.watchers.listen(), time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		var ids []ident.ConnectionID
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			ids = s.watchers.all()
		case <-came:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(watchGather):
			}
			ids = s.watchers.taken()
		}
		if len(ids) == 0 {
			continue
		}
		if err := s.look(ctx, ids...); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "watchers cannot be noted; checks run at their own pace", "err", err)
		}
	}
}
