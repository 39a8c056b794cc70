package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// UpdateWebhookEndpointInput changes what is not nil, if nobody changed the endpoint since version.
type UpdateWebhookEndpointInput struct {
	ID               ident.WebhookID
	Version          int32
	URL              *string
	Topics           []string
	Filter           json.RawMessage
	Description      *string
	Status           *WebhookEndpointStatus
	Ordered          *bool
	ReplayMissed     bool // with Status ENABLED: what was missed since it stopped is sent, at most 10,000, the oldest first
	ClientMutationID *string
}

// Update changes an endpoint. Disabling it skips what waits. Enabling it forgets why it was disabled; what was missed is sent if the caller asks for it.
func (s *Service) Update(ctx context.Context, in UpdateWebhookEndpointInput) (*WebhookEndpointResult, error) {
	_, before, err := s.reach(ctx, mayWrite, in.ID)
	if err != nil {
		return nil, err
	}
	var reachable error
	if in.URL != nil && *in.URL != before.URL {
		reachable = s.checkURL(ctx, *in.URL)
	}
	return door.Do(ctx, s.Door, door.Change[UpdateWebhookEndpointInput, *WebhookEndpointResult]{
		Action: door.Action{Name: "webhook_endpoint.update", Permission: mayWrite},
		Org: func(ctx context.Context, in UpdateWebhookEndpointInput) (ident.OrgID, error) {
			return s.OrgOf(ctx, in.ID)
		},
		Key: func(in UpdateWebhookEndpointInput) *string { return in.ClientMutationID },
		Validate: func(ctx context.Context, e *door.Effect, in *UpdateWebhookEndpointInput) error {
			return s.validateUpdate(ctx, e, in, reachable)
		},
		Do: s.update,
	}, in)
}

func (s *Service) validateUpdate(ctx context.Context, e *door.Effect, in *UpdateWebhookEndpointInput, reachable error) error {
	faults := []error{reachable, checkDescription(&in.Description)}
	if in.Topics != nil {
		clean, wrong := message.Check(in.Topics)
		in.Topics, faults = clean, append(faults, wrong...)
	}
	if in.Filter != nil {
		filter, kept, err := message.CheckFilter(in.Filter)
		in.Filter, faults = kept, append(faults, err, s.checkApplication(ctx, e, filter.ApplicationID, "filter"))
	}
	if in.Status != nil && *in.Status != Enabled && *in.Status != Disabled {
		faults = append(faults, fault.Invalid("status", "status", "An endpoint can be ENABLED or DISABLED."))
	}
	return errors.Join(faults...)
}

func (s *Service) update(ctx context.Context, e *door.Effect, in UpdateWebhookEndpointInput) (*WebhookEndpointResult, error) {
	r, err := s.lock(ctx, e, in.ID)
	if err != nil {
		return nil, err
	}
	if r.Version != in.Version {
		return nil, e.Lost(in.ID.String(), r.Version)
	}
	since := r.DisabledAt
	fields, status := in.apply(r, e.Tx.Now)
	if len(fields) == 0 && status == "" {
		e.Quiet()
		return s.result(ctx, e, in.ID)
	}
	if err := s.save(ctx, e, r); err != nil {
		return nil, err
	}
	record := func(action string, p changed) {
		p.V, p.Host = 1, hostOf(r.Url)
		e.Record(event.Change{OrgID: e.Scope.Org(), Action: action, Subject: in.ID.String(), Version: r.Version + 1, Payload: p, Audited: true})
	}
	if len(fields) > 0 {
		record("webhook_endpoint.updated", changed{Fields: fields, Topics: in.Topics})
	}
	var replay *WebhookReplay
	switch status {
	case Disabled:
		record(message.DisabledEvent, changed{Status: status, Reason: ByHand})
		err = s.skip(ctx, e, in.ID)
	case Enabled:
		record("webhook_endpoint.enabled", changed{Status: status})
		replay, err = s.enable(ctx, e, r, since, in.ReplayMissed)
	}
	if err != nil {
		return nil, err
	}
	if slices.Contains(fields, "ordered") && !r.Ordered {
		n, err := s.q.FreeWaiting(ctx, e.Tx, webhookq.FreeWaitingParams{EndpointID: r.ID, OrgID: e.Scope.OrgUUID(), Now: e.Tx.Now})
		if err != nil {
			return nil, fmt.Errorf("free what waits at %s: %w", in.ID, err)
		}
		if n > 0 {
			err = s.due(ctx, e.Tx, r.ID)
		}
		if err != nil {
			return nil, err
		}
	}
	result, err := s.result(ctx, e, in.ID)
	if err != nil {
		return nil, err
	}
	result.Replay = replay
	return result, nil
}

// apply brings the changes into a row, and answers the fields that differ, and the status if that does.
func (in *UpdateWebhookEndpointInput) apply(r *webhookq.WebhookEndpoint, now time.Time) (fields []string, status WebhookEndpointStatus) {
	set := func(name string, differs bool, assign func()) {
		if differs {
			assign()
			fields = append(fields, name)
		}
	}
	set("url", in.URL != nil && *in.URL != r.Url, func() { r.Url = *in.URL })
	set("description", in.Description != nil && *in.Description != r.Description, func() { r.Description = *in.Description })
	set("topics", in.Topics != nil && !slices.Equal(in.Topics, r.Topics), func() { r.Topics = in.Topics })
	set("filter", in.Filter != nil && !same(in.Filter, r.Filter), func() { r.Filter = in.Filter })
	set("ordered", in.Ordered != nil && *in.Ordered != r.Ordered, func() { r.Ordered = *in.Ordered })
	if in.Status != nil && string(*in.Status) != r.Status {
		status, r.Status, r.DisabledReason = *in.Status, string(*in.Status), nil
		if status == Disabled {
			r.DisabledReason, r.DisabledAt = new(ByHand), &now
		} else {
			r.DisabledAt = nil
		}
	}
	return fields, status
}

// same compares filters, whatever jsonb did to the order of the members.
func same(a, b json.RawMessage) bool {
	f, errA := message.ParseFilter(a)
	g, errB := message.ParseFilter(b)
	x, _ := json.Marshal(f)
	y, _ := json.Marshal(g)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// Delete ends an endpoint: what waits is skipped, its secret is wiped, its log goes with it.
func (s *Service) Delete(ctx context.Context, id ident.WebhookID) error {
	_, err := door.Do(ctx, s.Door, door.Change[ident.WebhookID, bool]{
		Action: door.Action{Name: "webhook_endpoint.delete", Permission: mayWrite},
		Org:    s.OrgOf,
		Do: func(ctx context.Context, e *door.Effect, id ident.WebhookID) (bool, error) {
			r, err := s.lock(ctx, e, id)
			if err != nil {
				return false, err
			}
			if err := s.q.DeleteEndpoint(ctx, e.Tx, webhookq.DeleteEndpointParams{ID: r.ID, OrgID: e.Scope.OrgUUID(), Now: e.Tx.Now}); err != nil {
				return false, fmt.Errorf("delete the endpoint %s: %w", id, err)
			}
			e.Record(event.Change{OrgID: e.Scope.Org(), Action: "webhook_endpoint.deleted", Subject: id.String(), Version: r.Version + 1, Payload: changed{V: 1, Host: hostOf(r.Url)}, Audited: true})
			return true, s.skip(ctx, e, id)
		},
	}, id)
	return err
}

// save writes what can change of a locked endpoint.
func (s *Service) save(ctx context.Context, e *door.Effect, r *webhookq.WebhookEndpoint) error {
	if err := s.q.SaveEndpoint(ctx, e.Tx, webhookq.SaveEndpointParams{ID: r.ID, OrgID: *r.OrgID, Url: r.Url, Description: r.Description, Topics: r.Topics, Filter: r.Filter,
		Ordered: r.Ordered, Status: r.Status, DisabledReason: r.DisabledReason, DisabledAt: r.DisabledAt}); err != nil {
		return fmt.Errorf("save an endpoint: %w", err)
	}
	return nil
}

// due says that something can be sent to an endpoint, and wakes whoever sends it after the commit.
func (s *Service) due(ctx context.Context, tx *db.Tx, endpoint uuid.UUID) error {
	if err := s.q.LanesDue(ctx, tx, webhookq.LanesDueParams{Endpoints: []uuid.UUID{endpoint}, Now: tx.Now}); err != nil {
		return fmt.Errorf("make an endpoint due: %w", err)
	}
	s.tell(tx, endpoint)
	return nil
}

// lock holds an endpoint that the caller reaches until the end of the transaction.
func (s *Service) lock(ctx context.Context, e *door.Effect, id ident.WebhookID) (*webhookq.WebhookEndpoint, error) {
	r, err := s.q.LockEndpoint(ctx, e.Tx, webhookq.LockEndpointParams{ID: id.UUID(), OrgID: e.Scope.OrgUUID()})
	if db.NotFound(err) || err == nil && !covers(e.Scope, r.ApplicationID) {
		return nil, fault.NotFound("webhook endpoint")
	} else if err != nil {
		return nil, fmt.Errorf("lock the endpoint %s: %w", id, err)
	}
	return r, nil
}

// skip ends what is on its way to a locked endpoint that wants nothing any more.
func (s *Service) skip(ctx context.Context, e *door.Effect, id ident.WebhookID) error {
	_, err := s.q.SkipUnfinished(ctx, e.Tx, webhookq.SkipUnfinishedParams{EndpointID: id.UUID(), OrgID: e.Scope.OrgUUID(), Now: e.Tx.Now})
	if err != nil {
		return fmt.Errorf("skip what waits at %s: %w", id, err)
	}
	return nil
}

func (s *Service) result(ctx context.Context, e *door.Effect, id ident.WebhookID) (*WebhookEndpointResult, error) {
	endpoint, err := s.byID(ctx, e.Tx, e.Scope, id)
	return &WebhookEndpointResult{Endpoint: endpoint}, err
}
