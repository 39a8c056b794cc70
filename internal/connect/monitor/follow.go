package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/monitorq"
)

// Flapping (MO-5): so many times broken and recovered within a day, and so long quiet until it counts as over.
const (
	flaps = 3
	day   = 24 * time.Hour
)

// moves are the events after which something may be wrong, or well again, with a name that was live.
var moves = []string{"connection.live", "connection.degraded", "connection.recovered", "connection.checked", "connection.contested", "connection.suspended", "connection.failed", "connection.archived"}

func wants(action string) bool { return slices.Contains(moves, action) }

// looked is what incidents follow from, as the connection stands.
type looked struct {
	org       ident.OrgID
	con       ident.ConnectionID
	app       ident.ApplicationID
	hostname  string
	state     connection.State
	reason    string
	facets    connection.Facets
	findings  []finding.Finding
	graceEnds *time.Time
}

// follow brings a connection's incidents in line with how it stands. It reads the row and not the event: what happened meanwhile has an event of its own, after which
// it is read again.
func (s *Service) follow(ctx context.Context, tx *db.Tx, r event.Row) error {
	id, err := ident.Parse[ident.ConnectionID](r.Subject)
	if err != nil || r.OrgID.IsZero() {
		return nil
	}
	l, err := s.look(ctx, tx, r.OrgID, id)
	if l == nil || err != nil {
		return err
	}
	rows, err := s.q.OpenIncidents(ctx, tx, monitorq.OpenIncidentsParams{ConnectionID: id.UUID(), OrgID: r.OrgID.UUID()})
	if err != nil {
		return fmt.Errorf("read the incidents of %s: %w", id, err)
	}
	open := map[IncidentKind]*monitorq.Incident{}
	for _, row := range rows {
		open[IncidentKind(row.Kind)] = row
	}
	if len(open) == 0 && !l.troubled() {
		return nil
	}
	return s.Door.JoinTx(ctx, tx, "monitor", r.OrgID, func(ctx context.Context, e *door.Effect) error {
		e.Quiet() // unless something below is news
		for _, kind := range kinds {
			f, wrong := l.wrong(kind, open[kind] != nil)
			var err error
			switch row := open[kind]; {
			case wrong && row == nil:
				err = s.open(ctx, e, l, kind, f)
			case wrong:
				err = s.goOn(ctx, e, row, f)
			case row != nil && l.decided():
				err = s.recover(ctx, e, l, row)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) look(ctx context.Context, on monitorq.DBTX, org ident.OrgID, con ident.ConnectionID) (*looked, error) {
	row, err := s.q.Looked(ctx, on, monitorq.LookedParams{ID: con.UUID(), OrgID: org.UUID()})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", con, err)
	}
	l := &looked{org: org, con: con, app: ident.From[ident.ApplicationID](row.ApplicationID), hostname: row.Hostname, state: connection.State(row.State), graceEnds: row.GraceUntil}
	if row.StateReason != nil {
		l.reason = *row.StateReason
	}
	for raw, into := range map[*[]byte]any{&row.Facets: &l.facets, &row.Findings: &l.findings} {
		if *raw == nil {
			continue
		}
		if err := json.Unmarshal(*raw, into); err != nil {
			return nil, fmt.Errorf("read %s: %w", con, err)
		}
	}
	return l, nil
}

// troubled says that a name which was live is not as it should be.
func (l *looked) troubled() bool {
	return l.state == connection.Degraded || l.state == connection.Contested
}

// decided says that what is not wrong any more is over: while a name is suspended, or begins anew after that, its incidents stay as they are.
func (l *looked) decided() bool {
	return l.troubled() || l.state == connection.Live || l.state == connection.Archived || l.state == connection.Failed
}

// wrong says whether a kind of incident is the case, and the finding that tells it. Visitors who do not get through because the records lead elsewhere are no
// incident of their own, unless it was there before.
func (l *looked) wrong(kind IncidentKind, open bool) (finding.Finding, bool) {
	f := l.facets
	var facet connection.FacetState
	var otherwise string
	var is bool
	switch kind {
	case Ownership:
		facet, otherwise = f.Ownership, finding.ClaimContested
		is = facet.Value == connection.ContestedBy || facet.Value == connection.Lost
	case Drift:
		facet, otherwise = f.DNS, finding.Drifted
		is = facet.Value == connection.Drifted
	case RenewalAtRisk:
		facet, otherwise = f.TLS, finding.RenewalAtRisk
		is = facet.Value == connection.AtRisk || facet.Value == connection.Expired
	case Unreachable:
		facet, otherwise = f.Edge, finding.HTTPSUnreachable
		is = facet.Value == connection.Staged && (open || f.DNS.Value != connection.Drifted)
	}
	if !is || !l.troubled() {
		return finding.Finding{}, false
	}
	code := otherwise
	if facet.Reason != nil {
		code = *facet.Reason
	}
	for _, known := range l.findings {
		if known.Code == code {
			return known, true
		}
	}
	if _, known := finding.Lookup(code); !known {
		code = otherwise
	}
	return finding.New(code, map[string]any{"name": l.hostname}), true
}

// told is the payload of incident.opened, incident.acknowledged and incident.resolved. Payloads are public.
type told struct {
	V             int                     `json:"v"`
	Hostname      string                  `json:"hostname"`
	ApplicationID ident.ApplicationID     `json:"applicationId"`
	ConnectionID  ident.ConnectionID      `json:"connectionId"`
	State         connection.State        `json:"state"`
	Kind          IncidentKind            `json:"kind"`
	Severity      finding.FindingSeverity `json:"severity"`
	Code          string                  `json:"reason"`
	OpenedAt      time.Time               `json:"openedAt"`
	GraceUntil    *time.Time              `json:"graceUntil,omitempty"`
	Note          *string                 `json:"note,omitempty"`
	Finding       *finding.Finding        `json:"finding,omitempty"`
}

func (l *looked) tell(row *monitorq.Incident) told {
	return told{V: 1, Hostname: l.hostname, ApplicationID: l.app, ConnectionID: l.con, State: l.state, Kind: IncidentKind(row.Kind), Severity: finding.FindingSeverity(row.Severity), Code: row.Code,
		OpenedAt: row.OpenedAt, GraceUntil: l.graceEnds, Note: row.Note}
}

func changeOf(row *monitorq.Incident, action string, payload told) event.Change {
	return event.Change{OrgID: ident.From[ident.OrgID](row.OrgID), Action: action, Subject: ident.From[ident.IncidentID](row.ID).String(), Version: row.Version,
		Stream: payload.ConnectionID.String(), Payload: payload}
}

func (s *Service) open(ctx context.Context, e *door.Effect, l *looked, kind IncidentKind, f finding.Finding) error {
	params, err := json.Marshal(f.Params)
	if err != nil {
		return fmt.Errorf("write an incident of %s: %w", l.con, err)
	}
	row, err := s.q.AddIncident(ctx, e.Tx, monitorq.AddIncidentParams{ID: ident.New[ident.IncidentID](e.Tx.Now).UUID(), OrgID: l.org.UUID(), ConnectionID: l.con.UUID(), Kind: string(kind),
		Severity: string(f.Severity), Code: f.Code, Params: params, At: e.Tx.Now})
	if err != nil {
		return fmt.Errorf("open an incident of %s: %w", l.con, err)
	}
	p := l.tell(row)
	p.Finding = &f
	e.Record(changeOf(row, "incident.opened", p))
	return nil
}

// goOn is an incident that is still the case, or again while it was watched for flapping; its words may be others now.
func (s *Service) goOn(ctx context.Context, e *door.Effect, row *monitorq.Incident, f finding.Finding) error {
	params, err := json.Marshal(f.Params)
	if err != nil {
		return fmt.Errorf("write an incident: %w", err)
	}
	if row.QuietSince == nil && row.Code == f.Code {
		return nil
	}
	row.QuietSince, row.Code, row.Severity, row.Params = nil, f.Code, string(f.Severity), params
	return s.move(ctx, e, row)
}

// recover resolves an incident, unless it came and went too often of late: then it is watched.
func (s *Service) recover(ctx context.Context, e *door.Effect, l *looked, row *monitorq.Incident) error {
	if row.QuietSince != nil && l.state != connection.Archived && l.state != connection.Failed {
		return nil
	}
	if l.state != connection.Archived && l.state != connection.Failed {
		before, err := s.q.CountEnded(ctx, e.Tx, monitorq.CountEndedParams{ConnectionID: row.ConnectionID, OrgID: row.OrgID, Kind: row.Kind, Since: e.Tx.Now.Add(-day)})
		if err != nil {
			return fmt.Errorf("count the incidents of %s: %w", l.con, err)
		}
		if row.Cycles = max(row.Cycles, before+1); row.Cycles >= flaps {
			row.QuietSince = &e.Tx.Now
			return s.move(ctx, e, row)
		}
	}
	return s.resolve(ctx, e, l, row)
}

func (s *Service) resolve(ctx context.Context, e *door.Effect, l *looked, row *monitorq.Incident) error {
	row.ResolvedAt = &e.Tx.Now
	if err := s.move(ctx, e, row); err != nil {
		return err
	}
	p := l.tell(row)
	p.GraceUntil = nil
	e.Record(changeOf(row, "incident.resolved", p))
	return nil
}

func (s *Service) move(ctx context.Context, e *door.Effect, row *monitorq.Incident) error {
	row.UpdatedAt, row.Version = e.Tx.Now, row.Version+1
	p := monitorq.MoveIncidentParams{ID: row.ID, OrgID: row.OrgID, Severity: row.Severity, Code: row.Code, Params: row.Params, Cycles: row.Cycles, QuietSince: row.QuietSince, ResolvedAt: row.ResolvedAt, Now: e.Tx.Now}
	if err := s.q.MoveIncident(ctx, e.Tx, p); err != nil {
		return fmt.Errorf("move the incident %s: %w", row.ID, err)
	}
	e.Poke(ident.From[ident.OrgID](row.OrgID).String(), 0)
	return nil
}

// settle resolves what flapped and has been quiet for a day.
func (s *Service) settle(ctx context.Context) error {
	rows, err := s.q.QuietIncidents(ctx, s.DB, monitorq.QuietIncidentsParams{Since: s.DB.Now().Add(-day)})
	if err != nil {
		return fmt.Errorf("look for incidents that are quiet: %w", err)
	}
	for _, quiet := range rows {
		org, id := ident.From[ident.OrgID](quiet.OrgID), ident.From[ident.IncidentID](quiet.ID)
		err := s.Door.System(ctx, "monitor", org, func(ctx context.Context, e *door.Effect) error {
			row, err := s.lock(ctx, e, id)
			if fault.Is(err, fault.NotFoundCode) {
				return door.ErrNothing
			} else if err != nil {
				return err
			}
			if row.ResolvedAt != nil || row.QuietSince == nil || row.QuietSince.After(e.Tx.Now.Add(-day)) {
				return door.ErrNothing // it broke again meanwhile
			}
			l, err := s.look(ctx, e.Tx, org, ident.From[ident.ConnectionID](row.ConnectionID))
			if err != nil {
				return err
			}
			return s.resolve(ctx, e, l, row)
		})
		if err != nil {
			return fmt.Errorf("resolve %s: %w", id, err)
		}
	}
	return nil
}
