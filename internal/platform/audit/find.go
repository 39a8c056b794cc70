package audit

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/auditq"
)

type row = auditq.AuditsOfOrgRow

// where says which rows are wanted; what is zero or empty narrows nothing.
type where struct {
	all            bool // of all organizations
	org            ident.OrgID
	since, until   uuid.UUID
	actor, subject string
	actions, never []string
	text, locale   string
	words          []string // all of them have to be found
}

// outcome narrows to actions that end so.
func (w *where) outcome(o AuditOutcome) {
	if o == OK {
		w.never = append(slices.Clone(ending[Refused]), ending[Failed]...)
		return
	}
	if len(w.actions) == 0 {
		w.actions = ending[o]
		return
	}
	w.actions = slices.DeleteFunc(w.actions, func(a string) bool { return outcomeOf(a) != o })
	if len(w.actions) == 0 {
		w.actions = []string{"none"}
	}
}

func (w *where) before(u uuid.UUID) uuid.UUID {
	if bytes.Compare(w.until[:], u[:]) < 0 {
		return w.until
	}
	return u
}

// find reads the newest rows before an id. Each way below walks one index in the order of the list, so that what is read does not grow with the log.
func (s *Service) find(ctx context.Context, w where, cursor uuid.UUID, most int32) ([]*row, error) {
	if len(w.words) > 0 {
		return s.search(ctx, w, cursor, most)
	}
	switch {
	case w.subject != "":
		rows, err := s.q.AuditsOfSubject(ctx, s.DB, auditq.AuditsOfSubjectParams{Subject: w.subject, AnyOrg: w.all, OrgID: w.org.UUID(), Before: w.before(cursor), Since: w.since, Actor: w.actor, Actions: w.actions, Never: w.never, Most: most})
		return as(rows, func(r *auditq.AuditsOfSubjectRow) *row { return (*row)(r) }), wrong(err)
	case w.actor != "" && !strings.HasPrefix(w.actor, "system:"): // the product acts everywhere: its rows are found by the organization
		return s.byActor(ctx, w, cursor, most)
	case w.all && len(w.actions) > 0:
		rows, err := s.q.AuditsOfAllByAction(ctx, s.DB, auditq.AuditsOfAllByActionParams{Actions: w.actions, Before: w.before(cursor), Since: w.since, Subject: w.subject, Most: most})
		return as(rows, func(r *auditq.AuditsOfAllByActionRow) *row { return (*row)(r) }), wrong(err)
	case w.all:
		rows, err := s.q.AuditsOfAll(ctx, s.DB, auditq.AuditsOfAllParams{Before: w.before(cursor), Since: w.since, Actor: w.actor, Actions: w.actions, Never: w.never, Subject: w.subject, Most: most})
		return as(rows, func(r *auditq.AuditsOfAllRow) *row { return (*row)(r) }), wrong(err)
	case len(w.actions) > 0:
		return s.byAction(ctx, w, cursor, most)
	}
	rows, err := s.q.AuditsOfOrg(ctx, s.DB, auditq.AuditsOfOrgParams{OrgID: w.org.UUID(), Before: w.before(cursor), Since: w.since, Actor: w.actor, Actions: w.actions, Never: w.never, Subject: w.subject, Most: most})
	return rows, wrong(err)
}

func (s *Service) byAction(ctx context.Context, w where, cursor uuid.UUID, most int32) ([]*row, error) {
	rows, err := s.q.AuditsOfOrgByAction(ctx, s.DB, auditq.AuditsOfOrgByActionParams{OrgID: w.org.UUID(), Actions: w.actions, Before: w.before(cursor), Since: w.since, Actor: w.actor, Subject: w.subject, Most: most})
	return as(rows, func(r *auditq.AuditsOfOrgByActionRow) *row { return (*row)(r) }), wrong(err)
}

func (s *Service) byActor(ctx context.Context, w where, cursor uuid.UUID, most int32) ([]*row, error) {
	if len(w.actions) > 0 {
		rows, err := s.q.AuditsOfActorByAction(ctx, s.DB, auditq.AuditsOfActorByActionParams{Actor: w.actor, Actions: w.actions, AnyOrg: w.all, OrgID: w.org.UUID(), Before: w.before(cursor), Since: w.since, Subject: w.subject, Most: most})
		return as(rows, func(r *auditq.AuditsOfActorByActionRow) *row { return (*row)(r) }), wrong(err)
	}
	rows, err := s.q.AuditsOfActor(ctx, s.DB, auditq.AuditsOfActorParams{Actor: w.actor, AnyOrg: w.all, OrgID: w.org.UUID(), Before: w.before(cursor), Since: w.since, Never: w.never, Subject: w.subject, Most: most})
	return as(rows, func(r *auditq.AuditsOfActorRow) *row { return (*row)(r) }), wrong(err)
}

// newest joins lists that are sorted, without what stands in several.
func newest(most int32, lists ...[]*row) []*row {
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b *row) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	all = slices.CompactFunc(all, func(a, b *row) bool { return a.ID == b.ID })
	return all[:min(len(all), int(most))]
}

func as[T any](rows []*T, to func(*T) *row) []*row {
	out := make([]*row, len(rows))
	for n, r := range rows {
		out[n] = to(r)
	}
	return out
}

func wrong(err error) error {
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	return nil
}
