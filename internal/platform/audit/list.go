package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/auditq"
)

const (
	lookBack    = 14 * 24 * time.Hour
	countedMost = 10_000
	readAgain   = 10 * time.Minute // so long one audit.read speaks for a reader
	maxActions  = 50
	maxText     = 200
)

// List is a page of an organization's audit log, the newest first. Without an organization it is the caller's own: what stands on the chain of their account,
// and what they did in organizations that they still belong to.
func (s *Service) List(ctx context.Context, f AuditFilter, a page.Args) (*AuditPage, error) {
	if f.OrganizationID == nil {
		return s.own(ctx, f, a)
	}
	scope, err := s.authorize(ctx, mayRead, *f.OrganizationID)
	if err != nil {
		return nil, err
	}
	w, err := s.narrow(ctx, f)
	if err != nil {
		return nil, err
	}
	w.org = scope.Org()
	if err := s.noteRead(ctx, w.org); err != nil {
		return nil, err
	}
	rows, err := s.find(ctx, w, before(a), int32(a.First)+1)
	if err != nil {
		return nil, err
	}
	total, err := s.count(ctx, w)
	if err != nil {
		return nil, err
	}
	return s.pageOf(ctx, a, rows, total)
}

// ListAny is List over all organizations, for operators.
func (s *Service) ListAny(ctx context.Context, f AuditFilter, a page.Args) (*AuditPage, error) {
	w, err := s.narrowAny(ctx, f)
	if err != nil {
		return nil, err
	}
	rows, err := s.find(ctx, w, before(a), int32(a.First)+1)
	if err != nil {
		return nil, err
	}
	var total *int32
	if !w.all {
		if total, err = s.count(ctx, w); err != nil {
			return nil, err
		}
	}
	return s.pageOf(ctx, a, rows, total)
}

// narrowAny authorises an operator, reads their filter and leaves audit.read.
func (s *Service) narrowAny(ctx context.Context, f AuditFilter) (where, error) {
	if err := s.Authz.Operate(ctx, mayReadAny); err != nil {
		return where{}, err
	}
	w, err := s.narrow(ctx, f)
	if err != nil {
		return w, err
	}
	w.all = f.OrganizationID == nil
	if f.OrganizationID != nil {
		w.org = *f.OrganizationID
	}
	if w.all && len(w.words) > 0 {
		field := "filter.text"
		if w.text == "" {
			field = "filter.requestId"
		}
		return w, fault.Invalid(field, "organization_missing", "Say in which organization to search for words.")
	}
	return w, s.noteReadAny(ctx, w.org)
}

// own is what concerns the caller's account.
func (s *Service) own(ctx context.Context, f AuditFilter, a page.Args) (*AuditPage, error) {
	caller := authz.From(ctx)
	if caller.Kind == authz.PUBLIC {
		return nil, fault.Unauthorized("", "Sign in, or send an API key.")
	}
	if caller.Kind != authz.USER && caller.Kind != authz.OPERATOR {
		return nil, fault.Invalid("filter.organizationId", "organization_missing", "Say which organization's audit log is meant.")
	}
	w, err := s.narrow(ctx, f)
	if err != nil {
		return nil, err
	}
	if len(w.words) > 0 || f.ActorID != nil {
		return nil, fault.Invalid("filter", "organization_missing", "Search for words, requests and people in an organization's audit log.")
	}
	orgs, err := s.q.OwnOrganizations(ctx, s.DB, auditq.OwnOrganizationsParams{UserID: caller.UserID.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read the organizations of %s: %w", caller.UserID, err)
	}
	most := int32(a.First) + 1
	account, err := s.q.AuditsOfAccount(ctx, s.DB, auditq.AuditsOfAccountParams{Chain: caller.UserID.String(), Before: w.before(before(a)), Since: w.since, Actor: "", Actions: w.actions, Never: w.never, Subject: w.subject, Most: most})
	if err != nil {
		return nil, fmt.Errorf("read the chain of %s: %w", caller.UserID, err)
	}
	lists := [][]*row{as(account, func(r *auditq.AuditsOfAccountRow) *row { return (*row)(r) })}
	for _, org := range orgs {
		w.org, w.actor = ident.From[ident.OrgID](org), "user:"+caller.UserID.String()
		did, err := s.byActor(ctx, w, before(a), most)
		if err != nil {
			return nil, err
		}
		lists = append(lists, did)
	}
	return s.pageOf(ctx, a, newest(most, lists...), nil)
}

// Get is one row: of an organization whose log the caller may read, of the caller's own account, or for an operator any.
func (s *Service) Get(ctx context.Context, id ident.EventID) (*Audit, error) {
	r, err := s.q.AuditByID(ctx, s.DB, auditq.AuditByIDParams{ID: id.UUID()})
	if db.NotFound(err) {
		return nil, fault.NotFound("audit")
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", id, err)
	}
	caller := authz.From(ctx)
	switch {
	case s.Authz.Operate(ctx, mayReadAny) == nil:
		err = s.noteReadAny(ctx, orgOf(r.OrgID))
	case r.OrgID != nil:
		if _, err = s.authorize(ctx, mayRead, orgOf(r.OrgID)); err == nil {
			err = s.noteRead(ctx, orgOf(r.OrgID))
		}
	case caller.Kind != authz.USER || r.Chain == nil || *r.Chain != caller.UserID.String():
		err = fault.NotFound("audit")
	}
	if operator := authz.With(ctx, caller.AsOperator()); err != nil && caller.Kind == authz.USER && s.Authz.Operate(operator, mayReadAny) == nil {
		ctx, err = operator, s.noteReadAny(operator, orgOf(r.OrgID)) // a person who is an operator too reads as one what is not theirs
	}
	if fault.Is(err, fault.NotFoundCode) {
		return nil, fault.NotFound("audit")
	} else if err != nil {
		return nil, err
	}
	all, err := s.shown(ctx, []*row{(*row)(r)})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// authorize is for the whole log of an organization: a key that is narrowed to one application sees none of it.
func (s *Service) authorize(ctx context.Context, p authz.Permission, org ident.OrgID) (authz.Scope, error) {
	scope, err := s.Authz.Authorize(ctx, p, org)
	if err == nil && !scope.Application().IsZero() {
		err = fault.NotFound("audit")
	}
	return scope, err
}

// noteRead leaves audit.read, once in ten minutes for each reader: reading is a fact too, and a list that grew by being looked at would be none.
func (s *Service) noteRead(ctx context.Context, org ident.OrgID) error {
	_, err := door.Do(ctx, s.Door, door.Change[ident.OrgID, struct{}]{
		Action: door.Action{Name: "audit.read", Permission: mayRead},
		Org:    func(_ context.Context, org ident.OrgID) (ident.OrgID, error) { return org, nil },
		Do: func(ctx context.Context, e *door.Effect, org ident.OrgID) (struct{}, error) {
			return struct{}{}, s.read(ctx, e, org)
		},
	}, org)
	return err
}

// noteReadAny is noteRead for operators; it stands on the chain of the organization that was looked at, so that its owners see it, else on the platform's.
func (s *Service) noteReadAny(ctx context.Context, org ident.OrgID) error {
	_, err := door.Do(ctx, s.Door, door.Change[ident.OrgID, struct{}]{
		Action: door.Action{Name: "audit.read", Permission: mayReadAny, Operator: true},
		Do: func(ctx context.Context, e *door.Effect, org ident.OrgID) (struct{}, error) {
			return struct{}{}, s.read(ctx, e, org)
		},
	}, org)
	return err
}

func (s *Service) read(ctx context.Context, e *door.Effect, org ident.OrgID) error {
	p := auditq.AuditsOfActorByActionParams{Actor: e.Caller.Actor(), Actions: []string{"audit.read"}, OrgID: org.UUID(), AnyOrg: org.IsZero(), Before: uuid.Max, Since: lowest(e.Tx.Now.Add(-readAgain)), Most: 20}
	lately, err := s.q.AuditsOfActorByAction(ctx, e.Tx, p)
	if err != nil {
		return fmt.Errorf("look who read lately: %w", err)
	}
	if slices.ContainsFunc(lately, func(r *auditq.AuditsOfActorByActionRow) bool { return orgOf(r.OrgID) == org }) {
		e.Quiet()
		return nil
	}
	e.Record(touched(org, "audit.read", nil))
	return nil
}

// touched is an event about the log itself, in a stream of its own beside the organization's.
func touched(org ident.OrgID, action string, payload map[string]any) event.Change {
	if payload == nil {
		payload = map[string]any{}
	}
	payload["v"] = 1
	c := event.Change{OrgID: org, Action: action, Subject: org.String(), Version: 1, Stream: "audit:" + org.String(), Payload: payload, Audited: true}
	if org.IsZero() {
		c.Subject, c.Stream, c.Chain = "platform", "audit:platform", "platform"
	}
	return c
}

func (s *Service) count(ctx context.Context, w where) (*int32, error) {
	if w.text != "" {
		return nil, nil
	}
	n, err := s.q.CountAudits(ctx, s.DB, auditq.CountAuditsParams{OrgID: w.org.UUID(), Since: w.since, Actor: w.actor, Actions: w.actions, Never: w.never, Subject: w.subject, Most: countedMost + 1})
	if err != nil {
		return nil, fmt.Errorf("count audits: %w", err)
	}
	if n > countedMost || w.until != uuid.Max {
		return nil, nil
	}
	return new(int32(n)), nil
}

func (s *Service) pageOf(ctx context.Context, a page.Args, rows []*row, total *int32) (*AuditPage, error) {
	all, err := s.shown(ctx, rows)
	if err != nil {
		return nil, err
	}
	return new(page.Make(a, all, total, func(x *Audit) page.Cursor { return page.Cursor{ID: x.ID.UUID()} })), nil
}

func before(a page.Args) uuid.UUID {
	if a.After != nil {
		return a.After.ID
	}
	return uuid.Max
}

// narrow reads a filter.
func (s *Service) narrow(ctx context.Context, f AuditFilter) (where, error) {
	w := where{actions: append([]string{}, f.Action...), never: []string{}, since: lowest(s.DB.Now().Add(-lookBack)), until: uuid.Max}
	if f.Since != nil {
		w.since = lowest(*f.Since)
	}
	if f.Until != nil {
		w.until = lowest(*f.Until)
	}
	if f.ActorID != nil {
		w.actor = actorOf(*f.ActorID)
	}
	if f.Subject != nil {
		w.subject = *f.Subject
	}
	if f.Outcome != nil {
		w.outcome(*f.Outcome)
	}
	text := ""
	if f.Text != nil {
		text = *f.Text
	}
	if f.RequestID != nil {
		w.words = append(w.words, strings.ToLower(*f.RequestID))
	}
	w.text = strings.ToLower(strings.TrimSpace(text))
	w.words = append(w.words, strings.Fields(w.text)...)
	w.locale = authz.From(ctx).Locale
	switch {
	case len(w.actions) > maxActions && f.Outcome == nil:
		return w, fault.Invalid("filter.action", "too_many", "Ask for at most %d actions.", maxActions)
	case len(w.text) > maxText || strings.ContainsFunc(w.text, unicode.IsControl):
		return w, fault.Invalid("filter.text", "too_long", "Search for at most %d characters.", maxText)
	case w.text != "" && len([]rune(w.text)) < 2:
		return w, fault.Invalid("filter.text", "too_short", "Search for at least two characters.")
	case f.RequestID != nil && (len(*f.RequestID) > maxText || strings.ContainsFunc(*f.RequestID, unicode.IsControl)):
		return w, fault.Invalid("filter.requestId", "too_long", "The id of a request has at most %d characters.", maxText)
	case len(w.subject) > maxText || len(w.actor) > maxText:
		return w, fault.Invalid("filter", "too_long", "An id has at most 100 characters.")
	}
	return w, nil
}

// actorOf is how the ledger writes who has an id.
func actorOf(id string) string {
	switch prefix, _, _ := strings.Cut(id, "_"); prefix {
	case "usr":
		return "user:" + id
	case "key":
		return "key:" + id
	case "wtk":
		return "widget:" + id
	}
	return id // as the ledger has it: system:check
}

// lowest is the first id that may be made at an instant.
func lowest(at time.Time) (u uuid.UUID) {
	ms := max(0, at.UnixMilli())
	for n := range 6 {
		u[n] = byte(ms >> (40 - 8*n))
	}
	return u
}

func orgOf(u *uuid.UUID) ident.OrgID {
	if u == nil {
		return ident.OrgID{}
	}
	return ident.From[ident.OrgID](*u)
}
