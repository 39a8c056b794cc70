package webhook

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/webhookq"
)

const (
	places    = 4               // requests to one endpoint at the same time (WH-6); one, as long as it fails
	ahead     = 64              // deliveries read at once
	unwritten = 16              // at most so many are sent and not written: what a process that is killed leaves to be sent twice
	stay      = 5 * time.Second // then the lane is given back, so that others have a turn
	glance    = time.Second     // how often it is looked for news that no poke told of
	goodbye   = 3 * time.Second // what is on its way when the process stops has so long
)

// lane is an endpoint in the hands of this process. One goroutine owns it; its places are served by others, which tell it what was answered, and the attempts
// come back once they are written.
type lane struct {
	turn
	s *Service
	c work.Claim

	to     *send.Target
	sealed [2][]byte
	url    string

	queue   []*webhookq.OutgoingRow
	away    map[uuid.UUID]struct{} // sent, and not written yet
	busy    int                    // places taken
	servers int                    // places that have somebody to serve them
	more    bool                   // something may be due that was not read
	shut    bool                   // nothing more is to be sent in this turn
	fails   bool                   // the last answer was a failure
	known   bool                   // fails is known

	out     chan parcel
	answers chan answer
	written chan written
}

// parcel is a delivery on its way to a place.
type parcel struct {
	d  *webhookq.OutgoingRow
	to *send.Target
}

// answer is what came of a request, or why none was made.
type answer struct {
	d   *webhookq.OutgoingRow
	a   *send.Attempt
	err error
}

// written are attempts of one lane that were written together, or not.
type written struct {
	all []*outcome
	err error
}

func laneSubject(endpoint string) string { return "webhook_lane:" + endpoint }

// serve sends what is due at one endpoint until nothing is or the turn is over, and gives the lane back.
func (s *Service) serve(ctx context.Context, c work.Claim) error {
	s.once.Do(s.prepare)
	t := c.Data.(turn)
	l := &lane{turn: t, s: s, c: c, away: map[uuid.UUID]struct{}{}, more: true, out: make(chan parcel, places), answers: make(chan answer, places), written: make(chan written, unwritten)}
	defer close(l.out)
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
		for !l.shut && len(l.queue) > 0 && l.busy < l.places() && len(l.away) < unwritten && !l.s.away.Load() {
			if l.shut = !l.c.Held(); !l.shut {
				l.start(sending)
			}
		}
		if len(l.away) == 0 && (l.shut || len(l.queue) == 0 && !l.more) {
			return failed
		}
		select {
		case one := <-l.answers:
			failed = l.answered(sending, one, failed)
		case set := <-l.written:
			failed = l.wrote(set, failed)
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
	if err := l.aim(ctx, to, now); err != nil {
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

// aim reads where to send and opens the secrets, if they are not those of before.
func (l *lane) aim(ctx context.Context, to *webhookq.DestinationRow, now time.Time) error {
	if !l.known {
		l.known, l.fails = true, to.FailingSince != nil
	}
	sealed := [2][]byte{to.SealedSecret}
	if to.PreviousSecretUntil != nil && to.PreviousSecretUntil.After(now) {
		sealed[1] = to.PreviousSealedSecret
	}
	if l.to != nil && l.url == to.Url && bytes.Equal(sealed[0], l.sealed[0]) && bytes.Equal(sealed[1], l.sealed[1]) {
		return nil
	}
	var secrets []secret.String
	for _, box := range sealed {
		if box == nil {
			continue
		}
		hidden, err := l.s.Vault.Open(ctx, l.s.DB, l.org, secretColumn, l.id().String(), box)
		if err != nil {
			return fmt.Errorf("open the secret of %s: %w", l.id(), err)
		}
		secrets = append(secrets, secret.New(string(hidden)))
	}
	target, err := send.NewTarget(to.Url, secrets...)
	if err != nil {
		return fmt.Errorf("send to %s: %w", l.id(), err)
	}
	l.to, l.url, l.sealed = target, to.Url, sealed
	return nil
}

// start sends the first of the queue. Whoever serves a place stays for the turn, so that its stack grows once.
func (l *lane) start(ctx context.Context) {
	d := l.queue[0]
	l.queue = l.queue[1:]
	l.away[d.ID] = struct{}{}
	if l.busy++; l.busy > l.servers {
		l.servers++
		go func() { // until out is closed; work waits for every answer
			for p := range l.out {
				l.answers <- l.s.deliver(ctx, p)
			}
		}()
	}
	l.out <- parcel{d, l.to}
}

// answered frees a place and hands the attempt over to be written. After a failure the lane is careful at once, and after an answer that speaks of the
// endpoint itself it waits for what is written.
func (l *lane) answered(ctx context.Context, one answer, failed error) error {
	l.busy--
	if one.err != nil {
		delete(l.away, one.d.ID)
		l.shut = true
		if failed == nil && one.err != work.ErrLost {
			failed = one.err
		}
		return failed
	}
	l.fails = one.a.Status < 200 || one.a.Status > 299
	l.shut = l.shut || send.SpeaksOfEndpoint(one.a.Status)
	l.s.outcomes.Put(ctx, &outcome{turn: l.turn, lane: l, d: one.d, a: one.a})
	return failed
}

// wrote takes into account what became of attempts.
func (l *lane) wrote(set written, failed error) error {
	for _, o := range set.all {
		delete(l.away, o.d.ID)
		l.more = l.more || o.woke
		l.shut = l.shut || set.err != nil || o.lost || o.v.Throttle != nil || o.disable != ""
	}
	return cmp.Or(failed, set.err)
}
