package connection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// turn is one due row of a connection that this process holds.
type turn struct {
	con     ident.ConnectionID
	org     ident.OrgID
	kind    string
	epoch   int64
	trigger analysis.CheckTrigger
	watched bool
}

// queue is the work of one kind of due row: of the urgent ones, or of the others.
func (s *Service) queue(name, kind string, urgent bool, timeout time.Duration, run func(context.Context, turn) error) work.Queue {
	return work.Queue{
		Name: name, Batch: 50, Concurrency: 32, Timeout: timeout,
		Take: func(ctx context.Context, tx *db.Tx, owner string, until time.Time, n int32) ([]work.Claim, error) {
			rows, err := s.q.TakeDue(ctx, tx, connectionq.TakeDueParams{Kind: kind, Urgent: urgent, Now: tx.Now, Most: n, Owner: owner, Until: until})
			if err != nil {
				return nil, fmt.Errorf("take due rows of %s: %w", name, err)
			}
			claims := make([]work.Claim, len(rows))
			for n, r := range rows {
				t := turn{ident.From[ident.ConnectionID](r.ConnectionID), ident.From[ident.OrgID](r.OrgID), kind, r.Epoch, analysis.CheckTrigger(r.Trigger), r.Watched}
				claims[n] = work.Claim{ID: t.con.String(), Epoch: r.Epoch, Data: t}
			}
			return claims, nil
		},
		Extend: func(ctx context.Context, on work.Executor, until time.Time, c work.Claim) (bool, error) {
			return s.extend(ctx, on, until, c.Data.(turn))
		},
		Next: func(ctx context.Context, on work.Executor) (time.Time, error) {
			return s.q.NextDue(ctx, on, connectionq.NextDueParams{Kind: kind, Urgent: urgent})
		},
		Run: func(ctx context.Context, c work.Claim) error { return run(ctx, c.Data.(turn)) },
	}
}

func (s *Service) extend(ctx context.Context, on connectionq.DBTX, until time.Time, t turn) (bool, error) {
	n, err := s.q.ExtendDue(ctx, on, connectionq.ExtendDueParams{ConnectionID: t.con.UUID(), Kind: t.kind, Epoch: t.epoch, Until: until})
	return n == 1, err
}

// runCheck is one turn of a connection: look as deep as its situation asks for, outside of any transaction, then write what was seen in one.
func (s *Service) runCheck(ctx context.Context, t turn) error {
	began := s.DB.Now()
	c, err := s.read(ctx, t.org, t.con)
	if err != nil {
		return err
	}
	if c == nil {
		return s.end(ctx, t, never)
	}
	switch c.Turn(began, t.watched, forced(t.trigger)) {
	case NoCheck:
		return s.end(ctx, t, never)
	case LightPass:
		news, err := s.lightPass(ctx, c)
		if err != nil {
			return err
		}
		if !news {
			return s.end(ctx, t, *c.Next(s.DB.Now(), t.watched, false, true, s.rules()))
		}
	case ProbeProof:
		_, err = s.pass(ctx, t, c, analysis.Watch, began)
		return err
	}
	_, err = s.pass(ctx, t, c, c.depth(began, t.trigger), began)
	return err
}

// forced says that somebody asked for a check of everything.
func forced(trigger analysis.CheckTrigger) bool {
	return slices.Contains([]analysis.CheckTrigger{analysis.TriggerCreate, analysis.TriggerManual, analysis.TriggerPreIssue, analysis.TriggerPreRenew}, trigger)
}

// depth of a check: a live name's deciding records alone, and everything once a day and when somebody asks.
func (c *Connection) depth(now time.Time, trigger analysis.CheckTrigger) analysis.Depth {
	if c.State != Live || c.AnalyzedAt == nil || now.Sub(*c.AnalyzedAt) >= 24*time.Hour || forced(trigger) {
		return analysis.Full
	}
	return analysis.Watch
}

// end closes a turn that wrote nothing.
func (s *Service) end(ctx context.Context, t turn, next time.Time) error {
	_, err := s.q.FinishDue(ctx, s.DB, connectionq.FinishDueParams{ConnectionID: t.con.UUID(), OrgID: t.org.UUID(), Kind: t.kind, Epoch: t.epoch, DueAt: next, Urgent: urgent(s.DB.Now(), next)})
	if err != nil {
		return fmt.Errorf("end the turn of %s: %w", t.con, err)
	}
	return nil
}

// lightPass asks every server of the zone for the lines that are missing, and says whether anything moved.
func (s *Service) lightPass(ctx context.Context, c *Connection) (bool, error) {
	lines, err := s.linesOf(ctx, s.DB, c)
	if err != nil {
		return false, err
	}
	last, err := s.Checks.Last(ctx, s.DB, c.OrgID, c.ID)
	if err != nil {
		return false, err
	}
	if last[c.ID] == nil || last[c.ID].Zone == nil {
		return true, nil // there is no zone to ask yet: only a full pass can find one
	}
	q := s.question(c, record.Missing(lines))
	q.Depth, q.Zone, q.Interactive = analysis.Light, last[c.ID].Zone, true
	a, err := s.Analyzer.Analyze(ctx, q)
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", c.Hostname, err)
	}
	return a.Verdict != analysis.CouldNotAsk && record.News(lines, a.Records), nil
}

func (s *Service) linesOf(ctx context.Context, on connectionq.DBTX, c *Connection) ([]*record.Record, error) {
	lines, err := s.Records.Of(ctx, on, c.OrgID, c.ID)
	return lines[c.ID], err
}

// question is what the engine is asked about a connection.
func (s *Service) question(c *Connection, lines []*record.Record) analysis.Question {
	q := analysis.Question{
		Hostname: c.Base(), Wildcard: c.IsWildcard, Apex: c.IsApex, Registrable: c.RegistrableDomain, Target: c.Target, EdgeZone: s.Settings.EdgeZone,
		Expected: record.Expected(lines), Modes: c.methods(),
	}
	if slices.ContainsFunc(lines, func(r *record.Record) bool { return r.Purpose == record.Ownership }) {
		q.Verification = record.Verification(c.VerificationToken)
	}
	return q
}

// probes are those that tell something now: http before there is a certificate, once the name can reach us; https from then on, and http where it was closed.
func (c *Connection) probes(trigger analysis.CheckTrigger, depth analysis.Depth) analysis.ProbeWanted {
	switch c.Facets.TLS.Value {
	case NoTLS, Pending, BlockedTLS:
		return analysis.ProbeWanted{HTTP: c.serves() || c.PassCount > 0 || trigger == analysis.TriggerPreIssue, Anyway: c.Facets.Ownership.Moved}
	}
	if trigger == analysis.TriggerPreRenew {
		return analysis.ProbeWanted{HTTP: true}
	}
	known := slices.ContainsFunc(c.Findings, func(f finding.Finding) bool { return f.Code == finding.HTTPClosed })
	return analysis.ProbeWanted{HTTPS: true, HTTP: known && depth == analysis.Full}
}

// pass asks the engine for everything that decides and writes the answer. It answers the check; nil when the turn was lost meanwhile.
func (s *Service) pass(ctx context.Context, t turn, c *Connection, depth analysis.Depth, began time.Time) (*check.DnsCheck, error) {
	lines, err := s.linesOf(ctx, s.DB, c)
	if err != nil {
		return nil, err
	}
	q := s.question(c, lines)
	q.Depth, q.AskResolvers, q.First = depth, depth == analysis.Full, c.AnalyzedAt == nil
	q.Probe = c.probes(t.trigger, depth)
	q.Interactive = t.watched || forced(t.trigger) || c.AttentionUntil != nil && began.Before(*c.AttentionUntil)
	a, err := s.Analyzer.Analyze(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("analyse %s: %w", c.Hostname, err)
	}
	check.Clean(&a)
	if a.StartedAt.IsZero() {
		a.StartedAt = began
	}
	if a.FinishedAt.IsZero() {
		a.FinishedAt = s.DB.Now()
	}
	return s.write(ctx, t, q, &a, began)
}

// write brings an answer into the rows, in one transaction that the turn's epoch guards: facets, records, conflicts, claim, check, edge entry and the
// event. Who lost the turn writes nothing.
func (s *Service) write(ctx context.Context, t turn, q analysis.Question, a *analysis.Answer, began time.Time) (stored *check.DnsCheck, err error) {
	err = s.Door.System(ctx, "check", t.org, func(ctx context.Context, e *door.Effect) error {
		stored = nil
		c, err := s.lock(ctx, e.Tx, t.org, t.con)
		if err != nil {
			return err
		}
		held := connectionq.HoldDueParams{ConnectionID: t.con.UUID(), OrgID: t.org.UUID(), Kind: t.kind, Epoch: t.epoch}
		if _, err := s.q.HoldDue(ctx, e.Tx, held); db.NotFound(err) {
			return door.ErrNothing
		} else if err != nil {
			return fmt.Errorf("hold the turn of %s: %w", t.con, err)
		}
		id := ident.New[ident.CheckID](e.Tx.Now)
		w := writing{s: s, e: e, t: t, q: q, a: a, c: c, check: id}
		if c.over() {
			e.Quiet() // it ended while we asked
			return w.finish(ctx, never)
		}
		if err := w.bring(ctx, began); err != nil {
			return err
		}
		stored, err = s.Checks.Get(ctx, e.Tx, t.org, id)
		return err
	})
	if errors.Is(err, door.ErrNothing) {
		return nil, nil
	}
	return stored, err
}

// take holds the check row of one connection for a caller of this package (a pre-flight), waiting for a turn that runs.
func (s *Service) take(ctx context.Context, c *Connection, trigger analysis.CheckTrigger) (turn, error) {
	for {
		var t turn
		err := s.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			row, err := s.q.TakeDueOf(ctx, tx, connectionq.TakeDueOfParams{ConnectionID: c.ID.UUID(), OrgID: c.OrgID.UUID(), Kind: checkKind, Now: tx.Now, Until: tx.Now.Add(s.rules().CheckLimit)})
			if err == nil {
				t = turn{con: c.ID, org: c.OrgID, kind: checkKind, epoch: row.Epoch, trigger: trigger, watched: row.Watched}
			}
			return err
		})
		if !db.NotFound(err) {
			return t, err
		}
		select {
		case <-ctx.Done():
			return turn{}, fmt.Errorf("wait for the check of %s: %w", c.ID, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
