package edge

import (
	"context"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

const (
	lookEvery = 500 * time.Millisecond
	beatEvery = time.Second
	readTime  = 5 * time.Second // one read of the projection
	loadTime  = time.Minute     // all of it
)

// firstLoad reads the whole projection, however long the database stays away; or begins with what the disk remembers of it.
func (e *Edge) firstLoad(ctx context.Context) error {
	patience := loadTime
	if e.Disk != nil {
		patience = firstTime
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := e.load(ctx, patience)
		if err == nil {
			e.acknowledge(ctx)
			return nil
		}
		if ctx.Err() == nil && e.recall() {
			return nil
		}
		e.Log.Warn("the edge waits for the projection", "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (e *Edge) load(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := e.Projection.Load(ctx)
	if err != nil {
		return err
	}
	e.take(s, true)
	return nil
}

// follow keeps up with the projection: after each poke, and whenever its generation, read twice a second, is ahead.
func (e *Edge) follow(ctx context.Context) {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	away := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.Poked:
		case <-t.C:
		}
		before, recalled := e.table.at(), e.recalled.Load()
		err := e.catchUp(ctx)
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != away {
			away = err != nil
			e.Log.Warn("the projection", "away", away, "generation", before, "err", err)
		}
		if err == nil && (recalled || e.table.at() != before) {
			e.acknowledge(ctx) // at once: orders wait for it
		}
	}
}

func (e *Edge) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	generation, err := e.Projection.Generation(ctx)
	if err != nil {
		return err
	}
	switch mine := e.table.at(); {
	case generation < mine, e.recalled.Load(): // a restored database: what we know is not its future; or we were away for longer than it remembers what ended
		return e.load(context.WithoutCancel(ctx), loadTime)
	case generation > mine:
		s, err := e.Projection.Delta(ctx, mine)
		if err != nil {
			return err
		}
		e.take(s, false)
	}
	return nil
}

// take puts what the database said into force, and remembers it.
func (e *Edge) take(s edgeentry.Snapshot, all bool) {
	e.put(s, all)
	e.recalled.Store(false)
	if e.Disk != nil {
		e.memory.note(s, all)
	}
}

// put puts a snapshot into force everywhere in this node.
func (e *Edge) put(s edgeentry.Snapshot, all bool) {
	if e.DNS != nil {
		e.DNS.Apply(s, all)
	}
	e.signers.apply(s.Secrets, all)
	fresh := e.table.apply(s, all)
	e.certs.withhold(s.Entries)
	if len(fresh) > 0 {
		go e.certs.warm(fresh) // ends by itself within its own time limit
	}
}

// every calls do each d until ctx ends.
func every(ctx context.Context, d time.Duration, do func(context.Context)) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			do(ctx)
		}
	}
}

// acknowledge says how far this node is.
func (e *Edge) acknowledge(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	n := edgeentry.Node{ID: e.id, Name: e.Name, Version: e.Version, ServesDNS: e.DNS != nil, Addresses: e.Addresses, StartedAt: e.started, Acked: e.table.at()}
	if err := e.Projection.Heartbeat(ctx, n); err != nil && ctx.Err() == nil {
		e.Log.Debug("heartbeat", "err", err)
	}
}
