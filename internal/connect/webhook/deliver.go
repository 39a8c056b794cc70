package webhook

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	queueName = "webhook"
	timeout   = 15 * time.Second // of one attempt (WH-4)

	lanesAtOnce = 512 // endpoints that one process serves at the same time
	sendsAtOnce = 512 // requests of one process on their way
	setOfWrites = 512 // attempts written in one statement
)

// queue is the work of the deliveries. What comes again is the endpoint: its due row is its lane, and who holds the lane's lease is the only one to send to
// the endpoint. So its places are counted in memory, the order of a stream needs no lock, and a delivery is written once for each attempt. The lane's epoch
// fences what a former holder still wants to write. See docs/decisions.
func (s *Service) queue() work.Queue {
	return work.Queue{
		Name: queueName, Batch: 64, Concurrency: lanesAtOnce, Timeout: time.Minute,
		Take: func(ctx context.Context, tx *db.Tx, owner string, until time.Time, n int32) ([]work.Claim, error) {
			rows, err := s.q.TakeLanes(ctx, tx, webhookq.TakeLanesParams{Owner: owner, Until: until, Now: tx.Now, Most: n})
			if err != nil {
				return nil, err
			}
			claims := make([]work.Claim, len(rows))
			for n, r := range rows {
				claims[n] = work.Claim{ID: r.EndpointID.String(), Epoch: r.Epoch, Data: turn{r.EndpointID, ident.From[ident.OrgID](r.OrgID), r.Epoch}}
			}
			return claims, nil
		},
		ExtendAll: func(ctx context.Context, on work.Executor, until time.Time, all []work.Claim) ([]string, error) {
			p := webhookq.ExtendLanesParams{Until: until}
			for _, c := range all {
				t := c.Data.(turn)
				p.Endpoints, p.Epochs = append(p.Endpoints, t.endpoint), append(p.Epochs, t.epoch)
			}
			ids, err := s.q.ExtendLanes(ctx, on, p)
			held := make([]string, len(ids))
			for n, id := range ids {
				held[n] = id.String()
			}
			return held, err
		},
		Next: func(ctx context.Context, on work.Executor) (time.Time, error) { return s.q.NextLane(ctx, on) },
		Run:  s.serve,
	}
}

// turn is a lane that this process holds.
type turn struct {
	endpoint uuid.UUID
	org      ident.OrgID
	epoch    int64
}

func (t turn) id() ident.WebhookID { return ident.From[ident.WebhookID](t.endpoint) }

func (s *Service) prepare() {
	limit := cmp.Or(s.Timeout, timeout)
	s.client = &send.Client{Outside: s.Outside, Timeout: limit, PerEndpoint: places}
	s.sends = make(chan struct{}, sendsAtOnce)
	s.outcomes = &work.Sets[*outcome]{Most: setOfWrites, Write: s.conclude, Wrote: report}
	s.leaving = &work.Sets[turn]{Most: setOfWrites, Write: s.leave}
}

// deliver makes one attempt. A process that is ended before it is written writes nothing: the lease runs out and somebody sends the message again, so it
// arrives at least once.
func (s *Service) deliver(ctx context.Context, p parcel) answer {
	s.sends <- struct{}{}
	defer func() { <-s.sends }()
	if ctx.Err() != nil {
		return answer{d: p.d, err: context.Cause(ctx)}
	}
	a := s.client.Send(ctx, send.Request{To: p.to, ID: message.ID(ident.From[ident.EventID](p.d.EventID), p.d.Topic), Body: p.d.Body, At: s.DB.Now()})
	if ctx.Err() != nil {
		return answer{d: p.d, err: context.Cause(ctx)}
	}
	s.count(p.d, a)
	return answer{d: p.d, a: a}
}

// report tells the lanes of what was written.
func report(all []*outcome, err error) {
	byLane := map[*lane][]*outcome{}
	for _, o := range all {
		byLane[o.lane] = append(byLane[o.lane], o)
	}
	for l, mine := range byLane {
		l.written <- written{mine, err} // there is room: a lane has no more sets under way than attempts that are not written
	}
}

// leave gives lanes back, each with the instant at which something is to be sent next. A lane that was lost meanwhile is somebody else's.
func (s *Service) leave(ctx context.Context, all []turn) error {
	return s.insist(ctx, func(ctx context.Context, tx *db.Tx) error {
		held, err := s.hold(ctx, tx, all)
		if err != nil || len(held) == 0 {
			return err
		}
		var p webhookq.LeaveLanesParams
		for id := range held {
			p.Endpoints = append(p.Endpoints, id)
		}
		return s.q.LeaveLanes(ctx, tx, p)
	})
}

// hold locks those of the lanes whose lease is still ours, until the end of the transaction.
func (s *Service) hold(ctx context.Context, tx *db.Tx, all []turn) (map[uuid.UUID]*webhookq.HeldLanesRow, error) {
	var p webhookq.HeldLanesParams
	seen := map[turn]bool{}
	for _, t := range all {
		if !seen[t] {
			seen[t] = true
			p.Endpoints, p.Epochs = append(p.Endpoints, t.endpoint), append(p.Epochs, t.epoch)
		}
	}
	rows, err := s.q.HeldLanes(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	held := make(map[uuid.UUID]*webhookq.HeldLanesRow, len(rows))
	for _, r := range rows {
		held[r.EndpointID] = r
	}
	return held, nil
}
