package connection

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// Part is what connections contribute.
func (s *Service) Part() part.Part {
	all, doers := []authz.Role{authz.Member, authz.Owner, authz.BillingAdmin}, []authz.Role{authz.Member, authz.Owner}
	return part.Part{
		Name: "connection",
		Grants: []authz.Grant{
			{Permission: "connection.read", Roles: all, Widget: []string{"VIEW"}, What: "read connections, checks, timeline"},
			{Permission: "connection.check", Roles: doers, Widget: []string{"CHECK", "COMPLETE"}, What: "analyse, check again, retry"},
			{Permission: "connection.start", Roles: doers, Widget: []string{"START"}, What: "start connections"},
			{Permission: "connection.setup", Roles: doers, Widget: []string{"SETUP", "COMPLETE"}, What: "decide about conflicts"},
			{Permission: "connection.write", Roles: doers, What: "change metadata, labels, upstream"},
			{Permission: "connection.archive", Roles: doers, What: "disconnect"},
			{Permission: mayTransfer, Roles: []authz.Role{authz.Owner}, What: "move a name between two applications"},
			{Permission: mayReadDomains, Operator: true, What: "see names that two organizations have proven"},
			{Permission: mayDecide, Operator: true, What: "decide whose such a name is, which waits for a second operator"},
		},
		Readers: []event.Reader{
			{Name: "connection.routes", Wants: func(action string) bool {
				return action == "application.updated" || action == "application.edge_secret_rotated"
			}, Apply: s.reroute},
			{Name: "connection.policy", Wants: func(action string) bool { return action == "application.updated" || action == "monitor_policy.saved" }, Apply: s.obey},
			{Name: "connection.organization", Wants: func(action string) bool { return action == "organization.deleted" || action == "organization.restored" }, Apply: s.follow},
		},
		Queues: []work.Queue{
			s.queue(checkQueue, checkKind, true, s.rules().CheckLimit, s.runCheck),
			s.queue(routineQueue, checkKind, false, s.rules().CheckLimit, s.runCheck),
			s.queue(timerQueue, timerKind, false, 2*s.rules().CheckLimit, s.runTimer),
		},
		Nodes: map[string]part.Finder{
			"con": finder(s.Get), "rec": finder(s.GetRecord), "cnf": finder(s.GetConflict), "chk": finder(s.GetCheck), "obs": finder(s.GetObservation), "evt": finder(s.eventNode),
		},
		Runs: []part.Run{{Name: "connection.watch", Run: s.keepWatching}},
	}
}

// identifier is a typed id that reads itself.
type identifier[T any] interface {
	*T
	UnmarshalText([]byte) error
}

func finder[ID any, P identifier[ID], T any](get func(context.Context, ID) (*T, error)) part.Finder {
	return func(ctx context.Context, a ident.Any) (any, error) {
		var id ID
		if err := P(&id).UnmarshalText([]byte(a)); err != nil {
			return nil, err
		}
		found, err := get(ctx, id)
		if err != nil {
			return nil, err
		}
		return found, nil
	}
}

// eventNode finds an event in the organization that the caller works in.
func (s *Service) eventNode(ctx context.Context, id ident.EventID) (*ConnectionEvent, error) {
	return s.GetEvent(ctx, authz.From(ctx).OrgID, id)
}

// reroute writes the projection again for the connections of an application whose upstream or name may have changed.
func (s *Service) reroute(ctx context.Context, tx *db.Tx, r event.Row) error {
	id, err := ident.Parse[ident.ApplicationID](r.Subject)
	if err != nil {
		return nil // an event of something else under the same name is nothing to this reader
	}
	return s.Door.JoinTx(ctx, tx, "routes", r.OrgID, func(ctx context.Context, e *door.Effect) error {
		e.Quiet()
		ids, err := s.q.OpenConnectionsOf(ctx, e.Tx, connectionq.OpenConnectionsOfParams{OrgID: e.Scope.OrgUUID(), ApplicationID: id.UUID()})
		if err != nil {
			return fmt.Errorf("list the open connections of %s: %w", id, err)
		}
		cons, err := s.lockAll(ctx, e, ids)
		if err != nil {
			return err
		}
		for _, c := range cons {
			app, err := s.around(ctx, e.Tx, c)
			if err != nil {
				return err
			}
			if err := s.putEntry(ctx, e, c, app); err != nil {
				return err
			}
		}
		return nil
	})
}

// lockAll locks connections in the order of their ids, before anything of the projection is: the other way round would be a deadlock with a check.
func (s *Service) lockAll(ctx context.Context, e *door.Effect, ids []uuid.UUID) ([]*Connection, error) {
	out := make([]*Connection, len(ids))
	for n, id := range ids {
		var err error
		if out[n], err = s.lock(ctx, e.Tx, e.Scope.Org(), ident.From[ident.ConnectionID](id)); err != nil {
			return nil, err
		}
	}
	return out, nil
}
