package connection

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// ConnectionEvent is one row of a connection's stream: its own events and those of its certificate.
type ConnectionEvent struct {
	ID           ident.EventID
	Cursor       string // resumes a stream over many connections
	Sequence     int64  // gapless in the connection
	At           time.Time
	Type         string
	Actor        string
	Data         json.RawMessage
	ConnectionID ident.ConnectionID
}

func (*ConnectionEvent) IsNode() {}

type (
	ConnectionEventPage = page.Of[*ConnectionEvent]
	ConnectionEventEdge = page.Edge[*ConnectionEvent]
)

// Timeline is a page of what happened to a connection, newest first.
func (s *Service) Timeline(ctx context.Context, c *Connection, first *int32, after *string) (*ConnectionEventPage, error) {
	args, err := page.Read(first, after, 50)
	if err != nil {
		return nil, err
	}
	var before int64
	if args.After != nil {
		if before, err = strconv.ParseInt(args.After.Sort, 10, 64); err != nil || before < 1 {
			return nil, fault.Invalid("after", "cursor", "Send a cursor exactly as it was given.")
		}
	}
	rows, err := s.Ledger.History(ctx, s.DB, c.ID.String(), before, int32(args.First+1))
	if err != nil {
		return nil, err
	}
	total, err := s.Ledger.Last(ctx, s.DB, c.ID.String())
	if err != nil {
		return nil, err
	}
	list := make([]*ConnectionEvent, len(rows))
	for n, r := range rows {
		list[n] = eventOf(authz.From(ctx), r)
	}
	return new(page.Make(args, list, new(int32(total)), func(e *ConnectionEvent) page.Cursor {
		return page.Cursor{Sort: strconv.FormatInt(e.Sequence, 10), ID: e.ID.UUID()}
	})), nil
}

// Events sends everything after a sequence, oldest first, and then what happens, until ctx ends or the caller may no longer see it.
func (s *Service) Events(ctx context.Context, id ident.ConnectionID, after *int64) (<-chan live.Result[*ConnectionEvent], error) {
	if _, _, err := s.reach(ctx, "connection.read", id); err != nil {
		return nil, err
	}
	at := int64(0)
	if after != nil {
		at = max(*after, 0)
	}
	out := make(chan live.Result[*ConnectionEvent])
	sub := s.Hub.Subscribe(id.String())
	go func() {
		defer close(out)
		defer sub.Close()
		again := time.NewTicker(15 * time.Second)
		defer again.Stop()
		for {
			rows, err := s.eventsAfter(ctx, id, at)
			if ctx.Err() != nil {
				return
			}
			for _, r := range rows {
				select {
				case out <- live.Result[*ConnectionEvent]{Value: eventOf(authz.From(ctx), r), Version: r.Sequence}:
					at = r.Sequence
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				select {
				case out <- live.Result[*ConnectionEvent]{Err: err}:
				case <-ctx.Done():
				}
				return
			}
			if len(rows) == eventsAtOnce {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-sub.C():
			case <-again.C:
			}
		}
	}()
	return out, nil
}

const eventsAtOnce = 200

func (s *Service) eventsAfter(ctx context.Context, id ident.ConnectionID, at int64) ([]event.Row, error) {
	if _, _, err := s.reach(ctx, "connection.read", id); err != nil {
		return nil, err
	}
	return s.Ledger.Stream(ctx, s.DB, id.String(), at, eventsAtOnce)
}

// GetEvent reads an event of a connection that the caller may see.
func (s *Service) GetEvent(ctx context.Context, org ident.OrgID, id ident.EventID) (*ConnectionEvent, error) {
	unknown := fault.NotFound("event")
	row, err := s.Ledger.Get(ctx, s.DB, org, id)
	if db.NotFound(err) {
		return nil, unknown
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", id, err)
	}
	con, err := ident.Parse[ident.ConnectionID](row.Stream)
	if err != nil {
		return nil, unknown
	}
	if _, _, err := s.reach(ctx, "connection.read", con); fault.Is(err, fault.NotFoundCode) {
		return nil, unknown
	} else if err != nil {
		return nil, err
	}
	return eventOf(authz.From(ctx), row), nil
}

// eventOf shows a row. A widget learns what kind of actor it was and not who.
func eventOf(caller authz.Principal, r event.Row) *ConnectionEvent {
	e := &ConnectionEvent{ID: r.ID, Cursor: page.Cursor{ID: r.ID.UUID()}.String(), Sequence: r.Sequence, At: r.At, Type: r.Action, Actor: r.Actor, Data: r.Payload}
	e.ConnectionID, _ = ident.Parse[ident.ConnectionID](r.Stream)
	if caller.Kind == authz.WIDGET {
		e.Actor, _, _ = strings.Cut(r.Actor, ":")
	}
	return e
}

// ConnectionsChange says that a list moved: how many are in each state now, and one that changed. Position is opaque; the same value means that
// nothing happened since.
type ConnectionsChange struct {
	Position   string
	Counts     []StateCount
	Connection *Connection
}

const (
	// changesEvery bounds the messages of one list to four a second.
	changesEvery = 250 * time.Millisecond
	// overlap is how far back a list is read again: a slow transaction commits after a faster one with a later instant.
	overlap = 30 * time.Second
)

// Changes sends position and counts now, and then the newest state of each connection that changes, at most four messages a second.
func (s *Service) Changes(ctx context.Context, org ident.OrgID, app *ident.ApplicationID) (<-chan live.Result[*ConnectionsChange], error) {
	l := &listWatch{s: s, org: org, app: app, sent: map[ident.ConnectionID]int32{}}
	sub := s.Hub.Subscribe(org.String())
	first, err := l.begin(ctx)
	if err != nil {
		sub.Close()
		return nil, err
	}
	out := make(chan live.Result[*ConnectionsChange])
	go func() {
		defer close(out)
		defer sub.Close()
		send := func(r live.Result[*ConnectionsChange]) bool {
			select {
			case out <- r:
				return r.Err == nil
			case <-ctx.Done():
				return false
			}
		}
		if !send(live.Result[*ConnectionsChange]{Value: first}) {
			return
		}
		again := time.NewTicker(15 * time.Second)
		defer again.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-sub.C():
			case <-again.C:
			}
			moved, err := l.moved(ctx)
			if err != nil && ctx.Err() == nil {
				send(live.Result[*ConnectionsChange]{Err: err})
				return
			}
			for _, change := range moved {
				if !send(live.Result[*ConnectionsChange]{Value: change}) {
					return
				}
				select {
				case <-ctx.Done():
					return
				case <-time.After(changesEvery):
				}
			}
		}
	}()
	return out, nil
}

// listWatch is one watcher of a list.
type listWatch struct {
	s    *Service
	org  ident.OrgID
	app  *ident.ApplicationID
	at   time.Time // the newest change that was sent
	rows int64
	sent map[ident.ConnectionID]int32 // version of what was sent in the overlap
}

func (l *listWatch) begin(ctx context.Context) (*ConnectionsChange, error) {
	scope, app, err := l.scope(ctx)
	if err != nil {
		return nil, err
	}
	newest, err := l.s.q.NewestChange(ctx, l.s.DB, connectionq.NewestChangeParams{OrgID: scope.OrgUUID(), ApplicationID: app})
	if err != nil {
		return nil, fmt.Errorf("read where the list stands: %w", err)
	}
	l.at, l.rows = newest.At, newest.Rows
	if _, err := l.read(ctx, scope, app); err != nil { // what is inside the overlap now is no news
		return nil, err
	}
	counts, err := l.s.counts(ctx, scope, l.app)
	return &ConnectionsChange{Position: l.position(), Counts: counts}, err
}

func (l *listWatch) moved(ctx context.Context) ([]*ConnectionsChange, error) {
	scope, app, err := l.scope(ctx)
	if err != nil {
		return nil, err
	}
	changed, err := l.read(ctx, scope, app)
	if err != nil || len(changed) == 0 {
		return nil, err
	}
	counts, err := l.s.counts(ctx, scope, l.app)
	if err != nil {
		return nil, err
	}
	out := make([]*ConnectionsChange, len(changed))
	for n, c := range changed {
		if c.UpdatedAt.After(l.at) {
			l.at = c.UpdatedAt
		}
		l.rows++
		out[n] = &ConnectionsChange{Position: l.position(), Counts: counts, Connection: c}
	}
	return out, nil
}

func (l *listWatch) scope(ctx context.Context) (authz.Scope, uuid.UUID, error) {
	scope, err := l.s.Authz.Authorize(ctx, "connection.read", l.org)
	if err != nil {
		return scope, uuid.Nil, err
	}
	app := scope.Application()
	if l.app != nil {
		if !scope.Covers(*l.app) {
			return scope, uuid.Nil, fault.NotFound("application")
		}
		app = *l.app
	}
	return scope, app.UUID(), nil
}

// read answers what is newer than what was sent, the newest state of each.
func (l *listWatch) read(ctx context.Context, scope authz.Scope, app uuid.UUID) ([]*Connection, error) {
	p := connectionq.ChangedConnectionsParams{OrgID: scope.OrgUUID(), ApplicationID: app, AfterAt: l.at.Add(-overlap), Most: 500}
	var out []*Connection
	for {
		rows, err := l.s.q.ChangedConnections(ctx, l.s.DB, p)
		if err != nil {
			return nil, fmt.Errorf("read what changed: %w", err)
		}
		for _, r := range rows {
			c, err := l.s.shown(&r.Connection, r.NextAt, r.LeasedUntil)
			if err != nil {
				return nil, err
			}
			if l.sent[c.ID] < c.Version {
				l.sent[c.ID] = c.Version
				out = append(out, c)
			}
			p.AfterAt, p.AfterID = c.UpdatedAt, c.ID.UUID()
		}
		if len(rows) < int(p.Most) {
			return out, nil
		}
	}
}

func (l *listWatch) position() string {
	return page.Cursor{Sort: l.at.Format(time.RFC3339Nano) + " " + strconv.FormatInt(l.rows, 10), ID: l.org.UUID()}.String()
}
