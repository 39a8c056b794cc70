package work

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// lease is what a process knows of a row that it holds.
type lease struct {
	mu    sync.Mutex
	since time.Time // when the last statement that got it or renewed it began, by this machine's clock
	lost  context.CancelCauseFunc
}

// Held says whether the lease can still be this process's. A process that was frozen finds out here, before it does something outside that cannot be fenced;
// what it writes is fenced by the epoch.
func (c Claim) Held() bool {
	if c.lease == nil {
		return true
	}
	c.lease.mu.Lock()
	defer c.lease.mu.Unlock()
	return time.Since(c.lease.since) < leaseTime
}

// leases are the rows of one queue that this process works on.
type leases struct {
	mu   sync.Mutex
	held map[*lease]Claim
}

func (h *leases) add(c Claim) { h.mu.Lock(); defer h.mu.Unlock(); h.held[c.lease] = c }
func (h *leases) end(c Claim) { h.mu.Lock(); defer h.mu.Unlock(); delete(h.held, c.lease) }

// old are the claims that were not taken or renewed just now.
func (h *leases) old() (old []Claim) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l, c := range h.held {
		l.mu.Lock()
		if time.Since(l.since) > renew/2 {
			old = append(old, c)
		}
		l.mu.Unlock()
	}
	return old
}

// keep renews the leases until stopped. What is lost ends the work on its row.
func (r *Runner) keep(ctx context.Context, q Queue, h *leases, stopped <-chan struct{}) {
	t := time.NewTicker(renew)
	defer t.Stop()
	for {
		select {
		case <-stopped:
			return
		case <-t.C:
		}
		if old := h.old(); len(old) > 0 {
			r.renew(ctx, q, old)
		}
	}
}

func (r *Runner) renew(ctx context.Context, q Queue, old []Claim) {
	ctx, cancel := context.WithTimeout(ctx, renew)
	defer cancel()
	began := time.Now()
	ours, err := q.extend(ctx, r.DB, r.DB.Now().Add(leaseTime), old)
	if err != nil {
		slog.WarnContext(ctx, "leases cannot be renewed", "queue", q.Name, "rows", len(old), "err", err)
	}
	for _, c := range old {
		switch {
		case err == nil && slices.Contains(ours, c.ID):
			c.lease.mu.Lock()
			c.lease.since = began
			c.lease.mu.Unlock()
		case err == nil || !c.Held():
			c.lease.lost(ErrLost)
		}
	}
}

// extend renews claims one by one where the queue cannot do it at once, and answers the ids of those that are still held.
func (q Queue) extend(ctx context.Context, on Executor, until time.Time, all []Claim) (held []string, err error) {
	if q.ExtendAll != nil {
		return q.ExtendAll(ctx, on, until, all)
	}
	for _, c := range all {
		ok, err := q.Extend(ctx, on, until, c)
		if err != nil {
			return nil, err
		}
		if ok {
			held = append(held, c.ID)
		}
	}
	return held, nil
}
