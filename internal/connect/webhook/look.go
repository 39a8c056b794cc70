package webhook

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

// look is what somebody looks for in the log of an endpoint. A log has millions of rows, so each look goes by the index that begins with its narrowest filter.
type look struct {
	endpoint, org uuid.UUID
	stream, topic string   // "": any
	states        []string // empty: any
	since, until  time.Time
	before, floor uuid.UUID // ids between which the rows lie
}

func (s *Service) look(id ident.WebhookID, scope authz.Scope, f DeliveryFilter) (*look, error) {
	l := &look{endpoint: id.UUID(), org: scope.OrgUUID(), states: make([]string, len(f.State)), until: never, before: uuid.Max}
	for n, state := range f.State {
		l.states[n] = string(state)
	}
	slices.Sort(l.states)
	l.states = slices.Compact(l.states)
	if f.Topic != nil {
		l.topic = send.Readable(*f.Topic, 100)
	}
	if f.ConnectionID != nil {
		l.stream = f.ConnectionID.String()
	}
	if f.Window != nil {
		if !f.Window.From.Before(f.Window.To) {
			return nil, fault.Invalid("window", "window", "A window begins before it ends.")
		}
		l.since, l.until = f.Window.From, f.Window.To
		l.floor, l.before = floor(l.since), floor(l.until.Add(time.Millisecond))
	}
	return l, nil
}

func (l *look) list(ctx context.Context, q *webhookq.Queries, on webhookq.DBTX, most int32) (out []*deliveryRow, err error) {
	p := webhookq.ListDeliveriesOfStreamParams{EndpointID: l.endpoint, OrgID: l.org, Before: l.before, Floor: l.floor, Since: l.since, Until: l.until, Stream: l.stream, Topic: l.topic, States: l.states, Most: most}
	switch {
	case l.stream != "":
		rows, err := q.ListDeliveriesOfStream(ctx, on, p)
		return convert(rows, func(r *webhookq.ListDeliveriesOfStreamRow) *deliveryRow { return (*deliveryRow)(r) }), err
	case l.byState():
		for _, state := range l.states {
			rows, err := q.ListDeliveriesInState(ctx, on, webhookq.ListDeliveriesInStateParams{EndpointID: p.EndpointID, OrgID: p.OrgID, Before: p.Before, Floor: p.Floor, Since: p.Since, Until: p.Until,
				State: state, Topic: p.Topic, Most: most})
			if err != nil {
				return nil, err
			}
			out = append(out, convert(rows, func(r *webhookq.ListDeliveriesInStateRow) *deliveryRow { return (*deliveryRow)(r) })...)
		}
		slices.SortFunc(out, func(a, b *deliveryRow) int { return slices.Compare(b.ID[:], a.ID[:]) })
		return out[:min(len(out), int(most))], nil
	case l.topic != "":
		rows, err := q.ListDeliveriesOfTopic(ctx, on, webhookq.ListDeliveriesOfTopicParams{EndpointID: p.EndpointID, OrgID: p.OrgID, Before: p.Before, Floor: p.Floor, Since: p.Since, Until: p.Until,
			Topic: p.Topic, States: p.States, Most: most})
		return convert(rows, func(r *webhookq.ListDeliveriesOfTopicRow) *deliveryRow { return (*deliveryRow)(r) }), err
	}
	rows, err := q.ListDeliveries(ctx, on, webhookq.ListDeliveriesParams{EndpointID: p.EndpointID, OrgID: p.OrgID, Before: p.Before, Floor: p.Floor, Since: p.Since, Until: p.Until, Most: most})
	return convert(rows, func(r *webhookq.ListDeliveriesRow) *deliveryRow { return (*deliveryRow)(r) }), err
}

// byState says that the states are the narrower filter: nearly everything has succeeded.
func (l *look) byState() bool {
	return len(l.states) > 0 && (l.topic == "" || !slices.Contains(l.states, string(Succeeded)))
}

func convert[T any](rows []*T, to func(*T) *deliveryRow) []*deliveryRow {
	out := make([]*deliveryRow, len(rows))
	for n, r := range rows {
		out[n] = to(r)
	}
	return out
}

// count counts up to most.
func (l *look) count(ctx context.Context, q *webhookq.Queries, on webhookq.DBTX, most int32) (total int64, err error) {
	switch {
	case l.stream != "":
		return q.CountDeliveriesOfStream(ctx, on, webhookq.CountDeliveriesOfStreamParams{EndpointID: l.endpoint, OrgID: l.org, Before: l.before, Floor: l.floor, Since: l.since, Until: l.until,
			Stream: l.stream, Topic: l.topic, States: l.states, Most: most})
	case l.byState():
		for _, state := range l.states {
			n, err := q.CountDeliveriesInState(ctx, on, webhookq.CountDeliveriesInStateParams{EndpointID: l.endpoint, OrgID: l.org, Before: l.before, Floor: l.floor, Since: l.since, Until: l.until,
				State: state, Topic: l.topic, Most: most})
			if total += n; err != nil || total >= int64(most) {
				return total, err
			}
		}
		return total, nil
	case l.topic != "":
		return q.CountDeliveriesOfTopic(ctx, on, webhookq.CountDeliveriesOfTopicParams{EndpointID: l.endpoint, OrgID: l.org, Before: l.before, Floor: l.floor, Since: l.since, Until: l.until,
			Topic: l.topic, States: l.states, Most: most})
	}
	return q.CountDeliveries(ctx, on, webhookq.CountDeliveriesParams{EndpointID: l.endpoint, OrgID: l.org, Before: l.before, Floor: l.floor, Since: l.since, Until: l.until, Most: most})
}
