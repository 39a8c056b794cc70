package connection

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// ConnectionPayload answers a change.
type ConnectionPayload struct{ Connection *Connection }

// verb runs a change of one connection, locked, and answers it as it stands afterwards.
func (s *Service) verb(ctx context.Context, name string, id ident.ConnectionID, do func(context.Context, *door.Effect, *Connection) error) (*ConnectionPayload, error) {
	permission := door.Action{Name: name, Permission: "connection.check"}
	c, err := door.Do(ctx, s.Door, door.Change[ident.ConnectionID, *Connection]{
		Action: permission, Org: orgOf(s, permission.Permission, same[ident.ConnectionID]),
		Do: func(ctx context.Context, e *door.Effect, id ident.ConnectionID) (*Connection, error) {
			c, err := s.lock(ctx, e.Tx, e.Scope.Org(), id)
			if err != nil {
				return nil, err
			}
			return c, do(ctx, e, c)
		},
	}, id)
	if err != nil {
		return nil, err
	}
	return &ConnectionPayload{Connection: c}, nil
}

// Check looks at the name now. A check that runs already serves, and whoever looks knows its answer by the connection's next version. Making a check
// due is no change and writes no event. Whoever asks within five seconds of another is answered the connection as it stands.
func (s *Service) Check(ctx context.Context, id ident.ConnectionID) (*ConnectionPayload, error) {
	if c, err := s.attach(ctx, id); err != nil {
		return nil, err
	} else if c != nil {
		return &ConnectionPayload{Connection: c}, nil
	}
	return s.verb(ctx, "connection.check", id, func(ctx context.Context, e *door.Effect, c *Connection) error {
		if err := c.checkable(); err != nil {
			return err
		}
		if c.left() {
			return s.resumeTx(ctx, e, c)
		}
		e.Quiet()
		return s.makeDue(ctx, e, c, e.Tx.Now, analysis.TriggerManual)
	})
}

// checkable says in which states somebody may ask for a check; the fault names what is possible instead.
func (c *Connection) checkable() error {
	switch {
	case c.left(): // whoever comes back begins anew (T15)
	case slices.Contains([]State{Archived, Suspended, Blocked}, c.State):
		return noFit(c)
	case c.State == Failed:
		return noFit(c, "retryConnection")
	}
	return nil
}

// MarkRecordsAdded notes that the person says the records are in (T6). It is optional: we look anyway. Where nothing is missing it changes nothing.
func (s *Service) MarkRecordsAdded(ctx context.Context, id ident.ConnectionID) (*ConnectionPayload, error) {
	return s.verb(ctx, "connection.mark_records_added", id, func(ctx context.Context, e *door.Effect, c *Connection) error {
		if err := c.checkable(); err != nil {
			return err
		}
		if c.left() {
			return s.resumeTx(ctx, e, c)
		}
		before := *c
		if c.LiveAt == nil {
			if c.VerifyingSince == nil {
				c.VerifyingSince = &e.Tx.Now
			}
			c.attend(e.Tx.Now, s.rules())
		}
		if err := s.settleVerb(ctx, e, &before, c); err != nil {
			return err
		}
		return s.makeDue(ctx, e, c, e.Tx.Now, analysis.TriggerManual)
	})
}

// Retry starts the clock of a connection that gave up again (T17), and brings one back whose customer had left (T15). Anywhere else it is a check; two
// retries at once are one.
func (s *Service) Retry(ctx context.Context, id ident.ConnectionID) (*ConnectionPayload, error) {
	return s.verb(ctx, "connection.retry", id, func(ctx context.Context, e *door.Effect, c *Connection) error {
		if c.left() {
			return s.resumeTx(ctx, e, c)
		}
		if slices.Contains([]State{Archived, Suspended, Blocked}, c.State) {
			return noFit(c)
		}
		if c.State == Failed {
			before := *c
			rules := s.rules()
			c.FailedAt, c.AnalyzedAt, c.VerifyingSince, c.PassCount, c.LastPassAt = nil, nil, nil, 0, nil
			c.WindowEndsAt = new(e.Tx.Now.Add(rules.Window))
			c.attend(e.Tx.Now, rules)
			if err := s.settleVerb(ctx, e, &before, c); err != nil {
				return err
			}
			if err := s.setDue(ctx, e.Tx, c, timerKind, *c.WindowEndsAt); err != nil {
				return err
			}
		}
		e.Quiet()
		return s.makeDue(ctx, e, c, e.Tx.Now, analysis.TriggerManual)
	})
}

// settleVerb saves what a verb moved; with a change of state it is news, without one nobody is told.
func (s *Service) settleVerb(ctx context.Context, e *door.Effect, before, c *Connection) error {
	_, event := c.Settle(e.Tx.Now, s.rules())
	if err := s.save(ctx, e.Tx, c, event != ""); err != nil {
		return err
	}
	if event == "" {
		e.Quiet()
		return nil
	}
	m := news(before, c)
	m.tell(event, c)
	e.Record(change(c, event, m))
	return nil
}

// Resolved is the payload of connection.conflict_resolved.
type Resolved struct {
	V          int               `json:"v"`
	ConflictID ident.ConflictID  `json:"conflictId"`
	Kind       string            `json:"kind"`
	Name       string            `json:"name"`
	Resolution record.Resolution `json:"resolution"`
}

type resolveInput struct {
	ID         ident.ConflictID
	Resolution record.Resolution
	con        ident.ConnectionID
}

// ResolveConflict notes what the person chose to do about a conflict; doing it is theirs, and the next check, which is due at once, sees it.
func (s *Service) ResolveConflict(ctx context.Context, id ident.ConflictID, choice record.Resolution) (*ConnectionPayload, error) {
	unknown := fault.NotFound("conflict")
	_, con, err := s.Records.OrgOfConflict(ctx, s.DB, id)
	if err != nil && !db.NotFound(err) {
		return nil, fmt.Errorf("read whose %s is: %w", id, err)
	}
	c, err := door.Do(ctx, s.Door, door.Change[resolveInput, *Connection]{
		Action: door.Action{Name: "connection.resolve_conflict", Permission: "connection.setup"},
		Org: func(ctx context.Context, in resolveInput) (ident.OrgID, error) {
			_, c, err := s.reach(ctx, "connection.setup", in.con)
			if fault.Is(err, fault.NotFoundCode) {
				return ident.OrgID{}, unknown
			} else if err != nil {
				return ident.OrgID{}, err
			}
			return c.OrgID, nil
		},
		Do: func(ctx context.Context, e *door.Effect, in resolveInput) (*Connection, error) {
			c, err := s.lock(ctx, e.Tx, e.Scope.Org(), in.con)
			if err != nil {
				return nil, err
			}
			conflict, err := s.Records.Conflict(ctx, e.Tx, e.Scope.Org(), in.ID)
			if err != nil || conflict == nil {
				return nil, cmpErr(err, unknown)
			}
			return c, s.resolve(ctx, e, c, conflict, in.Resolution)
		},
	}, resolveInput{id, choice, con})
	if err != nil {
		return nil, err
	}
	return &ConnectionPayload{Connection: c}, nil
}

func (s *Service) resolve(ctx context.Context, e *door.Effect, c *Connection, conflict *record.Conflict, choice record.Resolution) error {
	if !slices.Contains(conflict.Choices, choice) {
		return fault.Invalid("resolution", "resolution_not_offered", "Choose one of the ways that are offered for this conflict.").With("choices", conflict.Choices)
	}
	if c.State == Archived {
		return noFit(c)
	}
	if conflict.ResolvedAt != nil || conflict.Resolution != nil && *conflict.Resolution == choice {
		e.Quiet() // it is over, or was said before
		return nil
	}
	if _, err := s.Records.ResolveTx(ctx, e.Tx, c.OrgID, conflict.ID, choice); err != nil {
		return err
	}
	if err := s.save(ctx, e.Tx, c, true); err != nil {
		return err
	}
	e.Record(change(c, "connection.conflict_resolved", Resolved{1, conflict.ID, conflict.Kind, conflict.Name, choice}))
	if c.State == Failed {
		return nil
	}
	return s.makeDue(ctx, e, c, e.Tx.Now, analysis.TriggerManual)
}

// cmpErr is the first of two errors.
func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// UpdateConnectionInput changes what the developer keeps with a connection. A member that is missing stays; an explicit clearX empties.
type UpdateConnectionInput struct {
	ID               ident.ConnectionID
	Version          int32
	ExternalRef      *string
	EndUserEmail     *string
	Metadata         json.RawMessage
	Labels           []string
	Upstream         *application.UpstreamInput
	ClearUpstream    *bool
	GraceUntil       *time.Time
	Reason           *string
	Companion        *application.CompanionMode // NONE ends it
	ClientMutationID *string

	routed    *application.Upstream
	misrouted error
	start     StartConnectionInput // what a companion is started with
	names     []string             // of the pair
}

// Changed is the payload of connection.updated: which members, not what is in them.
type Changed struct {
	V      int      `json:"v"`
	Fields []string `json:"fields"`
	// With graceUntil: when the grace ends now, and why it was extended.
	GraceUntil *time.Time `json:"graceUntil,omitempty"`
	Reason     *string    `json:"reason,omitempty"`
}

// Update changes details under an optimistic version.
func (s *Service) Update(ctx context.Context, in UpdateConnectionInput) (*ConnectionPayload, error) {
	_, main, err := s.reach(ctx, "connection.write", in.ID)
	if err != nil {
		return nil, err
	}
	if in.Companion != nil {
		if err := s.surround(ctx, main, &in); err != nil {
			return nil, err
		}
	}
	if in.Upstream != nil { // asks the DNS, so not inside the transaction
		in.routed, in.misrouted = s.Applications.CheckUpstream(ctx, *in.Upstream)
	}
	c, err := door.Do(ctx, s.Door, door.Change[UpdateConnectionInput, *Connection]{
		Action: door.Action{Name: "connection.update", Permission: "connection.write"},
		Org:    orgOf(s, "connection.write", func(in UpdateConnectionInput) ident.ConnectionID { return in.ID }),
		Key:    func(in UpdateConnectionInput) *string { return in.ClientMutationID },
		Validate: func(ctx context.Context, e *door.Effect, in *UpdateConnectionInput) error {
			return errors.Join(checkMetadata(in.Metadata), checkLabels(in.Labels), checkText("externalRef", in.ExternalRef, 200), checkEmail(in.EndUserEmail), checkReason(in), in.misrouted)
		},
		Do: s.update,
	}, in)
	if err != nil {
		return nil, err
	}
	return &ConnectionPayload{Connection: c}, nil
}

func (s *Service) update(ctx context.Context, e *door.Effect, in UpdateConnectionInput) (*Connection, error) {
	if err := s.lockNames(ctx, e.Tx, in.start.ApplicationID, in.names...); err != nil {
		return nil, err
	}
	c, err := s.lock(ctx, e.Tx, e.Scope.Org(), in.ID)
	if err != nil {
		return nil, err
	}
	if c.Version != in.Version {
		return nil, e.Lost(in.ID.String(), c.Version)
	}
	if c.State == Archived {
		return nil, noFit(c)
	}
	if err := in.extend(c, e); err != nil {
		return nil, err
	}
	fields := in.apply(c)
	if moved, err := s.setCompanion(ctx, e, c, in); err != nil {
		return nil, err
	} else if moved {
		fields = append(fields, "companion")
	}
	if len(fields) == 0 {
		e.Quiet()
		return c, nil
	}
	p := connectionq.SaveDetailsParams{ID: c.ID.UUID(), OrgID: c.OrgID.UUID(), Version: c.Version, ExternalRef: c.ExternalRef, EndUserEmail: c.EndUserEmail,
		Metadata: object(c.Metadata), Labels: append([]string{}, c.Labels...), GraceUntil: c.GraceUntil, Now: e.Tx.Now}
	if c.Upstream != nil {
		if p.Upstream, err = json.Marshal(c.Upstream); err != nil {
			return nil, fmt.Errorf("write the upstream of %s: %w", c.ID, err)
		}
	}
	if _, err := s.q.SaveDetails(ctx, e.Tx, p); err != nil {
		return nil, fmt.Errorf("write the details of %s: %w", c.ID, err)
	}
	c.Version, c.UpdatedAt = c.Version+1, e.Tx.Now
	told := Changed{V: 1, Fields: fields}
	if slices.Contains(fields, "graceUntil") {
		told.GraceUntil, told.Reason = c.GraceUntil, in.Reason
	}
	e.Record(change(c, "connection.updated", told))
	app, err := s.around(ctx, e.Tx, c)
	if err != nil {
		return nil, err
	}
	return c, s.putEntry(ctx, e, c, app)
}

// apply answers the members that are different now.
func (in UpdateConnectionInput) apply(c *Connection) []string {
	var fields []string
	text := func(name string, to **string, v *string) {
		if v == nil || deref(*to) == *v {
			return
		}
		*to = some(*v)
		fields = append(fields, name)
	}
	text("externalRef", &c.ExternalRef, in.ExternalRef)
	text("endUserEmail", &c.EndUserEmail, in.EndUserEmail)
	if in.Metadata != nil && !bytes.Equal(object(in.Metadata), c.Metadata) {
		c.Metadata = object(in.Metadata)
		fields = append(fields, "metadata")
	}
	if in.GraceUntil != nil && !in.GraceUntil.Equal(*c.GraceUntil) {
		c.GraceUntil = in.GraceUntil
		fields = append(fields, "graceUntil")
	}
	if in.Labels != nil && !slices.Equal(in.Labels, c.Labels) {
		c.Labels = in.Labels
		fields = append(fields, "labels")
	}
	switch {
	case in.routed != nil:
		c.Upstream = in.routed
		fields = append(fields, "upstream")
	case in.ClearUpstream != nil && *in.ClearUpstream && c.Upstream != nil:
		c.Upstream = nil
		fields = append(fields, "upstream")
	}
	return fields
}
