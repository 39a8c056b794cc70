// Package monitor looks after names that went live: how often they are looked at, and what is told and done when something breaks.
//
// A policy says how: whether live names are looked at at all, the interval, how many failing passes count, how long the grace is and what becomes of the name at
// its end. An application has one policy, or the product's own: every 15 minutes, three passes, 72 hours, then suspended. The package connection obeys it.
//
// An incident is what is wrong with a name that was live, one for each kind: its records lead elsewhere (DRIFT), its certificate could not be renewed
// (RENEWAL_AT_RISK), visitors do not get through (UNREACHABLE), somebody else has proven it (OWNERSHIP). A reader of the ledger opens it when a connection's facet
// breaks, and resolves it when the facet stands again, or the connection is archived or given up. Somebody may acknowledge it: that ends the reminders and not the
// clock. What broke and recovered three times within a day is flapping: its incident stays open until a whole day was quiet, and nobody is told of each turn.
package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/monitorq"
)

// MonitorPolicy is how the live names of applications are looked after.
type MonitorPolicy struct {
	ID               ident.MonitorPolicyID
	OrgID            ident.OrgID
	Name             string
	Enabled          bool
	IntervalSeconds  int32 // between two looks at a live name
	FailureThreshold int32 // failing passes that take back what was right
	GraceHours       int32
	Heal             HealMode
	OnGraceEnd       connection.GraceEnd
	Version          int32
}

func (*MonitorPolicy) IsNode() {}

// HealMode is what is offered when records are gone.
type HealMode string

const (
	HealOff    HealMode = "OFF"
	HealNotify HealMode = "NOTIFY" // the records, and where to put them back
)

// IncidentKind is what an incident is about.
type IncidentKind string

const (
	Drift         IncidentKind = "DRIFT"
	RenewalAtRisk IncidentKind = "RENEWAL_AT_RISK"
	Unreachable   IncidentKind = "UNREACHABLE"
	Ownership     IncidentKind = "OWNERSHIP"
)

var kinds = []IncidentKind{Ownership, Drift, RenewalAtRisk, Unreachable}

// Incident is the noun; see the table incident.
type Incident struct {
	ID             ident.IncidentID
	OrgID          ident.OrgID
	ApplicationID  ident.ApplicationID
	ConnectionID   ident.ConnectionID
	Kind           IncidentKind
	Severity       finding.FindingSeverity
	Code           string // of the finding that says it in words
	Params         map[string]any
	OpenedAt       time.Time
	Flapping       bool // it broke again and again, and is watched until a day was quiet
	AcknowledgedBy *string
	AcknowledgedAt *time.Time
	Note           *string
	ResolvedAt     *time.Time
	GraceUntil     *time.Time // of its connection, while it is open
	UpdatedAt      time.Time
}

func (*Incident) IsNode() {}

type (
	IncidentPage = page.Of[*Incident]
	IncidentEdge = page.Edge[*Incident]
)

// Service is everything that is done with policies and incidents. Its fields are set by the assembly.
type Service struct {
	DB    *db.DB
	Door  *door.Door
	Authz *authz.Authorizer

	q monitorq.Queries
}

const (
	mayRead  authz.Permission = "connection.read"
	mayWrite authz.Permission = "monitor.write"
)

// Part is what monitoring contributes.
func (s *Service) Part() part.Part {
	return part.Part{
		Name:      "monitor",
		Grants:    []authz.Grant{{Permission: mayWrite, Roles: []authz.Role{authz.Member, authz.Owner}, What: "save monitor policies, acknowledge incidents"}},
		Readers:   []event.Reader{{Name: "incident", Wants: wants, Apply: s.follow}},
		Periodics: []work.Periodic{{Kind: "incident.quiet", Every: 5 * time.Minute, Do: s.settle}},
		Nodes: map[string]part.Finder{
			"mon": func(ctx context.Context, a ident.Any) (any, error) {
				id, err := ident.As[ident.MonitorPolicyID](a, "id")
				if err != nil {
					return nil, err
				}
				return s.Policy(ctx, id)
			},
			"inc": func(ctx context.Context, a ident.Any) (any, error) {
				id, err := ident.As[ident.IncidentID](a, "id")
				if err != nil {
					return nil, err
				}
				return s.Incident(ctx, id)
			},
		},
	}
}

// reach authorises a caller for an organization's policies and incidents, which no widget sees.
func (s *Service) reach(ctx context.Context, p authz.Permission, org ident.OrgID, noun string) (authz.Scope, error) {
	if authz.From(ctx).Kind == authz.WIDGET {
		return authz.Scope{}, fault.NotFound(noun)
	}
	return s.Authz.Authorize(ctx, p, org)
}

func policyFrom(r *monitorq.MonitorPolicy) *MonitorPolicy {
	return &MonitorPolicy{ID: ident.From[ident.MonitorPolicyID](r.ID), OrgID: ident.From[ident.OrgID](r.OrgID), Name: r.Name, Enabled: r.Enabled, IntervalSeconds: r.IntervalSeconds,
		FailureThreshold: r.FailureThreshold, GraceHours: r.GraceHours, Heal: HealMode(r.Heal), OnGraceEnd: connection.GraceEnd(r.OnGraceEnd), Version: r.Version}
}

// incidentRow is an incident with what is read beside it; the queries' rows have its form.
type incidentRow monitorq.IncidentByIDRow

func (r *incidentRow) incident() (*Incident, error) {
	i := &Incident{ID: ident.From[ident.IncidentID](r.ID), OrgID: ident.From[ident.OrgID](r.OrgID), ApplicationID: ident.From[ident.ApplicationID](r.ApplicationID),
		ConnectionID: ident.From[ident.ConnectionID](r.ConnectionID), Kind: IncidentKind(r.Kind), Severity: finding.FindingSeverity(r.Severity), Code: r.Code, OpenedAt: r.OpenedAt,
		Flapping: r.Cycles >= flaps, AcknowledgedBy: r.AcknowledgedBy, AcknowledgedAt: r.AcknowledgedAt, Note: r.Note, ResolvedAt: r.ResolvedAt, UpdatedAt: r.UpdatedAt}
	if i.ResolvedAt == nil {
		i.GraceUntil = r.GraceUntil
	}
	if err := json.Unmarshal(r.Params, &i.Params); err != nil {
		return nil, fmt.Errorf("read %s: %w", i.ID, err)
	}
	return i, nil
}

func incidents[R any](rows []*R, of func(*R) *incidentRow) ([]*Incident, error) {
	out := make([]*Incident, len(rows))
	for n, r := range rows {
		var err error
		if out[n], err = of(r).incident(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
