package authz

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/authzq"
)

// look is how often every process asks for rights that ended: two looks fit into the promised second.
const look = 500 * time.Millisecond

// Revoke records in the caller's transaction that the rights of subject (a session, key, token, membership or user, by its id) have ended.
// Within one second of the commit no process honours them any more.
func (a *Authorizer) Revoke(ctx context.Context, tx *db.Tx, subject, reason string) error {
	id := ident.V7(tx.Now)
	if err := a.q.AddRevocation(ctx, tx, authzq.AddRevocationParams{ID: id, Subject: subject, Reason: reason, At: tx.Now}); err != nil {
		return fmt.Errorf("record the revocation of %s: %w", subject, err)
	}
	tx.AfterCommit(func() { a.revoked.end(id, subject) })
	return nil
}

// Revoked is the log of ended rights as this process knows it.
func (a *Authorizer) Revoked() *Revocations { return a.revoked }

// Revocations tells who waits for it that a right has ended.
type Revocations struct {
	db     *db.DB
	q      *authzq.Queries
	forget func(subject string)

	mu      sync.Mutex
	seen    map[uuid.UUID]time.Time        // rows that were told already
	watched map[string]map[*watch]struct{} // by subject
	hooks   []func(subject string)
	ended   map[string]time.Time
	pruned  time.Time
}

// watch is somebody who waits for the end of one of several subjects.
type watch struct {
	subjects []string
	tell     func()
}

// kept is how long an end is remembered. Whoever was recognised before it and asks after it has asked by then: what caches remember lives one second.
const kept = 5 * time.Minute

func newRevocations(d *db.DB, forget func(string)) *Revocations {
	return &Revocations{db: d, q: authzq.New(), forget: forget, seen: map[uuid.UUID]time.Time{}, watched: map[string]map[*watch]struct{}{}, ended: map[string]time.Time{}}
}

// Await tells once when one of the subjects loses its rights; stop ends the wait, and a call that began before it may still come. tell must not block. It
// costs no goroutine. A subject that lost its rights just before counts, at once: between recognising a caller and waiting there is no gap.
func (r *Revocations) Await(tell func(), subjects ...string) (stop func()) {
	w := &watch{subjects, tell}
	r.mu.Lock()
	if r.over(subjects) {
		r.mu.Unlock()
		tell()
		return func() {}
	}
	defer r.mu.Unlock()
	for _, s := range subjects {
		if r.watched[s] == nil {
			r.watched[s] = map[*watch]struct{}{}
		}
		r.watched[s][w] = struct{}{}
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.drop(w)
	}
}

// Ended says whether one of the subjects lost its rights in the last minutes, as far as this process knows: caches ask it before they answer.
func (r *Revocations) Ended(subjects ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over(subjects)
}

func (r *Revocations) over(subjects []string) bool {
	return slices.ContainsFunc(subjects, func(s string) bool {
		at, ok := r.ended[s]
		return ok && time.Since(at) < kept
	})
}

// OnEnd registers what drops a cache; for the assembly, before Run.
func (r *Revocations) OnEnd(fn func(subject string)) { r.hooks = append(r.hooks, fn) }

// Run reads the new rows twice a second until ctx ends, and first those of the last minutes: what ended while this process was starting counts too. A
// failing database is logged once, and tried again.
func (r *Revocations) Run(ctx context.Context) error {
	mark, failing := "", false
	for {
		next, err := r.read(ctx, mark)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			slog.WarnContext(ctx, "rights that ended cannot be read", "err", err)
		case err == nil:
			mark = next
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(look):
		}
	}
}

func (r *Revocations) read(ctx context.Context, mark string) (string, error) {
	next, err := r.q.RevocationMark(ctx, r.db) // before the rows: what commits in between is read again next time
	if err != nil {
		return "", err
	}
	if mark == "" {
		rows, err := r.q.RevocationsFrom(ctx, r.db, authzq.RevocationsFromParams{FromID: ident.V7(r.db.Now().Add(-kept))})
		if err != nil {
			return "", err
		}
		for _, row := range rows {
			r.end(row.ID, row.Subject)
		}
		return next, nil
	}
	rows, err := r.q.RevocationsSince(ctx, r.db, authzq.RevocationsSinceParams{Since: mark})
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		r.end(row.ID, row.Subject)
	}
	return next, nil
}

func (r *Revocations) end(id uuid.UUID, subject string) {
	now := time.Now()
	r.mu.Lock()
	if _, again := r.seen[id]; again {
		r.mu.Unlock()
		return
	}
	r.seen[id] = now
	if !Passing(subject) {
		r.ended[subject] = now
	}
	waiting := slices.Collect(maps.Keys(r.watched[subject]))
	for _, w := range waiting {
		r.drop(w)
	}
	if now.Sub(r.pruned) > kept {
		r.pruned = now
		old := func(at time.Time) bool { return now.Sub(at) > kept }
		maps.DeleteFunc(r.seen, func(_ uuid.UUID, at time.Time) bool { return old(at) })
		maps.DeleteFunc(r.ended, func(_ string, at time.Time) bool { return old(at) })
	}
	r.mu.Unlock()
	for _, w := range waiting {
		w.tell()
	}
	r.forget(subject)
	for _, fn := range r.hooks {
		fn(subject)
	}
}

// Passing subjects tell whoever waits now, and nobody who comes later: a person whose membership ended may open the next connection, and an organization
// that was deleted may be restored.
func Passing(subject string) bool {
	return strings.HasPrefix(subject, memberships) || strings.HasPrefix(subject, organizations)
}

// drop ends a watch.
func (r *Revocations) drop(w *watch) {
	for _, s := range w.subjects {
		delete(r.watched[s], w)
		if len(r.watched[s]) == 0 {
			delete(r.watched, s)
		}
	}
}
