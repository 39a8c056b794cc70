package work

import (
	"context"
	"sync"
	"time"
)

// Sets writes what many workers have to write in few statements. What is added while one set is being written goes into the next, so a set is as large as
// the load asks for, and nobody waits for company. Its fields are set before its first use.
type Sets[T any] struct {
	Most  int // of one set
	Write func(ctx context.Context, all []T) error

	mu      sync.Mutex
	busy    bool
	waiting []*set[T]
}

type set[T any] struct {
	all  []T
	lead chan struct{} // told to one of those who wait: it writes for all of them
	done chan struct{}
	err  error
}

// writeLimit bounds the writing of one set.
const writeLimit = 20 * time.Second

// Add answers when the set that v belongs to is written, with what Write answered. It is written even if ctx ends meanwhile.
func (s *Sets[T]) Add(ctx context.Context, v T) error {
	mine := s.join(v)
	select {
	case <-mine.done:
		return mine.err
	case <-mine.lead:
	}
	s.mu.Lock()
	s.waiting = s.waiting[1:] // mine: sets lead in their order, and nobody can join it any more
	s.mu.Unlock()
	defer s.next(mine)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
	defer cancel()
	mine.err = s.Write(ctx, mine.all)
	return mine.err
}

func (s *Sets[T]) join(v T) *set[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.waiting)
	if n == 0 || len(s.waiting[n-1].all) >= s.Most {
		s.waiting = append(s.waiting, &set[T]{lead: make(chan struct{}, 1), done: make(chan struct{})})
		n++
	}
	mine := s.waiting[n-1]
	mine.all = append(mine.all, v)
	if !s.busy {
		s.busy = true
		mine.lead <- struct{}{}
	}
	return mine
}

// next ends a set and lets the one behind it lead.
func (s *Sets[T]) next(written *set[T]) {
	close(written.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy = len(s.waiting) > 0; s.busy {
		s.waiting[0].lead <- struct{}{}
	}
}
