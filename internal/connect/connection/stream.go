package connection

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
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

// Events is everything after a sequence, oldest first, and then what happens, for as long as the caller may see it.
func (s *Service) Events(ctx context.Context, id ident.ConnectionID, after *int64) (live.Feed[*ConnectionEvent], error) {
	_, c, err := s.reach(ctx, "connection.read", id)
	if err != nil {
		return live.Feed[*ConnectionEvent]{}, err
	}
	org := c.OrgID
	at := int64(0)
	if after != nil {
		at = max(*after, 0)
	}
	next := func(ctx context.Context) ([]*ConnectionEvent, bool, error) {
		if _, _, err := s.reachIn(ctx, "connection.read", org, id, s.readTogether); err != nil {
			return nil, false, err
		}
		rows, err := s.Ledger.Stream(ctx, s.DB, id.String(), at, eventsAtOnce)
		if err != nil {
			return nil, false, err
		}
		news := make([]*ConnectionEvent, len(rows))
		for n, r := range rows {
			news[n], at = eventOf(authz.From(ctx), r), r.Sequence
		}
		return news, len(rows) == eventsAtOnce, nil
	}
	return live.Feed[*ConnectionEvent]{Subjects: []string{id.String()}, Next: next}, nil
}

const eventsAtOnce = 200

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

// Changes is position and counts now, and then the newest state of each connection that changes, at most four messages a second.
func (s *Service) Changes(ctx context.Context, org ident.OrgID, app *ident.ApplicationID) (live.Feed[*ConnectionsChange], error) {
	l := &listWatch{s: s, org: org, app: app, known: map[ident.ConnectionID]known{}, moved: map[ident.ConnectionID]*Connection{}}
	if _, _, err := l.scope(ctx); err != nil {
		return live.Feed[*ConnectionsChange]{}, err
	}
	return live.Feed[*ConnectionsChange]{Subjects: []string{org.String()}, Gap: changesEvery, Next: l.next}, nil
}

// listWatch is one watcher of a list.
type listWatch struct {
	s     *Service
	org   ident.OrgID
	app   *ident.ApplicationID
	begun bool
	read  time.Time // the newest change that was read
	at    time.Time // the newest change that was sent
	rows  int64
	known map[ident.ConnectionID]known // what was read in the overlap
	moved map[ident.ConnectionID]*Connection
	wait  []ident.ConnectionID // those of moved, who waits longest first
}

type known struct {
	version int32
	at      time.Time
}

// next answers one message. Who waits is read again before each, so that a connection that changes meanwhile is sent as it is and not as it was.
func (l *listWatch) next(ctx context.Context) ([]*ConnectionsChange, bool, error) {
	scope, app, err := l.scope(ctx)
	if err != nil {
		return nil, false, err
	}
	if !l.begun {
		first, err := l.begin(ctx, scope, app)
		return []*ConnectionsChange{first}, false, err
	}
	if err := l.look(ctx, scope, app); err != nil || len(l.wait) == 0 {
		return nil, false, err
	}
	counts, err := l.s.counts(ctx, scope, l.app)
	if err != nil {
		return nil, false, err
	}
	c := l.moved[l.wait[0]]
	delete(l.moved, c.ID)
	l.wait = l.wait[1:]
	if c.UpdatedAt.After(l.at) {
		l.at = c.UpdatedAt
	}
	l.rows++
	l.forget()
	return []*ConnectionsChange{{Position: l.position(), Counts: counts, Connection: c}}, len(l.wait) > 0, nil
}

func (l *listWatch) begin(ctx context.Context, scope authz.Scope, app uuid.UUID) (*ConnectionsChange, error) {
	newest, err := l.s.q.NewestChange(ctx, l.s.DB, connectionq.NewestChangeParams{OrgID: scope.OrgUUID(), ApplicationID: app})
	if err != nil {
		return nil, fmt.Errorf("read where the list stands: %w", err)
	}
	l.read, l.at, l.rows = newest.At, newest.At, newest.Rows
	if err := l.look(ctx, scope, app); err != nil {
		return nil, err
	}
	clear(l.moved) // what is inside the overlap now is no news
	l.wait, l.begun = nil, true
	counts, err := l.s.counts(ctx, scope, l.app)
	return &ConnectionsChange{Position: l.position(), Counts: counts}, err
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

// look reads what changed and lets it wait, the newest state of each.
func (l *listWatch) look(ctx context.Context, scope authz.Scope, app uuid.UUID) error {
	p := connectionq.ChangedConnectionsParams{OrgID: scope.OrgUUID(), ApplicationID: app, AfterAt: l.read.Add(-overlap), Most: 500}
	for {
		rows, err := l.s.q.ChangedConnections(ctx, l.s.DB, p)
		if err != nil {
			return fmt.Errorf("read what changed: %w", err)
		}
		for _, r := range rows {
			c, err := l.s.shown(&r.Connection, r.NextAt, r.LeasedUntil)
			if err != nil {
				return err
			}
			if was, ok := l.known[c.ID]; !ok || was.version < c.Version {
				if _, waits := l.moved[c.ID]; !waits {
					l.wait = append(l.wait, c.ID)
				}
				l.known[c.ID], l.moved[c.ID] = known{c.Version, c.UpdatedAt}, c
			}
			p.AfterAt, p.AfterID = c.UpdatedAt, c.ID.UUID()
		}
		if len(rows) < int(p.Most) {
			if p.AfterAt.After(l.read) {
				l.read = p.AfterAt
			}
			return nil
		}
	}
}

// forget drops what no look will read again.
func (l *listWatch) forget() {
	maps.DeleteFunc(l.known, func(_ ident.ConnectionID, k known) bool { return k.at.Before(l.read.Add(-2 * overlap)) })
}

func (l *listWatch) position() string {
	return page.Cursor{Sort: l.at.Format(time.RFC3339Nano) + " " + strconv.FormatInt(l.rows, 10), ID: l.org.UUID()}.String()
}
