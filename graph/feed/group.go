package feed

import (
	"container/list"
	"context"
	"encoding/json"
	"maps"
	"time"

	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/graph/present"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// stage says where a group is; from stepping on, somebody is at it.
type stage int

const (
	still stage = iota
	queued
	stepping
	working // Run is a piece of work with a goroutine of its own
)

// group is the subscribers of one feed.
type group struct {
	feeds  *Feeds
	key    sharing
	reads  authz.Principal // the caller that all members are when it comes to reading
	ctx    context.Context // lives as long as the group: no request does
	cancel func()

	// guarded by feeds.mu
	members []*subscriber // added at the end; those who left stay until tidy, so that a step can read what was there when it began
	living  int
	stage   stage
	poked   bool // during the step
	joined  bool // during the step
	ended   bool
	stepped time.Time
	rest    time.Time // not stepped before
	waits   bool      // a timer will wake it
	place   *list.Element

	// the stepper's
	feed    live.Feed[any]
	render  plan.Render     // nil before the feed is open
	as      context.Context // ctx with the caller who reads
	unwatch func()
}

// verdict is what a step comes to.
type verdict struct {
	told    []*subscriber // whom an end concerns
	refused gqlerror.List
	err     error
	done    bool

	alone *subscriber // the feed is its own, and nobody else's
	run   bool
	news  bool
	more  bool // at once
	full  bool // the subscriber had enough
}

func (v verdict) ends() bool { return v.err != nil || v.done }

// Paced is a sink that says when it has enough for now: a stream waits for it, so that somebody who reads a long history is not taken for a slow reader.
type Paced interface{ Full() bool }

// Signal is a poke, from the hub.
func (g *group) Signal() {
	g.feeds.mu.Lock()
	defer g.feeds.mu.Unlock()
	g.feeds.wake(g)
}

// waited is the end of a rest.
func (g *group) waited() {
	g.feeds.mu.Lock()
	defer g.feeds.mu.Unlock()
	g.waits = false
	g.feeds.wake(g)
}

// step opens the feed, or reads it and sends what is new to the members. A panic is an error of this group.
func (g *group) step(members []*subscriber) (v verdict) {
	defer func() {
		if p := recover(); p != nil {
			v = verdict{told: members, err: present.Panic(g.as, p)}
		}
	}()
	if g.render == nil {
		return g.open(members)
	}
	ctx, cancel := context.WithTimeout(g.as, stepTime)
	defer cancel()
	if g.feed.Now != nil {
		return g.state(ctx, members)
	}
	return g.stream(ctx, members[0])
}

// open calls the resolver for the first subscriber: it is the caller for what depends on more than rights, such as budgets. A refusal for a spent budget is
// its own; every other one is that of all who have these rights.
func (g *group) open(members []*subscriber) verdict {
	first := members[0]
	for _, m := range members {
		if !m.left.Load() {
			first = m
			break
		}
	}
	ctx, cancel := context.WithCancel(g.ctx) // what the resolver keeps of it lives on; only its opening may not take for ever
	late := time.AfterFunc(stepTime, cancel)
	feed, render, refused := first.sub.Open(authz.With(ctx, *first.caller))
	if !late.Stop() && refused == nil {
		return verdict{told: members, err: context.DeadlineExceeded}
	}
	if refused != nil {
		told := members
		for _, e := range refused.Errors {
			if e.Extensions["code"] == string(fault.RateLimitedCode) {
				told = []*subscriber{first}
			}
		}
		return verdict{told: told, refused: refused.Errors, done: true}
	}
	g.feed, g.render = feed, render
	g.unwatch = g.feeds.Hub.Watch(g, feed.Subjects...)
	if feed.Now != nil {
		return verdict{more: true}
	}
	g.as = authz.With(g.ctx, *first.caller)
	return verdict{alone: first, run: feed.Run != nil, more: true}
}

// state sends a version to those who have none or an older one.
func (g *group) state(ctx context.Context, members []*subscriber) verdict {
	value, version, err := g.feed.Now(ctx)
	if err != nil {
		return verdict{told: members, err: err}
	}
	var payload []byte
	for _, m := range members {
		if m.left.Load() || m.has && version <= m.sent {
			continue
		}
		if payload == nil {
			payload = present.Encode(nil, g.render(ctx, value))
		}
		m.has, m.sent = true, version
		m.to.Next(payload)
	}
	return verdict{told: members, news: payload != nil, done: g.feed.Last != nil && g.feed.Last(value)}
}

// stream sends what came since the step before.
func (g *group) stream(ctx context.Context, m *subscriber) verdict {
	if to, ok := m.to.(Paced); ok && to.Full() {
		return verdict{full: true}
	}
	v := verdict{told: []*subscriber{m}}
	var news []any
	news, v.more, v.err = g.feed.Next(ctx)
	for _, value := range news {
		m.to.Next(present.Encode(nil, g.render(ctx, value)))
		if g.feed.Last != nil && g.feed.Last(value) {
			return verdict{told: v.told, done: true}
		}
	}
	v.news = len(news) > 0
	return v
}

// run is the piece of work of a feed.
func (g *group) run(m *subscriber) {
	v := g.work(m)
	g.feeds.mu.Lock()
	defer g.feeds.mu.Unlock()
	g.feeds.end(g, v)
}

func (g *group) work(m *subscriber) (v verdict) {
	defer func() {
		if p := recover(); p != nil {
			v = verdict{told: []*subscriber{m}, err: present.Panic(g.as, p)}
		}
	}()
	err := g.feed.Run(g.as, func(value any) bool {
		if g.ctx.Err() != nil {
			return false
		}
		m.to.Next(present.Encode(nil, g.render(g.as, value)))
		return true
	})
	return verdict{told: []*subscriber{m}, err: err, done: err == nil}
}

// tell says to members why nothing comes any more. Each reads the id of its own request.
func (g *group) tell(members []*subscriber, v verdict) {
	if len(members) == 0 {
		return
	}
	list := v.refused
	if v.err != nil {
		list = present.Errors(g.as, v.err)
	}
	for _, m := range members {
		if list == nil {
			m.to.Complete()
			continue
		}
		raw, _ := json.Marshal(asked(list, m.caller.RequestID))
		m.to.Fail(raw)
	}
}

// close is for whoever ended the group: nobody steps it.
func (g *group) close() {
	g.cancel()
	if g.unwatch != nil {
		g.unwatch()
	}
}

// asked is errors as an answer to a request.
func asked(list gqlerror.List, request string) gqlerror.List {
	out := make(gqlerror.List, len(list))
	for n, e := range list {
		own := *e
		own.Extensions = maps.Clone(e.Extensions)
		delete(own.Extensions, "requestId")
		if request != "" {
			if own.Extensions == nil {
				own.Extensions = map[string]any{}
			}
			own.Extensions["requestId"] = request
		}
		out[n] = &own
	}
	return out
}
