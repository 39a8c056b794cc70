package certificate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// standing is the status that a row keeps while it waits.
func (t *turn) standing() CertificateStatus {
	switch was := CertificateStatus(t.row.Certificate.Status); {
	case was == Revoked:
		return Revoked
	case t.renewal && was != Expired:
		return Issued
	case t.renewal, was == Failed:
		return was
	}
	return InCheck
}

// postpone ends the turn without news: not yet, and nobody did anything wrong.
func (s *Service) postpone(ctx context.Context, t *turn, due *time.Time) error {
	c := &t.row.Certificate
	_, err := s.q.Postpone(ctx, s.DB, certificateq.PostponeParams{ID: c.ID, OrgID: c.OrgID, Epoch: t.claim.Epoch, Status: string(t.standing()), Failures: c.Failures, LastError: c.LastError, AtRiskSince: c.AtRiskSince, DueAt: due})
	if err != nil {
		return fmt.Errorf("postpone the certificate %s: %w", t.id, err)
	}
	return nil
}

// unready notes what the pre-flight found. The connection knows it already, from the same check; for a renewal it is a failure with a cause.
func (s *Service) unready(ctx context.Context, t *turn, p *connection.Preflight) error {
	f := reasonOf(p, t.row.Hostname)
	if t.renewal {
		return s.failed(ctx, t, CA{Name: t.row.Certificate.Ca}, &trouble{finding: f, err: errors.New("the pre-flight does not allow the renewal")})
	}
	state := t.row.State
	if p.Connection != nil {
		state = string(p.Connection.State)
	}
	var due *time.Time // none: the event that ends what is in the way makes the row due again
	switch {
	case state == string(connection.Securing):
		due = new(s.DB.Now().Add(backoff(1)))
	case t.row.Certificate.Failures > 0:
		due = new(s.DB.Now().Add(max(5*time.Minute, backoff(t.row.Certificate.Failures))))
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	c := &t.row.Certificate
	_, err = s.q.Postpone(ctx, s.DB, certificateq.PostponeParams{ID: c.ID, OrgID: c.OrgID, Epoch: t.claim.Epoch, Status: string(t.standing()), Failures: c.Failures, LastError: raw, AtRiskSince: c.AtRiskSince, DueAt: due})
	if err != nil {
		return fmt.Errorf("note the pre-flight of %s: %w", t.id, err)
	}
	s.metrics.order("none", t.mode, "preflight")
	return nil
}

// reasonOf is the pre-flight's reason as a finding, the check's own where it has it.
func reasonOf(p *connection.Preflight, host string) finding.Finding {
	var all []finding.Finding
	if p.Check != nil {
		all = append(all, p.Check.Findings...)
	}
	if p.Connection != nil {
		all = append(all, p.Connection.Findings...)
	}
	if n := slices.IndexFunc(all, func(f finding.Finding) bool { return f.Code == p.Reason }); n >= 0 {
		return all[n]
	}
	code := p.Reason
	if _, known := finding.Lookup(code); !known {
		code = finding.CouldNotAsk
	}
	return finding.New(code, map[string]any{"name": host})
}

// exhausted waits for the budget; it never fails a certificate by itself.
func (s *Service) exhausted(ctx context.Context, t *turn, ca CA, e *exhausted) error {
	s.metrics.order(ca.Name, t.mode, finding.BudgetExhausted)
	at := e.until
	fair := e.bucket == orders && !t.renewal
	if fair {
		var err error
		if at, err = s.spread(ctx, t, at); err != nil {
			return err
		}
	}
	params := map[string]any{"name": t.row.Hostname}
	if !at.IsZero() {
		params["at"] = at.Format(time.RFC3339)
	}
	f := finding.New(finding.BudgetExhausted, params)
	if at.IsZero() {
		f = f.As(finding.Blocking)
	}
	if e.bucket == failures && t.row.Certificate.LastError != nil { // what failed says more than that it has to wait now
		return s.postpone(ctx, t, &at)
	}
	return s.wait(ctx, t, f, t.row.Certificate.Failures, at, func(ctx context.Context, d *door.Effect) error {
		if !fair {
			return nil
		}
		return s.queueUp(ctx, d.Tx, e.ca, t.org, e.until)
	})
}

// failed notes an order that came to nothing, and when it is tried again.
func (s *Service) failed(ctx context.Context, t *turn, ca CA, why *trouble) error {
	s.metrics.order(ca.Name, t.mode, why.finding.Code)
	s.log().InfoContext(ctx, "no certificate this time", "connection", t.con, "ca", ca.Name, "code", why.finding.Code, "err", why.err)
	count := t.row.Certificate.Failures + 1
	now := s.DB.Now()
	at := now.Add(backoff(count))
	if t.renewal && t.row.Certificate.NotAfter != nil { // a short life leaves less time between tries
		at = now.Add(min(backoff(count), max(5*time.Second, t.row.Certificate.NotAfter.Sub(now)/10)))
	}
	if why.until.After(at) {
		at = why.until
	}
	return s.wait(ctx, t, why.finding, count, at, func(ctx context.Context, e *door.Effect) error {
		if why.blames {
			return s.blame(ctx, e.Tx, ca.Name, t.row.Hostname)
		}
		if !why.until.IsZero() {
			return s.block(ctx, e.Tx, ca.Name, t.row.Hostname, why.until, why.finding.Code)
		}
		return nil
	})
}

// wait ends the turn with a finding that the certificate and its connection carry from now on. at is when it is tried again, zero: not by itself.
func (s *Service) wait(ctx context.Context, t *turn, f finding.Finding, count int32, at time.Time, also func(context.Context, *door.Effect) error) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	c := &t.row.Certificate
	p := certificateq.PostponeParams{ID: c.ID, OrgID: c.OrgID, Epoch: t.claim.Epoch, Status: string(t.standing()), Failures: count, LastError: raw, AtRiskSince: c.AtRiskSince}
	if !at.IsZero() {
		p.DueAt = &at
	}
	if !t.renewal && count > c.Failures || at.IsZero() && !t.renewal {
		p.Status = string(Failed)
	}
	return s.Door.System(ctx, "certificate", t.org, func(ctx context.Context, e *door.Effect) error {
		facet, told := t.facet(f, e.Tx.Now)
		if facet.Value == connection.Expired {
			p.Status = string(Expired)
		}
		if p.AtRiskSince == nil && (facet.Value == connection.AtRisk || facet.Value == connection.Expired) {
			p.AtRiskSince = &e.Tx.Now
		}
		if n, err := s.q.Postpone(ctx, e.Tx, p); err != nil {
			return fmt.Errorf("postpone the certificate %s: %w", t.id, err)
		} else if n == 0 {
			return door.ErrNothing
		}
		e.Quiet()
		if told != "" {
			e.Record(event.Change{OrgID: t.org, Action: told, Subject: t.id.String(), Version: 1, Stream: t.con.String(),
				Payload: map[string]any{"names": c.Names, "reason": f.Code, "daysLeft": daysLeft(c.NotAfter, e.Tx.Now)}})
		}
		hidden, err := s.hidden(ctx, e.Tx, t)
		if err != nil {
			return err
		}
		if !hidden {
			if err := s.Connections.SetTLSTx(ctx, e, t.con, facet); err != nil {
				return err
			}
		}
		if also != nil {
			return also(ctx, e)
		}
		return nil
	})
}

// facet is what a failure means for the connection, and the event that it is where there is one. Before there is a certificate, what blocks needs a
// person and the rest waits. A certificate that stands is at risk from two thirds of its life on.
func (t *turn) facet(f finding.Finding, now time.Time) (connection.TLS, string) {
	c := &t.row.Certificate
	if !t.renewal || c.NotAfter == nil || c.NotBefore == nil {
		if f.Severity == finding.Blocking {
			return connection.TLS{Value: connection.BlockedTLS, Reason: f.Code, Finding: &f}, ""
		}
		return connection.TLS{Value: connection.Pending, Reason: f.Code, Finding: &f}, ""
	}
	left, life := c.NotAfter.Sub(now), c.NotAfter.Sub(*c.NotBefore)
	switch {
	case left <= 0:
		expired, told := finding.New(finding.CertificateExpired, map[string]any{"name": t.row.Hostname}), ""
		if c.Status != string(Expired) {
			told = "certificate.expired"
		}
		return connection.TLS{Value: connection.Expired, Reason: expired.Code, Finding: &expired}, told
	case left < life/3:
		risk, told := finding.New(finding.RenewalAtRisk, map[string]any{"name": t.row.Hostname, "daysLeft": daysLeft(c.NotAfter, now)}), ""
		if c.AtRiskSince == nil { // it may have failed before, with more time left
			told = "certificate.renewal_at_risk"
		}
		return connection.TLS{Value: connection.AtRisk, Reason: risk.Code, Finding: &risk}, told
	}
	return connection.TLS{Value: connection.Renewing, Reason: f.Code, Finding: &f}, ""
}

func daysLeft(notAfter *time.Time, now time.Time) int32 {
	if notAfter == nil {
		return 0
	}
	return int32(notAfter.Sub(now) / (24 * time.Hour))
}
