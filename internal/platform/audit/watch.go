package audit

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
	"github.com/nameplate-dev/nameplate/queries/auditq"
)

const (
	atOnce     = 100
	lookedAt   = 1000             // rows of all logs that one look reads at most, the newest
	commitTime = 10 * time.Second // a row may become visible so long after the instant that its id carries
)

// Watch is every row that is appended to an organization's log behind a cursor, oldest first; without one, from now on. A chain's numbers have no gaps, so
// what commits late is not missed.
func (s *Service) Watch(ctx context.Context, org ident.OrgID, after *string) (live.Feed[*Audit], error) {
	if _, err := s.authorize(ctx, mayRead, org); err != nil {
		return live.Feed[*Audit]{}, err
	}
	if err := s.noteRead(ctx, org); err != nil {
		return live.Feed[*Audit]{}, err
	}
	at, err := s.place(ctx, org, after)
	if err != nil {
		return live.Feed[*Audit]{}, err
	}
	next := func(ctx context.Context) ([]*Audit, bool, error) {
		scope, err := s.authorize(ctx, mayRead, org)
		if err != nil {
			return nil, false, err
		}
		rows, err := s.q.AuditsAfter(ctx, s.DB, auditq.AuditsAfterParams{Chain: org.String(), After: at, OrgID: scope.OrgUUID(), Most: atOnce})
		if err != nil {
			return nil, false, fmt.Errorf("read what was appended: %w", err)
		}
		news, err := s.shown(ctx, as(rows, func(r *auditq.AuditsAfterRow) *row { return (*row)(r) }))
		if err != nil {
			return nil, false, err
		}
		if n := len(rows); n > 0 {
			at = *rows[n-1].Seq
		}
		return news, len(rows) == atOnce, nil
	}
	return live.Feed[*Audit]{Subjects: []string{org.String()}, Next: next}, nil
}

// place is the number of the row that a cursor names.
func (s *Service) place(ctx context.Context, org ident.OrgID, after *string) (int64, error) {
	if after == nil || *after == "" {
		n, err := s.q.HeadOf(ctx, s.DB, auditq.HeadOfParams{Chain: org.String()})
		if err != nil {
			return 0, fmt.Errorf("read the head of %s: %w", org, err)
		}
		return n, nil
	}
	c, err := page.ParseCursor(*after)
	if err != nil {
		return 0, err
	}
	r, err := s.q.AuditByID(ctx, s.DB, auditq.AuditByIDParams{ID: c.ID})
	if err != nil || r.Chain == nil || *r.Chain != org.String() {
		return 0, fault.Invalid("after", "cursor", "Send a cursor exactly as it was given.")
	}
	return *r.Seq, nil
}

// WatchAny is every row that is appended to any log and that the filter wants, oldest first; behind a cursor, or without one from now on. The numbers of many
// chains are no order, so each look reads ten seconds back for what committed late: nothing is told twice, and of a burst of more than a thousand rows between
// two looks the newest.
func (s *Service) WatchAny(ctx context.Context, f AuditFilter, after *string) (live.Feed[*Audit], error) {
	none := live.Feed[*Audit]{}
	w, err := s.narrowAny(ctx, f)
	if err != nil {
		return none, err
	}
	t := &tail{s: s, where: w, asOf: s.DB.Now(), known: uuid.Max, told: map[uuid.UUID]bool{}}
	if after != nil && *after != "" {
		c, err := page.ParseCursor(*after)
		if err != nil {
			return none, err
		}
		t.known, t.asOf = c.ID, madeAt(c.ID)
	} else if _, _, err := t.look(ctx); err != nil { // what is there now is no news
		return none, err
	}
	return live.Feed[*Audit]{Subjects: []string{event.AnyAudited}, Next: t.look}, nil
}

// tail is how far somebody is who watches all logs.
type tail struct {
	s     *Service
	where where
	asOf  time.Time          // of the look before
	known uuid.UUID          // of the first look: what is not newer was seen
	told  map[uuid.UUID]bool // what was there lately
}

func (t *tail) look(ctx context.Context) (news []*Audit, more bool, err error) {
	if err := t.s.Authz.Operate(ctx, mayReadAny); err != nil {
		return nil, false, err
	}
	now := t.s.DB.Now()
	w := t.where
	w.since = lowest(t.asOf.Add(-commitTime))
	rows, err := t.s.find(ctx, w, uuid.Max, lookedAt)
	if err != nil {
		return nil, false, err
	}
	lately := map[uuid.UUID]bool{}
	var fresh []*row
	for _, r := range slices.Backward(rows) {
		if lately[r.ID] = true; !t.told[r.ID] && bytes.Compare(r.ID[:], t.known[:]) > 0 {
			fresh = append(fresh, r)
		}
	}
	if news, err = t.s.shown(ctx, fresh); err != nil {
		return nil, false, err
	}
	t.asOf, t.known = now, uuid.Nil
	maps.DeleteFunc(t.told, func(id uuid.UUID, _ bool) bool { return !lately[id] })
	maps.Copy(t.told, lately)
	return news, false, nil
}

// madeAt is the instant that an id carries, to the millisecond.
func madeAt(u uuid.UUID) time.Time {
	var ms int64
	for _, b := range u[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms)
}
