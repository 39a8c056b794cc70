// Package run starts the long-lived parts of a process and stops them in reverse order.
//
// A part is a function that works until its context ends. Parts start in the order given, all at once after one
// another, without waiting; when one of them fails, or the process is told to stop, they are stopped one by one from
// the last to the first, each with its own grace, so that doors close before what they lean on.
package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Part is something that runs as long as the process.
type Part struct {
	Name string
	// Run works until ctx ends and then returns in good time. What it returns after that is only reported if it is
	// an error of its own.
	Run func(ctx context.Context) error
	// Grace is how long Run may take to return once told to stop; 0 means 2 s. After it the part is left behind.
	Grace time.Duration
	// Once: Run may return nil by itself. For all others that is an error, since something the process needs is gone.
	Once bool
}

const defaultGrace = 2 * time.Second

// ErrEnded is wrapped when a part returned although nobody told it to stop.
var ErrEnded = errors.New("ended by itself")

type exit struct {
	index int
	err   error
}

// All runs parts until ctx ends or one of them fails, then stops them. It answers the first error and, joined to it,
// the names of the parts that did not stop within their grace; nil after an orderly stop.
func All(ctx context.Context, parts ...Part) error {
	base := context.WithoutCancel(ctx)
	cancels := make([]context.CancelFunc, len(parts))
	done := make([]chan struct{}, len(parts))
	exits := make(chan exit, len(parts))
	for i, part := range parts {
		partCtx, cancel := context.WithCancel(base)
		cancels[i], done[i] = cancel, make(chan struct{})
		defer cancel()
		go func() {
			defer close(done[i])
			err := guarded(partCtx, part)
			switch {
			case partCtx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
				err = nil
			case err == nil && !part.Once:
				err = fmt.Errorf("%s: %w", part.Name, ErrEnded)
			case err != nil:
				err = fmt.Errorf("%s: %w", part.Name, err)
			}
			exits <- exit{i, err}
		}()
	}
	first := wait(ctx, exits, len(parts))
	for i := len(parts) - 1; i >= 0; i-- {
		cancels[i]()
		grace := cmp.Or(parts[i].Grace, defaultGrace)
		timer := time.NewTimer(grace)
		select {
		case <-done[i]:
		case <-timer.C:
			first = errors.Join(first, fmt.Errorf("%s: did not stop within %s", parts[i].Name, grace))
		}
		timer.Stop()
	}
	for {
		select {
		case e := <-exits:
			if first == nil {
				first = e.err
			}
		default:
			return first
		}
	}
}

// wait returns with the first error, when ctx ends, or when every part has ended as it may.
func wait(ctx context.Context, exits <-chan exit, n int) error {
	for range n {
		select {
		case e := <-exits:
			if e.err != nil {
				return e.err
			}
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// guarded turns a panic into an error with its stack, so that the other parts get their grace.
func guarded(ctx context.Context, p Part) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return p.Run(ctx)
}
