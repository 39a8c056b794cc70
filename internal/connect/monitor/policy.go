package monitor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/monitorq"
)

const (
	mostPolicies = 50 // of an organization
	maxName      = 80
)

// SaveMonitorPolicyInput is a whole policy: what is missing has the product's own value. Without an id it is a new one.
type SaveMonitorPolicyInput struct {
	OrganizationID   ident.OrgID
	ID               *ident.MonitorPolicyID
	Version          *int32 // with an id: the version that was read
	Name             string
	Enabled          *bool
	IntervalSeconds  *int32
	FailureThreshold *int32
	GraceHours       *int32
	Heal             *HealMode
	OnGraceEnd       *connection.GraceEnd
	ClientMutationID *string
}

// MonitorPolicyPayload answers a change of a policy.
type MonitorPolicyPayload struct{ Policy *MonitorPolicy }

// saved is the payload of monitor_policy.saved.
type saved struct {
	V               int                 `json:"v"`
	Name            string              `json:"name"`
	Enabled         bool                `json:"enabled"`
	IntervalSeconds int32               `json:"intervalSeconds"`
	Threshold       int32               `json:"failureThreshold"`
	GraceHours      int32               `json:"graceHours"`
	Heal            HealMode            `json:"heal"`
	OnGraceEnd      connection.GraceEnd `json:"onGraceEnd"`
}

// Save makes a policy or changes one. Connections obey it from their next check on, which comes within its interval.
func (s *Service) Save(ctx context.Context, in SaveMonitorPolicyInput) (*MonitorPolicyPayload, error) {
	p, err := door.Do(ctx, s.Door, door.Change[SaveMonitorPolicyInput, *MonitorPolicy]{
		Action: door.Action{Name: "monitor_policy.save", Permission: mayWrite},
		Org:    func(_ context.Context, in SaveMonitorPolicyInput) (ident.OrgID, error) { return in.OrganizationID, nil },
		Key:    func(in SaveMonitorPolicyInput) *string { return in.ClientMutationID },
		Validate: func(_ context.Context, e *door.Effect, in *SaveMonitorPolicyInput) error {
			if !e.Scope.Application().IsZero() {
				return fault.NotFound("monitor policy") // a key that is narrowed to one application changes nothing that others may have
			}
			return in.check()
		},
		Do: s.save,
	}, in)
	if err != nil {
		return nil, err
	}
	return &MonitorPolicyPayload{Policy: p}, nil
}

func or[T any](v *T, otherwise T) *T {
	if v == nil {
		return &otherwise
	}
	return v
}

// check fills in the product's own values, and names every member that is out of its range.
func (in *SaveMonitorPolicyInput) check() error {
	in.Name = strings.TrimSpace(in.Name)
	in.Enabled, in.Heal, in.OnGraceEnd = or(in.Enabled, true), or(in.Heal, HealNotify), or(in.OnGraceEnd, connection.SuspendAtEnd)
	in.IntervalSeconds, in.FailureThreshold, in.GraceHours = or(in.IntervalSeconds, 900), or(in.FailureThreshold, 3), or(in.GraceHours, 72)
	var faults []error
	if n := len([]rune(in.Name)); n == 0 || n > maxName || strings.ContainsFunc(in.Name, func(r rune) bool { return r < ' ' }) {
		faults = append(faults, fault.Invalid("name", "name_length", "Give a name of 1 to %d characters.", maxName))
	}
	for _, r := range []struct {
		field      string
		is, lo, hi int32
		unit       string
	}{{"intervalSeconds", *in.IntervalSeconds, 60, 86400, "seconds"}, {"failureThreshold", *in.FailureThreshold, 1, 20, "checks"}, {"graceHours", *in.GraceHours, 1, 720, "hours"}} {
		if r.is < r.lo || r.is > r.hi {
			faults = append(faults, fault.Invalid(r.field, "range", "%d to %d %s.", r.lo, r.hi, r.unit))
		}
	}
	if in.ID != nil && in.Version == nil {
		faults = append(faults, fault.Invalid("version", "version_missing", "Send the version that you read."))
	}
	return errors.Join(faults...)
}

func (s *Service) save(ctx context.Context, e *door.Effect, in SaveMonitorPolicyInput) (*MonitorPolicy, error) {
	p := &MonitorPolicy{ID: ident.New[ident.MonitorPolicyID](e.Tx.Now), OrgID: e.Scope.Org(), Name: in.Name, Enabled: *in.Enabled, IntervalSeconds: *in.IntervalSeconds,
		FailureThreshold: *in.FailureThreshold, GraceHours: *in.GraceHours, Heal: *in.Heal, OnGraceEnd: *in.OnGraceEnd, Version: 1}
	write := s.add
	if in.ID != nil {
		row, err := s.q.LockPolicy(ctx, e.Tx, monitorq.LockPolicyParams{ID: in.ID.UUID(), OrgID: e.Scope.OrgUUID()})
		if db.NotFound(err) {
			return nil, fault.NotFound("monitor policy")
		} else if err != nil {
			return nil, fmt.Errorf("lock %s: %w", in.ID, err)
		}
		if row.Version != *in.Version {
			return nil, e.Lost(in.ID.String(), row.Version)
		}
		was := policyFrom(row)
		p.ID, p.Version = *in.ID, row.Version
		if *p == *was {
			e.Quiet()
			return was, nil
		}
		p.Version++
		write = s.change
	}
	if err := write(ctx, e, p); db.Violates(err, "monitor_policy_name") {
		return nil, fault.Conflict("name", "name_taken", "There is a policy with this name already.")
	} else if err != nil {
		return nil, err
	}
	e.Record(event.Change{OrgID: p.OrgID, Action: "monitor_policy.saved", Subject: p.ID.String(), Version: p.Version, Audited: true,
		Payload: saved{1, p.Name, p.Enabled, p.IntervalSeconds, p.FailureThreshold, p.GraceHours, p.Heal, p.OnGraceEnd}})
	return p, nil
}

func (s *Service) add(ctx context.Context, e *door.Effect, p *MonitorPolicy) error {
	n, err := s.q.CountPolicies(ctx, e.Tx, monitorq.CountPoliciesParams{OrgID: p.OrgID.UUID()})
	if err != nil {
		return fmt.Errorf("count the policies of %s: %w", p.OrgID, err)
	}
	if n >= mostPolicies {
		return fault.Precondition("too_many", "There are %d policies already. Change one of them.", n)
	}
	return s.q.AddPolicy(ctx, e.Tx, monitorq.AddPolicyParams{ID: p.ID.UUID(), OrgID: p.OrgID.UUID(), Name: p.Name, Enabled: p.Enabled, IntervalSeconds: p.IntervalSeconds,
		FailureThreshold: p.FailureThreshold, GraceHours: p.GraceHours, Heal: string(p.Heal), OnGraceEnd: string(p.OnGraceEnd), Now: e.Tx.Now})
}

func (s *Service) change(ctx context.Context, e *door.Effect, p *MonitorPolicy) error {
	return s.q.SavePolicy(ctx, e.Tx, monitorq.SavePolicyParams{ID: p.ID.UUID(), OrgID: p.OrgID.UUID(), Name: p.Name, Enabled: p.Enabled, IntervalSeconds: p.IntervalSeconds,
		FailureThreshold: p.FailureThreshold, GraceHours: p.GraceHours, Heal: string(p.Heal), OnGraceEnd: string(p.OnGraceEnd), Now: e.Tx.Now})
}

// Policies are those of an organization, by name; of a key that is narrowed to one application its policy alone.
func (s *Service) Policies(ctx context.Context, org ident.OrgID) ([]*MonitorPolicy, error) {
	scope, err := s.reach(ctx, mayRead, org, "organization")
	if err != nil {
		return nil, err
	}
	rows, err := s.q.ListPolicies(ctx, s.DB, monitorq.ListPoliciesParams{OrgID: scope.OrgUUID(), ApplicationID: scope.Application().UUID()})
	if err != nil {
		return nil, fmt.Errorf("list the monitor policies: %w", err)
	}
	out := make([]*MonitorPolicy, len(rows))
	for n, r := range rows {
		out[n] = policyFrom(r)
	}
	slices.SortStableFunc(out, func(a, b *MonitorPolicy) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return out, nil
}

// Policy reads one for a caller who may see it; unknown, foreign and outside a key's narrowing look alike.
func (s *Service) Policy(ctx context.Context, id ident.MonitorPolicyID) (*MonitorPolicy, error) {
	unknown := fault.NotFound("monitor policy")
	org, err := s.q.OrgOfPolicy(ctx, s.DB, monitorq.OrgOfPolicyParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, unknown
	} else if err != nil {
		return nil, fmt.Errorf("find %s: %w", id, err)
	}
	all, err := s.Policies(ctx, ident.From[ident.OrgID](org))
	if fault.Is(err, fault.NotFoundCode) {
		return nil, unknown
	} else if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(p *MonitorPolicy) bool { return p.ID == id })
	if at < 0 {
		return nil, unknown
	}
	return all[at], nil
}

// PoliciesByID reads policies of one organization, for a caller who was authorised for it.
func (s *Service) PoliciesByID(ctx context.Context, org ident.OrgID, ids []ident.MonitorPolicyID) (map[ident.MonitorPolicyID]*MonitorPolicy, error) {
	raw := make([]uuid.UUID, len(ids))
	for n, id := range ids {
		raw[n] = id.UUID()
	}
	rows, err := s.q.PoliciesByID(ctx, s.DB, monitorq.PoliciesByIDParams{OrgID: org.UUID(), Ids: raw})
	if err != nil {
		return nil, fmt.Errorf("read monitor policies: %w", err)
	}
	out := map[ident.MonitorPolicyID]*MonitorPolicy{}
	for _, r := range rows {
		p := policyFrom(r)
		out[p.ID] = p
	}
	return out, nil
}
