package loader

import (
	"context"
	"errors"
	"sync"
)

// batch reads values of one kind: each once, and those that are asked for together in one read. The first who asks reads; who comes while that runs waits
// for it. Nobody waits for others to come: which belong together is known before (Together).
type batch[K comparable, V any] struct {
	read  func(context.Context, []K) ([]V, []error)
	mu    sync.Mutex
	found map[K]*found[V]
}

// found is a value that was read, or is being read until done is closed.
type found[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// errGaveUp is what those get who waited for a read that panicked.
var errGaveUp = errors.New("a read of several objects ended early")

// together makes a batch of a read that answers one value for each key, in order.
func together[K comparable, V any](read func(context.Context, []K) ([]V, error)) *batch[K, V] {
	return &batch[K, V]{found: map[K]*found[V]{}, read: func(ctx context.Context, keys []K) ([]V, []error) {
		values, err := read(ctx, keys)
		if err != nil {
			return make([]V, len(keys)), repeated(err, len(keys))
		}
		return values, make([]error, len(keys))
	}}
}

// each makes a batch of a read of one object: however many ask for it, it is read once.
func each[K comparable, V any](read func(context.Context, K) (V, error)) *batch[K, V] {
	return &batch[K, V]{found: map[K]*found[V]{}, read: func(ctx context.Context, keys []K) ([]V, []error) {
		values, faults := make([]V, len(keys)), make([]error, len(keys))
		for n, k := range keys {
			values[n], faults[n] = read(ctx, k)
		}
		return values, faults
	}}
}

func repeated(err error, n int) []error {
	all := make([]error, n)
	for i := range all {
		all[i] = err
	}
	return all
}

// load answers the value of a key. When nobody read it yet, those of others are read with it.
func (b *batch[K, V]) load(ctx context.Context, key K, others func() []K) (V, error) {
	b.mu.Lock()
	f := b.found[key]
	if f != nil {
		b.mu.Unlock()
		select {
		case <-f.done:
			return f.value, f.err
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
	}
	done := make(chan struct{})
	var keys []K
	var news []*found[V]
	add := func(k K) {
		if b.found[k] == nil {
			one := &found[V]{done: done, err: errGaveUp}
			b.found[k], keys, news = one, append(keys, k), append(news, one)
		}
	}
	add(key)
	for _, k := range others() {
		add(k)
	}
	b.mu.Unlock()
	defer close(done)
	values, faults := b.read(ctx, keys)
	for n, one := range news {
		one.value, one.err = values[n], faults[n]
	}
	return news[0].value, news[0].err
}

// alone is the batch of a key that stands in no list.
func alone[K any]() []K { return nil }
