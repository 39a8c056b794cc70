package feed

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/graph/plan"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// listener is a subscriber that keeps what it got.
type listener struct {
	mu    sync.Mutex
	got   [][]byte
	ended string // the errors, or "complete"
	busy  atomic.Bool
}

func (r *listener) Next(payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended != "" {
		panic("a message after the last one")
	}
	r.got = append(r.got, payload)
}

func (r *listener) end(how string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended != "" {
		panic("it ended twice")
	}
	r.ended = how
}

func (r *listener) Fail(errors []byte) { r.end(string(errors)) }
func (r *listener) Complete()          { r.end("complete") }
func (r *listener) Full() bool         { return r.busy.Load() }

func (r *listener) all() (got []string, ended string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, payload := range r.got {
		got = append(got, strings.TrimSuffix(strings.TrimPrefix(string(payload), `{"data":`), "}"))
	}
	return got, r.ended
}

// want compares all that came and how it ended.
func (r *listener) want(t *testing.T, ended string, want ...string) {
	t.Helper()
	got, how := r.all()
	if strings.Join(got, " ") != strings.Join(want, " ") || how != ended && (ended == "" || !strings.Contains(how, ended)) {
		t.Fatalf("got %v and %q, want %v and %q", got, how, want, ended)
	}
}

// subject is something with a version, and the work that subscriptions to it cost.
type subject struct {
	version               atomic.Int64
	opens, reads, renders atomic.Int64
	during                func(context.Context) // called while it is read
	err                   error
}

func (s *subject) feed() live.Feed[any] {
	return live.Feed[any]{Subjects: []string{"con_1"}, Now: func(ctx context.Context) (any, int64, error) {
		s.reads.Add(1)
		v := s.version.Load()
		if s.during != nil {
			s.during(ctx)
		}
		return v, v, s.err
	}}
}

// subscription is a feed as the executor hands it over.
func (s *subject) subscription(key string, feed func(context.Context) live.Feed[any]) plan.Subscription {
	return plan.Subscription{Key: key, Open: func(ctx context.Context) (live.Feed[any], plan.Render, *graphql.Response) {
		s.opens.Add(1)
		return feed(ctx), s.render, nil
	}}
}

func (s *subject) render(_ context.Context, v any) *graphql.Response {
	s.renders.Add(1)
	raw, _ := json.Marshal(v)
	return &graphql.Response{Data: raw}
}

func (s *subject) state() plan.Subscription {
	return s.subscription("state", func(context.Context) live.Feed[any] { return s.feed() })
}

func caller(ctx context.Context, request string) context.Context {
	return authz.With(ctx, authz.Principal{Kind: authz.API_KEY, Scopes: []authz.Permission{"connection.read"}, Locale: "en", RequestID: request, IP: "192.0.2." + request})
}

// bubble runs a test with its own clock, and sees that the feeds leave nothing behind.
func bubble(t *testing.T, test func(t *testing.T, f *Feeds)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &Feeds{Hub: live.NewHub(nil)}
		test(t, f)
		synctest.Wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		if n := f.Hub.Watchers(); n != 0 || len(f.shared) != 0 || f.order.Len() != 0 || f.workers != 0 || len(f.queue) != 0 {
			t.Errorf("left: %d watchers, %d shared, %d groups, %d workers", n, len(f.shared), f.order.Len(), f.workers)
		}
	})
}

type nowhere struct{}

func (nowhere) Next([]byte) {}
func (nowhere) Fail([]byte) {}
func (nowhere) Complete()   {}

type once struct{ *sync.WaitGroup }

func (o once) Next([]byte) { o.Done() }
func (once) Fail([]byte)   {}
func (once) Complete()     {}
