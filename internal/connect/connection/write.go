package connection

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// writing is the transaction that brings one answer into the rows.
type writing struct {
	s     *Service
	e     *door.Effect
	t     turn
	app   surroundings
	q     analysis.Question
	a     *analysis.Answer
	c     *Connection // locked, and brought up to date step by step
	check ident.CheckID

	former *Connection                   // whose name this is from now on
	late   []func(context.Context) error // what is written to the projection, last
	heard  bool                          // something is news that no facet shows
	began  bool                          // this pass contested a name
}

// bring folds the answer into the connection as it stands now; what others changed while the questions were out stays.
func (w *writing) bring(ctx context.Context, began time.Time) error {
	var err error
	if w.app, err = w.s.around(ctx, w.e.Tx, w.c); err != nil {
		return err
	}
	before := *w.c
	if w.a.Verdict == analysis.CouldNotAsk && !theirs(w.a) {
		return w.unmoved(ctx, &before)
	}
	switched, err := w.chooseMode(ctx)
	if err != nil {
		return err
	}
	lines, err := w.s.linesOf(ctx, w.e.Tx, w.c)
	if err != nil {
		return err
	}
	kept, err := w.s.Records.ConflictsOf(ctx, w.e.Tx, w.c.OrgID, w.c.ID)
	if err != nil {
		return err
	}
	moved := record.Match(lines, w.a.Records, w.e.Tx.Now, w.a.Eta)
	if w.a.Verdict != analysis.CouldNotAsk {
		w.learn()
	}
	proven := proof(w.a, lines, w.app.byTarget)
	standing, err := w.s.Claims.SettleTx(ctx, w.e.Tx, w.c.Hostname, w.c.OrgID, w.c.ID, proven)
	if err != nil {
		return err
	}
	if standing, err = w.contend(ctx, standing, lines); err != nil {
		return err
	}
	if standing.New && proven == claim.None {
		proven = claim.Transfer
	}
	if standing.New && w.c.delegated() {
		w.late = append(w.late, func(ctx context.Context) error { return w.s.answerFor(ctx, w.e, w.c) })
	}
	w.c.Findings = findingsOf(w.c, w.a, w.q.Depth, standing)
	seen := reduce(w.c.ID, w.a, w.q.Probe, lines, kept[w.c.ID], standing)
	if seen.HTTPS.Made && !seen.HTTPS.Passed && w.c.settling(w.e.Tx.Now) {
		// The edges are about to learn the certificate: that they do not have it yet is no news to anybody.
		seen.HTTPS = Outcome{}
		w.c.Findings = slices.DeleteFunc(w.c.Findings, func(f finding.Finding) bool { return f.Facet == finding.Edge && f.Code != finding.HTTPClosed })
	}
	seen.Began, seen.Now, seen.Check, seen.Person = began, w.e.Tx.Now, w.check, person(w.c.Findings)
	seen.Preflight, seen.Full = w.t.trigger == analysis.TriggerPreIssue, w.q.Depth == analysis.Full
	rules := w.app.rules
	if w.c.left() {
		if !seen.Routed {
			return w.stillGone(ctx, &before)
		}
		w.c.resume(w.e.Tx.Now, rules)
	}
	w.c.Fold(seen, rules)
	if e := &w.c.Facets.Edge; w.c.CompanionOf != nil && e.Value == Serving {
		e.set(Redirecting, "", w.e.Tx.Now, &w.check)
	}
	if w.c.lapsed(seen) {
		if ended, err := w.lapse(ctx, rules); ended || err != nil {
			return err
		}
	}
	_, event := w.c.Settle(w.e.Tx.Now, rules)
	if err := w.s.Records.SaveTx(ctx, w.e.Tx, w.c.OrgID, lines); err != nil {
		return err
	}
	conflicts, err := w.s.Records.SeeTx(ctx, w.e.Tx, w.c.OrgID, w.c.ID, w.conflicts())
	if err != nil {
		return err
	}
	m := news(&before, w.c)
	m.Records, m.CheckID = moved, &w.check
	isNews := m.any(&before, w.c) || conflicts || standing.New || w.heard || switched
	next := w.c.Next(w.e.Tx.Now, w.t.watched, isNews, false, rules)
	w.c.looked(w.e.Tx.Now, rules)
	if err := w.s.save(ctx, w.e.Tx, w.c, isNews); err != nil {
		return err
	}
	if err := w.store(ctx, &before, isNews); err != nil {
		return err
	}
	w.record(standing.New, proven, event, isNews, m)
	return w.close(ctx, next)
}

// chooseMode asks for the line in the DNS where a CAA record leaves CAs nothing else to be shown.
func (w *writing) chooseMode(ctx context.Context) (bool, error) {
	if w.a.Caa == nil || w.c.byDNS() || !only(w.a.Caa) {
		return false, nil
	}
	return true, w.s.setMode(ctx, w.e, w.c, byDelegated, "")
}

// unmoved keeps the check, moves nothing and tells nobody (I7).
func (w *writing) unmoved(ctx context.Context, before *Connection) error {
	next := w.c.Next(w.e.Tx.Now, w.t.watched, false, false, w.app.rules)
	if err := w.s.save(ctx, w.e.Tx, w.c, false); err != nil {
		return err
	}
	if err := w.store(ctx, before, false); err != nil {
		return err
	}
	w.e.Quiet()
	return w.finish(ctx, orNever(next))
}

// learn takes over what an answer says about the zone and its provider; a pass without discovery says nothing.
func (w *writing) learn() {
	if w.a.Zone != nil && w.a.Zone.Apex != "" {
		w.c.ZoneApex = &w.a.Zone.Apex
	}
	if w.q.Depth == analysis.Full {
		w.c.ProviderSlug, w.c.ProviderConfidence = nil, nil
		if p := w.a.Provider.Provider; p != nil {
			w.c.ProviderSlug, w.c.ProviderConfidence = &p.Slug, &w.a.Provider.Confidence
		}
		w.c.Eta = w.a.Eta
	}
}

// conflicts of the answer; the engine may name one twice.
func (w *writing) conflicts() []analysis.ConflictSeen {
	type place struct{ kind, name, rtype string }
	seen, out := map[place]bool{}, []analysis.ConflictSeen{}
	for _, c := range w.a.Conflicts {
		if at := (place{c.Kind, c.Name, c.Type}); !seen[at] {
			seen[at] = true
			out = append(out, c)
		}
	}
	return out
}

func (w *writing) store(ctx context.Context, before *Connection, changed bool) error {
	c, first := w.c, before.FirstLiveAt == nil && w.c.FirstLiveAt != nil
	w.e.After(func() { w.s.metrics.wrote(string(w.t.trigger), string(w.a.Verdict), before.State, c, first) })
	of := check.Of{Org: w.c.OrgID, Application: w.c.ApplicationID, Connection: w.c.ID, Trigger: w.t.trigger, Changed: changed || w.t.trigger == analysis.TriggerManual}
	return w.s.Checks.AddTx(ctx, w.e.Tx, w.check, of, w.a)
}

// record notes the events: that the name is proven, and either the change of state or what else moved.
func (w *writing) record(proven bool, how claim.Proof, event string, isNews bool, m Moved) {
	if !isNews {
		w.e.Quiet()
		return
	}
	if proven {
		w.e.Record(change(w.c, "connection.ownership_verified", Proven{V: 1, Hostname: w.c.Hostname, Proof: how, CheckID: w.check}))
	}
	if w.former != nil {
		w.e.Record(change(w.c, "connection.transferred", Transferred{1, w.c.Hostname, w.c.ApplicationID, "in", false}))
	}
	if w.began {
		both := m
		both.tell("connection.contested", w.c)
		w.e.Record(change(w.c, "connection.contested", both))
	}
	if event == "" {
		event = "connection.checked"
	}
	m.tell(event, w.c)
	w.e.Record(change(w.c, event, m))
}

// close ends the turn, keeps the window's timer, and writes the projection last, because its lock stands in everybody's way.
func (w *writing) close(ctx context.Context, next *time.Time) error {
	if err := w.finish(ctx, orNever(next)); err != nil {
		return err
	}
	until := w.c.WindowEndsAt
	if w.c.left() {
		until = new(w.c.SuspendedAt.Add(w.s.rules().Left))
	}
	if until != nil && (w.c.State == ActionRequired || w.c.State == Verifying || w.c.State == Suspended) {
		if err := w.s.setDue(ctx, w.e.Tx, w.c, timerKind, *until); err != nil {
			return err
		}
	}
	for _, write := range w.late {
		if err := write(ctx); err != nil {
			return err
		}
	}
	return w.s.moveEntry(ctx, w.e, w.former, w.c, w.app)
}

func (w *writing) finish(ctx context.Context, next time.Time) error {
	_, err := w.s.q.FinishDue(ctx, w.e.Tx, connectionq.FinishDueParams{ConnectionID: w.t.con.UUID(), OrgID: w.t.org.UUID(), Kind: w.t.kind, Epoch: w.t.epoch, DueAt: next, Urgent: urgent(w.e.Tx.Now, next)})
	if err != nil {
		return fmt.Errorf("end the turn of %s: %w", w.t.con, err)
	}
	return nil
}

func orNever(t *time.Time) time.Time {
	if t == nil {
		return never
	}
	return *t
}

// putEntry writes what the edges serve. Nothing is written for a name that this connection does not hold (CL-3).
func (s *Service) putEntry(ctx context.Context, e *door.Effect, c *Connection, app surroundings) error {
	return s.moveEntry(ctx, e, nil, c, app)
}

// moveEntry is putEntry for a name that comes from a former connection, if there is one: all edges switch at the same instant.
func (s *Service) moveEntry(ctx context.Context, e *door.Effect, former, c *Connection, app surroundings) error {
	if !c.serves() {
		return nil
	}
	if c.SuspendedAt != nil {
		if err := s.Edge.SuspendTx(ctx, e.Tx, c.Hostname, c.ID); err != nil {
			return fmt.Errorf("suspend %s at the edges: %w", c.Hostname, err)
		}
		return nil
	}
	route := edgeentry.Route{Application: app.name, ApplicationID: c.ApplicationID, ConnectionID: c.ID, CustomerRef: deref(c.ExternalRef), HSTSMaxAge: app.hsts, Below: c.delegated()}
	route.Companion = c.led(app)
	up := c.Upstream
	if up == nil && c.CompanionOf == nil {
		up = app.upstream
	}
	if up != nil {
		route.Upstream = &edgeentry.Upstream{OriginURL: up.OriginURL, HostHeader: string(up.HostHeader), CustomHost: up.CustomHost, ConnectTimeoutMs: up.ConnectTimeoutMs,
			ResponseTimeoutMs: up.ResponseTimeoutMs, TLSVerify: up.TLSVerify}
	}
	if c.Facets.Edge.Proxied && c.ProviderSlug != nil {
		route.ProxiedBy = *c.ProviderSlug
	}
	entry := edgeentry.Entry{Hostname: c.Hostname, ConnectionID: c.ID, OrgID: c.OrgID, Serve: true, CertAllowed: c.certAllowed(), Mode: edgeentry.Proxy, Route: route}
	put := func() error { return s.Edge.PutTx(ctx, e.Tx, entry) }
	if former != nil {
		put = func() error { return s.Edge.MoveTx(ctx, e.Tx, former.ID, entry) }
	}
	if err := put(); err != nil {
		return fmt.Errorf("write the edge entry of %s: %w", c.ID, err)
	}
	return nil
}
