// Package feed serves subscriptions: it steps what they watch and gives each subscriber what is new, and knows nothing of sockets or streams.
package feed

import (
	"container/list"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

const (
	lookAround = 500 * time.Millisecond // how often groups are looked for that nobody told of anything for live.Again
	gather     = 50 * time.Millisecond  // who joins a state that was read less than this ago waits for the others who come within it
	breath     = 20 * time.Millisecond  // after which a subscriber that had enough is asked again
	stepTime   = 10 * time.Second       // a step, or the resolver that opens a feed, fails when it takes longer: it holds a worker
	maxWorkers = 256                    // they wait for the database most of the time, and states that are read at the same time share a statement: with 24 workers it cost a quarter more of CPU
)

// Feeds serves all subscriptions of a process. Those that ask for the same state with the same rights are one group: one read and one rendering for all of
// them, and the same bytes. A group is stepped by a few workers and only when somebody joined, a poke came or 15 s passed, so that a subscription that
// waits costs memory and no goroutine. Streams have a position of their own, and are groups of one.
//
// Lock order: hub, feeds. No subscriber is called under a lock.
type Feeds struct {
	Hub *live.Hub // tells that something has changed

	mu      sync.Mutex
	shared  map[sharing]*group // groups that others may join
	order   list.List          // all groups that are stepped, those first whose last step is longest ago
	queue   []*group
	workers int
	around  bool // the timer of lookAround runs
}

// Sink is one subscriber of a feed: an operation on a socket or an event stream. None of its methods blocks, and none calls back.
type Sink interface {
	// Next takes one response, {"data":…}. It is shared with others and never changed.
	Next(payload []byte)
	// Fail takes a JSON list of errors; it is the last message.
	Fail(errors []byte)
	// Complete says that nothing comes any more.
	Complete()
}

// sharing is what those have in common who get the same bytes.
type sharing struct{ sub, rights string }

// subscriber is one of those whom a feed is sent to.
type subscriber struct {
	sub    plan.Subscription
	caller *authz.Principal
	to     Sink
	left   atomic.Bool
	group  *group // guarded by feeds.mu; nil after its last message
	has    bool   // the stepper's, as sent: a version
	sent   int64
}

// Join adds a subscriber; leave ends it and may be called twice. ctx holds the caller of this subscriber, and may end before the subscription does. What is
// under way while leave is called may still come.
func (f *Feeds) Join(ctx context.Context, sub plan.Subscription, to Sink) (leave func()) {
	m := &subscriber{sub: sub, caller: new(authz.From(ctx)), to: to}
	key := keyOf(m)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.enter(m, key)
	return func() { f.leave(m) }
}

// enter puts a subscriber into the group of its kind, or into a new one; without a key into one of its own. The caller holds the lock.
func (f *Feeds) enter(m *subscriber, key sharing) {
	reads := rights(*m.caller)
	if g := f.shared[key]; g != nil && reflect.DeepEqual(g.reads, reads) { // the digest of rights is text, and text can be alike
		g.add(m)
		f.wakeAt(g, g.stepped.Add(gather))
		return
	}
	g := &group{feeds: f, key: key, reads: reads}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.as = authz.With(g.ctx, reads)
	g.add(m)
	if key != (sharing{}) && f.shared[key] == nil {
		if f.shared == nil {
			f.shared = map[sharing]*group{}
		}
		f.shared[key] = g
	}
	g.place = f.order.PushBack(g)
	f.wake(g)
	if !f.around {
		f.around = true
		time.AfterFunc(lookAround, f.lookAround)
	}
}

// leave takes a subscriber out. The last one ends the group.
func (f *Feeds) leave(m *subscriber) {
	f.mu.Lock()
	g := m.group
	if m.left.Swap(true) || g == nil {
		f.mu.Unlock()
		return
	}
	m.group = nil
	g.living--
	if g.living > 0 {
		if g.stage < stepping && len(g.members) > 2*g.living {
			g.tidy()
		}
		f.mu.Unlock()
		return
	}
	f.remove(g)
	busy := g.stage >= stepping
	f.mu.Unlock()
	g.cancel()
	if !busy { // else whoever is at it does
		g.close()
	}
}

// remove ends a group: nobody joins or steps it any more. The caller holds the lock.
func (f *Feeds) remove(g *group) {
	g.ended = true
	if f.shared[g.key] == g {
		delete(f.shared, g.key)
	}
	if g.place != nil {
		f.order.Remove(g.place)
		g.place = nil
	}
}

// wake has a group stepped as soon as it may be, and once more when it is being stepped. The caller holds the lock.
func (f *Feeds) wake(g *group) {
	g.poked = true
	f.wakeAt(g, time.Time{})
}

// wakeAt has a group stepped at an instant, and not while it rests. The caller holds the lock.
func (f *Feeds) wakeAt(g *group, at time.Time) {
	if g.rest.After(at) {
		at = g.rest
	}
	switch wait := time.Until(at); {
	case g.ended || g.stage == queued || g.stage == working:
	case g.stage == stepping:
		g.joined = true // or poked: settle looks again
	case wait <= 0:
		g.stage = queued
		f.queue = append(f.queue, g)
		if f.workers < maxWorkers {
			f.workers++
			go f.work()
		}
	case !g.waits:
		g.waits = true
		time.AfterFunc(wait, g.waited)
	}
}

// work steps groups as long as some wait.
func (f *Feeds) work() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) > 0 {
		g := f.queue[0]
		f.queue[0] = nil
		if f.queue = f.queue[1:]; g.ended {
			continue
		}
		g.stage, g.poked, g.joined, g.stepped = stepping, false, false, time.Now()
		f.order.MoveToBack(g.place)
		members := g.members
		f.mu.Unlock()
		v := g.step(members)
		f.mu.Lock()
		f.settle(g, v)
	}
	f.queue = nil
	f.workers--
}

// settle draws the consequences of a step. The caller holds the lock; it is given up while subscribers are told.
func (f *Feeds) settle(g *group, v verdict) {
	g.stage = still
	if g.ended || v.ends() {
		f.end(g, v)
		return
	}
	if v.alone != nil && !f.alone(g, v.alone) {
		f.end(g, verdict{})
		return
	}
	g.tidy()
	if g.rest = (time.Time{}); v.news && g.feed.Gap > 0 {
		g.rest = time.Now().Add(g.feed.Gap)
	}
	switch {
	case v.run:
		g.stage = working
		f.order.Remove(g.place)
		g.place = nil
		go g.run(v.alone)
	case v.full:
		f.wakeAt(g, time.Now().Add(breath))
	case v.more || g.poked:
		f.wake(g)
	case g.joined:
		f.wakeAt(g, g.stepped.Add(gather))
	}
}

// end tells those whom the step was for, if it was not the last one's leaving that ended the group. Who came meanwhile begins anew.
func (f *Feeds) end(g *group, v verdict) {
	if !g.ended {
		f.remove(g)
	}
	var told []*subscriber
	for _, m := range v.told {
		if m.group == g {
			m.group, told = nil, append(told, m)
		}
	}
	for _, m := range g.members {
		if m.group == g {
			f.enter(m, keyOf(m))
		}
	}
	f.mu.Unlock()
	g.tell(told, v)
	g.close()
	f.mu.Lock()
}

// alone leaves one subscriber in a group whose feed turned out to be nothing to share, and gives each of the others one of its own. It answers false when that
// one has left. The caller holds the lock.
func (f *Feeds) alone(g *group, one *subscriber) bool {
	if f.shared[g.key] == g {
		delete(f.shared, g.key)
	}
	g.key = sharing{}
	others := g.members
	g.members, g.living = nil, 0
	for _, m := range others {
		switch {
		case m == one && m.group == g:
			g.add(m)
		case m.group == g:
			f.enter(m, sharing{})
		}
	}
	return g.living > 0
}

// lookAround steps those that nobody told of anything for a while: a poke may be lost.
func (f *Feeds) lookAround() {
	f.mu.Lock()
	defer f.mu.Unlock()
	late := time.Now().Add(lookAround - live.Again)
	for e := f.order.Front(); e != nil; e = e.Next() {
		g := e.Value.(*group)
		if g.stepped.After(late) {
			break
		}
		f.wake(g)
	}
	if f.around = f.order.Len() > 0; f.around {
		time.AfterFunc(lookAround, f.lookAround)
	}
}

// Count is how many groups are served.
func (f *Feeds) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.order.Len()
}

// keyOf is what a subscriber shares with others; nothing when its rights cannot be written down.
func keyOf(m *subscriber) sharing {
	raw, err := json.Marshal(rights(*m.caller))
	if err != nil || m.sub.Key == "" {
		return sharing{}
	}
	return sharing{m.sub.Key, string(raw)}
}

// rights is a caller without what has no part in what it may see: which request it was, from where, and which of several tokens that allow the same.
func rights(p authz.Principal) authz.Principal {
	p.RequestID, p.IP, p.Network, p.UserAgent, p.Origin, p.Until = "", "", "", "", "", time.Time{}
	if p.Widget != nil {
		w := *p.Widget
		w.TokenID, w.ExpiresAt = ident.WidgetTokenID{}, time.Time{}
		p.Widget = &w
	}
	return p
}

// add is for the holder of the lock.
func (g *group) add(m *subscriber) {
	m.group, m.has = g, false
	g.members = append(g.members, m)
	g.living++
}

// tidy forgets who left. The caller holds the lock, and the group is not stepped.
func (g *group) tidy() {
	if len(g.members) > g.living {
		g.members = slices.DeleteFunc(g.members, func(m *subscriber) bool { return m.group != g })
	}
}
