package monitor

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/queries/monitorq"
)

// orgOf says whose an incident is, for a caller whose key may be narrowed: of another application it is nobody's.
func (s *Service) orgOf(ctx context.Context, id ident.IncidentID, p authz.Permission) (ident.OrgID, error) {
	unknown := fault.NotFound("incident")
	of, err := s.q.OrgOfIncident(ctx, s.DB, monitorq.OrgOfIncidentParams{ID: id.UUID()})
	if db.NotFound(err) {
		return ident.OrgID{}, unknown
	} else if err != nil {
		return ident.OrgID{}, fmt.Errorf("find %s: %w", id, err)
	}
	org := ident.From[ident.OrgID](of.OrgID)
	scope, err := s.reach(ctx, p, org, "incident")
	if fault.Is(err, fault.NotFoundCode) || err == nil && !scope.Covers(ident.From[ident.ApplicationID](of.ApplicationID)) {
		return ident.OrgID{}, unknown
	}
	return org, err
}

// Incident reads one for a caller who may see it.
func (s *Service) Incident(ctx context.Context, id ident.IncidentID) (*Incident, error) {
	org, err := s.orgOf(ctx, id, mayRead)
	if err != nil {
		return nil, err
	}
	return s.byID(ctx, s.DB, org, id)
}

func (s *Service) byID(ctx context.Context, on monitorq.DBTX, org ident.OrgID, id ident.IncidentID) (*Incident, error) {
	row, err := s.q.IncidentByID(ctx, on, monitorq.IncidentByIDParams{ID: id.UUID(), OrgID: org.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("incident")
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", id, err)
	}
	return (*incidentRow)(row).incident()
}

func (s *Service) lock(ctx context.Context, e *door.Effect, id ident.IncidentID) (*monitorq.Incident, error) {
	row, err := s.q.LockIncident(ctx, e.Tx, monitorq.LockIncidentParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("incident")
	} else if err != nil {
		return nil, fmt.Errorf("lock %s: %w", id, err)
	}
	return row, nil
}

// Standing is how a list is narrowed.
type Standing string

const (
	Both Standing = ""
	Open Standing = "OPEN"
	Over Standing = "OVER"
)

// StandingOf is the standing that callers name: true, false or nothing.
func StandingOf(open *bool) Standing {
	switch {
	case open == nil:
		return Both
	case *open:
		return Open
	}
	return Over
}

// Incidents is a page of an organization's incidents, the newest first: the open ones, those that are over, or both.
func (s *Service) Incidents(ctx context.Context, org ident.OrgID, in Standing, a page.Args) (*IncidentPage, error) {
	scope, err := s.reach(ctx, mayRead, org, "organization")
	if err != nil {
		return nil, err
	}
	before := uuid.Max
	if a.After != nil {
		before = a.After.ID
	}
	rows, err := s.q.ListIncidents(ctx, s.DB, monitorq.ListIncidentsParams{OrgID: scope.OrgUUID(), Before: before, Standing: string(in), ApplicationID: scope.Application().UUID(), Most: int32(a.First + 1)})
	if err != nil {
		return nil, fmt.Errorf("list the incidents: %w", err)
	}
	total, err := s.q.CountIncidents(ctx, s.DB, monitorq.CountIncidentsParams{OrgID: scope.OrgUUID(), Standing: string(in), ApplicationID: scope.Application().UUID()})
	if err != nil {
		return nil, fmt.Errorf("count the incidents: %w", err)
	}
	list, err := incidents(rows, func(r *monitorq.ListIncidentsRow) *incidentRow { return (*incidentRow)(r) })
	if err != nil {
		return nil, err
	}
	return new(page.Make(a, list, &total, func(i *Incident) page.Cursor { return page.Cursor{ID: i.ID.UUID()} })), nil
}

// Of reads the newest incidents of connections of one organization, for a caller who was authorised for them: at most twenty of each.
func (s *Service) Of(ctx context.Context, org ident.OrgID, in Standing, cons []ident.ConnectionID) (map[ident.ConnectionID][]*Incident, error) {
	raw := make([]uuid.UUID, len(cons))
	for n, id := range cons {
		raw[n] = id.UUID()
	}
	rows, err := s.q.IncidentsOf(ctx, s.DB, monitorq.IncidentsOfParams{ConnectionIds: raw, OrgID: org.UUID(), Standing: string(in)})
	if err != nil {
		return nil, fmt.Errorf("read the incidents of %d connections: %w", len(cons), err)
	}
	list, err := incidents(rows, func(r *monitorq.IncidentsOfRow) *incidentRow { return (*incidentRow)(r) })
	out := map[ident.ConnectionID][]*Incident{}
	for _, i := range list {
		out[i.ConnectionID] = append(out[i.ConnectionID], i)
	}
	return out, err
}

type acknowledged struct {
	ID   ident.IncidentID
	Note *string
}

// AcknowledgedBy is what the one who acknowledged an incident is called; nil for nobody, and for who has no name any more.
func (s *Service) AcknowledgedBy(ctx context.Context, i *Incident) (*string, error) {
	if i.AcknowledgedBy == nil || s.Door.Name == nil {
		return nil, nil
	}
	name, err := s.Door.Name(ctx, i.OrgID, *i.AcknowledgedBy)
	if err != nil || name == "" {
		return nil, err
	}
	return &name, nil
}

// Acknowledge notes that somebody sees to an incident: its reminders end, its clock does not (MO-4). Again, or when it is over, it changes nothing.
func (s *Service) Acknowledge(ctx context.Context, id ident.IncidentID, note *string) (*Incident, error) {
	return door.Do(ctx, s.Door, door.Change[acknowledged, *Incident]{
		Action: door.Action{Name: "incident.acknowledge", Permission: mayWrite},
		Org:    func(ctx context.Context, in acknowledged) (ident.OrgID, error) { return s.orgOf(ctx, in.ID, mayWrite) },
		Validate: func(_ context.Context, _ *door.Effect, in *acknowledged) error {
			if in.Note == nil {
				return nil
			}
			if text := strings.TrimSpace(*in.Note); text == "" {
				in.Note = nil
			} else if in.Note = &text; len([]rune(text)) > 500 {
				return fault.Invalid("note", "text", "Give at most %d characters.", 500)
			}
			return nil
		},
		Do: s.acknowledge,
	}, acknowledged{id, note})
}

func (s *Service) acknowledge(ctx context.Context, e *door.Effect, in acknowledged) (*Incident, error) {
	row, err := s.lock(ctx, e, in.ID)
	if err != nil {
		return nil, err
	}
	if row.AcknowledgedAt != nil || row.ResolvedAt != nil {
		e.Quiet()
		return s.byID(ctx, e.Tx, e.Scope.Org(), in.ID)
	}
	actor := authz.From(ctx).Actor()
	if err := s.q.AcknowledgeIncident(ctx, e.Tx, monitorq.AcknowledgeIncidentParams{ID: row.ID, OrgID: row.OrgID, Actor: actor, Now: e.Tx.Now, Note: in.Note}); err != nil {
		return nil, fmt.Errorf("acknowledge %s: %w", in.ID, err)
	}
	row.Note, row.Version = in.Note, row.Version+1
	l, err := s.look(ctx, e.Tx, e.Scope.Org(), ident.From[ident.ConnectionID](row.ConnectionID))
	if err != nil {
		return nil, err
	}
	c := changeOf(row, "incident.acknowledged", l.tell(row))
	c.Audited = true
	e.Record(c)
	return s.byID(ctx, e.Tx, e.Scope.Org(), in.ID)
}

const (
	changesEvery = 250 * time.Millisecond // so that a list has four messages a second at most
	overlap      = 30 * time.Second       // a slow transaction commits after a faster one with a later instant
	lookedAt     = 500
)

// watch is one watcher of an organization's incidents.
type watch struct {
	s     *Service
	org   ident.OrgID
	begun bool
	read  time.Time
	told  map[ident.IncidentID]time.Time // within the overlap: its change that was read last
	wait  []*Incident                    // those that nobody was told of, who waits longest first
}

// Changes is the newest state of each incident that is opened, moves or ends from now on, at most four messages a second.
func (s *Service) Changes(ctx context.Context, org ident.OrgID) (live.Feed[*Incident], error) {
	if _, err := s.reach(ctx, mayRead, org, "organization"); err != nil {
		return live.Feed[*Incident]{}, err
	}
	w := &watch{s: s, org: org, read: s.DB.Now(), told: map[ident.IncidentID]time.Time{}}
	return live.Feed[*Incident]{Subjects: []string{org.String()}, Gap: changesEvery, Next: w.next}, nil
}

func (w *watch) next(ctx context.Context) ([]*Incident, bool, error) {
	scope, err := w.s.reach(ctx, mayRead, w.org, "organization")
	if err != nil {
		return nil, false, err
	}
	rows, err := w.s.q.ChangedIncidents(ctx, w.s.DB, monitorq.ChangedIncidentsParams{OrgID: scope.OrgUUID(), Since: w.read.Add(-overlap), ApplicationID: scope.Application().UUID(), Most: lookedAt})
	if err != nil {
		return nil, false, fmt.Errorf("read what changed: %w", err)
	}
	list, err := incidents(rows, func(r *monitorq.ChangedIncidentsRow) *incidentRow { return (*incidentRow)(r) })
	if err != nil {
		return nil, false, err
	}
	for _, i := range list {
		if at, known := w.told[i.ID]; known && !at.Before(i.UpdatedAt) {
			continue
		}
		w.told[i.ID] = i.UpdatedAt
		w.queue(i)
		if i.UpdatedAt.After(w.read) {
			w.read = i.UpdatedAt
		}
	}
	maps.DeleteFunc(w.told, func(_ ident.IncidentID, at time.Time) bool { return at.Before(w.read.Add(-2 * overlap)) })
	if !w.begun { // what was there is no news: whoever watches has read the list
		w.begun, w.wait = true, nil
	}
	if len(w.wait) == 0 {
		return nil, false, nil
	}
	first := w.wait[0]
	w.wait = w.wait[1:]
	return []*Incident{first}, len(w.wait) > 0, nil
}

// queue lets an incident wait in its newest state, at the place that it has.
func (w *watch) queue(i *Incident) {
	for n, waiting := range w.wait {
		if waiting.ID == i.ID {
			w.wait[n] = i
			return
		}
	}
	w.wait = append(w.wait, i)
}
