package webhook

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	places    = 4               // requests to one endpoint at the same time (WH-6); one, as long as it fails
	ahead     = 64              // deliveries read at once
	unwritten = 2 * ahead       // at most so many wait to be written
	stay      = 5 * time.Second // then the lane is given back, so that others have a turn
	glance    = time.Second     // how often it is looked for news that no poke told of
	goodbye   = 3 * time.Second // what is on its way when the process stops has so long
)

// lane is an endpoint in the hands of this process. One goroutine owns it; the requests run beside it and tell it by steps.
type lane struct {
	turn
	s *Service
	c work.Claim

	to      *webhookq.DestinationRow
	sealed  [2][]byte
	secrets []secret.String // the second one signs along until previous_secret_until

	queue []*webhookq.OutgoingRow
	away  map[uuid.UUID]struct{} // sent, and not written yet
	busy  int                    // places taken
	more  bool                   // something may be due that was not read
	shut  bool                   // nothing more is to be sent in this turn
	fails bool                   // the last answer was a failure
	steps chan step
}

// step is what a request tells its lane: that its place is free, or that it is over.
type step struct {
	id   uuid.UUID
	o    *outcome
	over bool
	err  error
}

func laneSubject(endpoint string) string { return "webhook_lane:" + endpoint }

// serve sends what is due at one endpoint until nothing is or the turn is over, and gives the lane back.
func (s *Service) serve(ctx context.Context, c work.Claim) error {
	s.once.Do(s.prepare)
	t := c.Data.(turn)
	l := &lane{turn: t, s: s, c: c, away: map[uuid.UUID]struct{}{}, more: true, steps: make(chan step, 2*unwritten)}
	news := s.Hub.Subscribe(laneSubject(t.id().String()))
	defer news.Close()
	if err := l.work(ctx, news.C()); err != nil {
		return err // the lease runs out, and somebody tries again
	}
	return s.leaving.Add(ctx, t)
}

func (l *lane) work(ctx context.Context, news <-chan struct{}) (failed error) {
	sending, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	end, look := time.NewTimer(stay), time.NewTicker(glance)
	defer end.Stop()
	defer look.Stop()
	stopping := ctx.Done()
	var late <-chan time.Time
	for {
		if !l.shut && l.more && len(l.queue) == 0 {
			if err := l.read(ctx); err != nil {
				failed, l.shut = err, true
			}
		}
		for !l.shut && len(l.queue) > 0 && l.busy < l.places() && len(l.away) < unwritten {
			if l.shut = !l.c.Held(); !l.shut {
				l.start(sending)
			}
		}
		if len(l.away) == 0 && (l.shut || len(l.queue) == 0 && !l.more) {
			return failed
		}
		select {
		case st := <-l.steps:
			failed = l.took(st, failed)
			for len(l.steps) > 0 {
				failed = l.took(<-l.steps, failed)
			}
		case <-news:
			l.more = true
		case <-look.C:
			l.more = true
		case <-end.C:
			l.shut = true
		case <-stopping:
			l.shut, stopping = true, nil
			if context.Cause(ctx) == work.ErrLost {
				stop(work.ErrLost)
			}
			grace := time.NewTimer(goodbye)
			defer grace.Stop()
			late = grace.C
		case <-late:
			stop(context.Cause(ctx))
		}
	}
}

func (l *lane) places() int {
	if l.fails {
		return 1
	}
	return places
}

// read reads where to send and what is due.
func (l *lane) read(ctx context.Context) error {
	now := l.s.DB.Now()
	to, err := l.s.q.Destination(ctx, l.s.DB, webhookq.DestinationParams{ID: l.endpoint, OrgID: l.org.UUID(), Now: now})
	if db.NotFound(err) { // disabled, deleted or throttled
		l.shut = true
		return nil
	} else if err != nil {
		return fmt.Errorf("read the endpoint %s: %w", l.id(), err)
	}
	if err := l.open(ctx, to, now); err != nil {
		return err
	}
	away := make([]uuid.UUID, 0, len(l.away))
	for id := range l.away {
		away = append(away, id)
	}
	l.queue, err = l.s.q.Outgoing(ctx, l.s.DB, webhookq.OutgoingParams{EndpointID: l.endpoint, OrgID: l.org.UUID(), Now: now, Held: away, Most: ahead})
	if err != nil {
		return fmt.Errorf("read what is due at %s: %w", l.id(), err)
	}
	l.more = len(l.queue) == ahead
	return nil
}

// open opens the secrets, if they are not those of before.
func (l *lane) open(ctx context.Context, to *webhookq.DestinationRow, now time.Time) error {
	if l.to == nil {
		l.fails = to.FailingSince != nil
	}
	l.to = to
	sealed := [2][]byte{to.SealedSecret}
	if to.PreviousSecretUntil != nil && to.PreviousSecretUntil.After(now) {
		sealed[1] = to.PreviousSealedSecret
	}
	if l.secrets != nil && bytes.Equal(sealed[0], l.sealed[0]) && bytes.Equal(sealed[1], l.sealed[1]) {
		return nil
	}
	l.secrets = nil
	for _, box := range sealed {
		if box == nil {
			continue
		}
		hidden, err := l.s.Vault.Open(ctx, l.s.DB, l.org, secretColumn, l.id().String(), box)
		if err != nil {
			return fmt.Errorf("open the secret of %s: %w", l.id(), err)
		}
		l.secrets = append(l.secrets, secret.New(string(hidden)))
	}
	l.sealed = sealed
	return nil
}

// start sends the first of the queue in a place of its own.
func (l *lane) start(ctx context.Context) {
	d := l.queue[0]
	l.queue = l.queue[1:]
	l.away[d.ID] = struct{}{}
	l.busy++
	to := *l
	go func() { // work waits for its last step
		free := false
		answered := func() { free = true; l.steps <- step{id: d.ID} }
		o, err := to.deliver(ctx, d, answered)
		if !free {
			answered()
		}
		l.steps <- step{id: d.ID, o: o, over: true, err: err}
	}()
}

// took takes a step of a request into account.
func (l *lane) took(st step, failed error) error {
	if !st.over {
		l.busy--
		return failed
	}
	delete(l.away, st.id)
	switch {
	case st.err != nil:
		l.shut = true
		if failed == nil && st.err != work.ErrLost {
			failed = st.err
		}
	case st.o.lost:
		l.shut = true
	default:
		l.more = l.more || st.o.woke
		l.fails = !st.o.v.Delivered
		l.shut = l.shut || st.o.v.Throttle != nil || st.o.disable != ""
	}
	return failed
}
