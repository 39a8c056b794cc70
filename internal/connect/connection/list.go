package connection

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// mostOwn is how many connections a page is told that it may go on with.
const mostOwn = 20

// ConnectionFilter narrows a list. Without states the archived ones are left out.
type ConnectionFilter struct {
	State         []State
	Provider      []string
	ApplicationID *ident.ApplicationID
	Label         *string
	Text          *string // part of the name or of the external reference
	UpdatedAfter  *time.Time
}

// ConnectionOrder sorts a list; the default is the newest first.
type ConnectionOrder struct {
	Field      ConnectionOrderField
	Descending bool
}

type ConnectionOrderField string

const (
	ByCreatedAt ConnectionOrderField = "CREATED_AT"
	ByUpdatedAt ConnectionOrderField = "UPDATED_AT"
	ByHostname  ConnectionOrderField = "HOSTNAME"
	ByState     ConnectionOrderField = "STATE"
)

// Get reads a connection that the caller may see.
func (s *Service) Get(ctx context.Context, id ident.ConnectionID) (*Connection, error) {
	_, c, err := s.reach(ctx, "connection.read", id)
	return c, err
}

// ByIDs reads connections that the caller may see, in the order of ids, nil where there is none for them. Loaders and node lists use it.
func (s *Service) ByIDs(ctx context.Context, ids []ident.ConnectionID) ([]*Connection, error) {
	raw := make([]uuid.UUID, len(ids))
	for n, id := range ids {
		raw[n] = id.UUID()
	}
	owners, err := s.q.OrgsOfConnections(ctx, s.DB, connectionq.OrgsOfConnectionsParams{Ids: raw})
	if err != nil {
		return nil, fmt.Errorf("read whose %d connections are: %w", len(ids), err)
	}
	byOrg := map[ident.OrgID][]uuid.UUID{}
	for _, o := range owners {
		org := ident.From[ident.OrgID](o.OrgID)
		byOrg[org] = append(byOrg[org], o.ID)
	}
	found := map[ident.ConnectionID]*Connection{}
	for org, of := range byOrg {
		scope, err := s.Authz.Authorize(ctx, "connection.read", org)
		if fault.Is(err, fault.NotFoundCode) || fault.Is(err, fault.ForbiddenCode) {
			continue
		} else if err != nil {
			return nil, err
		}
		rows, err := s.q.ConnectionsByIDs(ctx, s.DB, connectionq.ConnectionsByIDsParams{Ids: of, OrgID: scope.OrgUUID()})
		if err != nil {
			return nil, fmt.Errorf("read %d connections: %w", len(of), err)
		}
		for _, r := range rows {
			c, err := s.shown(&r.Connection, r.NextAt, r.LeasedUntil)
			if err != nil {
				return nil, err
			}
			if Own(authz.From(ctx), c) {
				found[c.ID] = c
			}
		}
	}
	out := make([]*Connection, len(ids))
	for n, id := range ids {
		out[n] = found[id]
	}
	return out, nil
}

// Own are the open connections that the calling widget may go on with, the newest first: those its token names, and those of its end user; see the
// function Own. None for a token that may not look, and for every other caller.
func (s *Service) Own(ctx context.Context) ([]*Connection, error) {
	out, caller := []*Connection{}, authz.From(ctx)
	if caller.Kind != authz.WIDGET {
		return out, nil
	}
	scope, err := s.Authz.Authorize(ctx, "connection.read", caller.OrgID)
	if fault.Is(err, fault.ForbiddenCode) {
		return out, nil
	} else if err != nil {
		return nil, err
	}
	w := caller.Widget
	p := connectionq.OwnConnectionsParams{OrgID: scope.OrgUUID(), ApplicationID: w.ApplicationID.UUID(), Ids: make([]uuid.UUID, len(w.ConnectionIDs)), EndUserRef: w.EndUserRef, Hostname: w.Hostname, Most: mostOwn}
	for n, id := range w.ConnectionIDs {
		p.Ids[n] = id.UUID()
	}
	rows, err := s.q.OwnConnections(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("list the connections of %s: %w", caller.Actor(), err)
	}
	for _, r := range rows {
		c, err := s.shown(&r.Connection, r.NextAt, r.LeasedUntil)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// List is a page of an organization's connections.
func (s *Service) List(ctx context.Context, org ident.OrgID, filter *ConnectionFilter, order *ConnectionOrder, first *int32, after *string) (*ConnectionPage, error) {
	scope, err := s.Authz.Authorize(ctx, "connection.read", org)
	if err != nil {
		return nil, err
	}
	args, err := page.Read(first, after, 20)
	if err != nil {
		return nil, err
	}
	f, err := narrow(scope, filter)
	if err != nil {
		return nil, err
	}
	total, err := s.count(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("count connections: %w", err)
	}
	if order == nil || order.Field == ByCreatedAt && order.Descending {
		return s.newest(ctx, args, f, total)
	}
	return s.sorted(ctx, args, f, total, *order)
}

type narrowed connectionq.CountConnectionsParams

func narrow(scope authz.Scope, filter *ConnectionFilter) (narrowed, error) {
	f := narrowed{OrgID: scope.OrgUUID(), States: []string{}, Providers: []string{}, ApplicationID: scope.Application().UUID(), UpdatedAfter: time.Unix(0, 0)}
	if filter == nil {
		return f, nil
	}
	if filter.ApplicationID != nil {
		if !scope.Covers(*filter.ApplicationID) {
			return f, fault.NotFound("application")
		}
		f.ApplicationID = filter.ApplicationID.UUID()
	}
	for _, state := range filter.State {
		f.States = append(f.States, string(state))
		if state == Analyzing {
			f.States = append(f.States, string(Draft)) // what a draft shows while its first check runs
		}
	}
	f.Providers = append(f.Providers, filter.Provider...)
	f.Label, f.Text = deref(filter.Label), strings.ToLower(strings.TrimSpace(deref(filter.Text)))
	if strings.ContainsRune(f.Label+f.Text, 0) || len(f.Label)+len(f.Text) > 1000 {
		return f, fault.Invalid("filter.text", "text", "Search for at most 1000 characters.")
	}
	if filter.UpdatedAfter != nil {
		f.UpdatedAfter = *filter.UpdatedAfter
	}
	return f, nil
}

// open says that nothing is narrowed: the list is all open connections.
func (f narrowed) open() bool {
	return len(f.States)+len(f.Providers)+len(f.Label)+len(f.Text) == 0 && f.ApplicationID == uuid.Nil && f.UpdatedAfter.Equal(time.Unix(0, 0))
}

func (s *Service) count(ctx context.Context, f narrowed) (int32, error) {
	if f.open() {
		return s.q.CountOpenConnections(ctx, s.DB, connectionq.CountOpenConnectionsParams{OrgID: f.OrgID})
	}
	return s.q.CountConnections(ctx, s.DB, connectionq.CountConnectionsParams(f))
}

func (s *Service) newest(ctx context.Context, args page.Args, f narrowed, total int32) (*ConnectionPage, error) {
	before := uuid.Max
	if args.After != nil {
		before = args.After.ID
	}
	rows, err := s.newestRows(ctx, f, before, int32(args.First+1))
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	list := make([]*Connection, len(rows))
	for n, r := range rows {
		if list[n], err = s.shown(&r.Connection, r.NextAt, r.LeasedUntil); err != nil {
			return nil, err
		}
	}
	return new(page.Make(args, list, &total, func(c *Connection) page.Cursor { return page.Cursor{ID: c.ID.UUID()} })), nil
}

// newestRows reads rows before an id, newest first.
func (s *Service) newestRows(ctx context.Context, f narrowed, before uuid.UUID, most int32) ([]*connectionq.NewestConnectionsRow, error) {
	if f.open() {
		rows, err := s.q.NewestOpenConnections(ctx, s.DB, connectionq.NewestOpenConnectionsParams{OrgID: f.OrgID, Before: before, Most: most})
		out := make([]*connectionq.NewestConnectionsRow, len(rows))
		for n, r := range rows {
			out[n] = (*connectionq.NewestConnectionsRow)(r)
		}
		return out, err
	}
	return s.q.NewestConnections(ctx, s.DB, connectionq.NewestConnectionsParams{OrgID: f.OrgID, Before: before, States: f.States, Providers: f.Providers,
		ApplicationID: f.ApplicationID, Label: f.Label, Text: f.Text, UpdatedAfter: f.UpdatedAfter, Most: most})
}

func (s *Service) sorted(ctx context.Context, args page.Args, f narrowed, total int32, order ConnectionOrder) (*ConnectionPage, error) {
	p := connectionq.SortedConnectionsParams{OrgID: f.OrgID, Field: string(order.Field), Descending: order.Descending, States: f.States, Providers: f.Providers,
		ApplicationID: f.ApplicationID, Label: f.Label, Text: f.Text, UpdatedAfter: f.UpdatedAfter, Most: int32(args.First + 1)}
	if args.After != nil {
		p.Resumed, p.AfterKey, p.AfterID = true, args.After.Sort, args.After.ID
	}
	rows, err := s.q.SortedConnections(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	list, keys := make([]*Connection, len(rows)), map[ident.ConnectionID]string{}
	for n, r := range rows {
		if list[n], err = s.shown(&r.Connection, r.NextAt, r.LeasedUntil); err != nil {
			return nil, err
		}
		keys[list[n].ID] = r.SortKey
	}
	return new(page.Make(args, list, &total, func(c *Connection) page.Cursor { return page.Cursor{Sort: keys[c.ID], ID: c.ID.UUID()} })), nil
}

// CountsOf is how many connections of each application are in each state, as counts writes it. Applications that the caller may not see are left out.
func (s *Service) CountsOf(ctx context.Context, org ident.OrgID, apps []ident.ApplicationID) (map[ident.ApplicationID][]*StateCount, error) {
	scope, err := s.Authz.Authorize(ctx, "connection.read", org)
	if err != nil {
		return nil, err
	}
	out := map[ident.ApplicationID][]*StateCount{}
	var ids []uuid.UUID
	for _, app := range apps {
		if scope.Covers(app) {
			out[app], ids = []*StateCount{}, append(ids, app.UUID())
		}
	}
	rows, err := s.q.CountByApplication(ctx, s.DB, connectionq.CountByApplicationParams{OrgID: scope.OrgUUID(), ApplicationIds: ids})
	if err != nil {
		return nil, fmt.Errorf("count the connections of %d applications by state: %w", len(ids), err)
	}
	for _, state := range States {
		for _, r := range rows {
			if app := ident.From[ident.ApplicationID](r.ApplicationID); State(r.State) == state {
				out[app] = append(out[app], &StateCount{state, r.Count})
			}
		}
	}
	return out, nil
}

// counts is how many connections of an organization, or of one of its applications, are in each state; states without any are left out.
func (s *Service) counts(ctx context.Context, scope authz.Scope, app *ident.ApplicationID) ([]StateCount, error) {
	p := connectionq.CountByStateParams{OrgID: scope.OrgUUID(), ApplicationID: scope.Application().UUID()}
	if app != nil {
		if !scope.Covers(*app) {
			return nil, fault.NotFound("application")
		}
		p.ApplicationID = app.UUID()
	}
	rows, err := s.q.CountByState(ctx, s.DB, p)
	if err != nil {
		return nil, fmt.Errorf("count connections by state: %w", err)
	}
	out := []StateCount{}
	for _, state := range States {
		for _, r := range rows {
			if State(r.State) == state {
				out = append(out, StateCount{state, r.Count})
			}
		}
	}
	return out, nil
}
