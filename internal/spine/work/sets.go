package work

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Sets writes what many workers have to write in few statements. What is added while one set is being written goes into the next, so a set is as large as
// the load asks for, and nobody waits for company. Its fields are set before its first use.
type Sets[T any] struct {
	Most  int // of one set
	Write func(ctx context.Context, all []T) error
	// Wrote, when it is set, is told of each set and of what Write answered: for those who use Put. It must not wait for anything.
	Wrote func(all []T, err error)

	mu      sync.Mutex
	busy    bool
	waiting []*set[T]
}

type set[T any] struct {
	ctx  context.Context
	all  []T
	done chan struct{}
	err  error
}

// writeLimit bounds the writing of one set.
const writeLimit = 20 * time.Second

// Add answers when the set that v belongs to is written, with what Write answered. It is written even if ctx ends meanwhile.
func (s *Sets[T]) Add(ctx context.Context, v T) error {
	mine := s.join(ctx, v)
	<-mine.done
	return mine.err
}

// Put hands v over and does not wait: Wrote hears of it. It is written even if ctx ends meanwhile.
func (s *Sets[T]) Put(ctx context.Context, v T) { s.join(ctx, v) }

func (s *Sets[T]) join(ctx context.Context, v T) *set[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.waiting)
	if n == 0 || len(s.waiting[n-1].all) >= s.Most {
		s.waiting = append(s.waiting, &set[T]{ctx: context.WithoutCancel(ctx), done: make(chan struct{})})
		n++
	}
	mine := s.waiting[n-1]
	mine.all = append(mine.all, v)
	if !s.busy {
		s.busy = true
		go s.work()
	}
	return mine
}

// work writes the sets in their order until none waits.
func (s *Sets[T]) work() {
	for {
		s.mu.Lock()
		if s.busy = len(s.waiting) > 0; !s.busy {
			s.mu.Unlock()
			return
		}
		next := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.mu.Unlock()
		next.err = s.write(next)
		close(next.done)
		if s.Wrote != nil {
			s.Wrote(next.all, next.err)
		}
	}
}

func (s *Sets[T]) write(next *set[T]) (err error) {
	ctx, cancel := context.WithTimeout(next.ctx, writeLimit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while a set was written: %v\n%s", p, debug.Stack())
		}
	}()
	return s.Write(ctx, next.all)
}
