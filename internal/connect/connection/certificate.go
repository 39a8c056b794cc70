package connection

import (
	"context"
	"errors"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// Preflight is what an order relies on (CE-1): a check that is fresh, and whether it allows the order.
type Preflight struct {
	Connection *Connection
	Check      *check.DnsCheck // its CAA view says which CAs are allowed, its age is below a minute
	OK         bool
	Reason     string // code of what is in the way
}

// Ready answers a pre-flight for an order, made now unless there is one younger than a minute that allowed it (I3). A renewal asks less: ownership is
// proven and the probe passes in every family (RU-29), and it always looks anew. The caller is the product itself.
func (s *Service) Ready(ctx context.Context, id ident.ConnectionID, renewal bool) (*Preflight, error) {
	ctx = authz.System(ctx, "preflight")
	_, c, err := s.reach(ctx, "connection.check", id)
	if err != nil {
		return nil, err
	}
	if !renewal {
		last, err := s.Checks.Last(ctx, s.DB, c.OrgID, id)
		if err != nil {
			return nil, err
		}
		if p := s.judge(c, last[id], false); p.OK && s.DB.Now().Sub(p.Check.StartedAt) < s.rules().Preflight/2 {
			return p, nil
		}
	}
	trigger := analysis.TriggerPreIssue
	if renewal {
		trigger = analysis.TriggerPreRenew
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 2*s.rules().CheckLimit, fmt.Errorf("the pre-flight of %s took too long", c.Hostname))
	defer cancel()
	t, err := s.take(ctx, c, trigger)
	if err != nil {
		return nil, err
	}
	done, err := s.preflight(ctx, t)
	if err != nil {
		return nil, errors.Join(err, s.end(context.WithoutCancel(ctx), t, s.DB.Now()))
	}
	if c, err = s.read(ctx, t.org, t.con); err != nil {
		return nil, err
	}
	return s.judge(c, done, renewal), nil
}

// preflight looks at the connection as it stands now that its row is held.
func (s *Service) preflight(ctx context.Context, t turn) (*check.DnsCheck, error) {
	c, err := s.read(ctx, t.org, t.con)
	if err != nil {
		return nil, err
	}
	return s.pass(ctx, t, c, analysis.Full, s.DB.Now())
}

// judge says whether a check allows an order.
func (s *Service) judge(c *Connection, done *check.DnsCheck, renewal bool) *Preflight {
	p := &Preflight{Connection: c, Check: done}
	switch {
	case c.ArchivedAt != nil || c.SuspendedAt != nil || c.Facets.Ownership.Value != Verified:
		p.Reason = finding.OwnershipUnproven
	case done == nil || done.Verdict == nil || *done.Verdict == analysis.CouldNotAsk:
		p.Reason = finding.CouldNotAsk
	case c.byDNS() && !c.Facets.TLS.Delegated:
		p.Reason = firstOf(c.Facets.TLS.why(), finding.RecordAbsent)
	case c.byDNS():
		p.Reason = rulesOf(done)
	case !renewal && !c.Facets.Ownership.Moved && c.Facets.DNS.Value != Correct:
		p.Reason = firstOf(c.Facets.DNS.why(), finding.RecordAbsent)
	case !renewal && c.Facets.TLS.Value == BlockedTLS && c.Facets.TLS.CheckID != nil:
		p.Reason = c.Facets.TLS.why()
	default:
		p.Reason = refusal(done)
	}
	p.OK = p.Reason == ""
	return p
}

// rulesOf is what a check says against any order: CAA, DNSSEC.
func rulesOf(done *check.DnsCheck) string {
	for _, f := range done.Findings {
		if f.Facet == finding.TLS && f.Severity == finding.Blocking {
			return f.Code
		}
	}
	return ""
}

// refusal is what a check itself says against an order that visitors' traffic is needed for: the rules, an address that does not answer, no probe.
func refusal(done *check.DnsCheck) string {
	if why := rulesOf(done); why != "" {
		return why
	}
	if len(done.Probe) == 0 {
		return finding.HTTPUnreachable
	}
	return outcome(done.Probe, false).Why
}

func firstOf(codes ...string) string {
	for _, c := range codes {
		if c != "" {
			return c
		}
	}
	return ""
}

// TLS is what a certificate says about its connection.
type TLS struct {
	Value       string // Pending, Issued, Renewing, AtRisk, Expired or BlockedTLS
	Reason      string // a finding code: why it is blocked or at risk
	Finding     *finding.Finding
	Certificate ident.CertificateID // with Issued
}

// SetTLSTx brings the facet tls in line with the certificate, inside the change that moves the certificate. With Issued the HTTPS probe is due at once;
// a blocked one stays blocked until the certificate says otherwise. What the state makes of it is recorded with e.
func (s *Service) SetTLSTx(ctx context.Context, e *door.Effect, id ident.ConnectionID, to TLS) error {
	c, err := s.lock(ctx, e.Tx, e.Scope.Org(), id)
	if err != nil {
		return err
	}
	if c.State == Archived {
		return nil
	}
	app, err := s.around(ctx, e.Tx, c)
	if err != nil {
		return err
	}
	before := *c
	f := &c.Facets.TLS
	if to.Value == Issued && f.Value == Issued {
		f.Since = e.Tx.Now // a renewal: proven again from now on
	}
	f.set(to.Value, to.Reason, e.Tx.Now, nil)
	if !to.Certificate.IsZero() {
		f.Certificate = to.Certificate
	}
	if to.Value == Issued && f.First == nil {
		f.First = new(e.Tx.Now)
	}
	c.Findings = withTLS(c.Findings, to.Finding)
	c.Person = person(c.Findings)
	_, event := c.Settle(e.Tx.Now, app.rules)
	m := news(&before, c)
	if !m.any(&before, c) {
		return nil
	}
	if err := s.save(ctx, e.Tx, c, true); err != nil {
		return err
	}
	if event == "" {
		event = "connection.checked"
	}
	m.tell(event, c)
	e.Record(change(c, event, m))
	if to.Value == Issued {
		return s.makeDue(ctx, e, c, e.Tx.Now, analysis.TriggerSchedule)
	}
	if !before.certAllowed() || c.certAllowed() {
		return nil
	}
	return s.putEntry(ctx, e, c, app) // nobody may order for it from now on, and the next check may be hours away (I1)
}

// withTLS replaces what certificates said before.
func withTLS(all []finding.Finding, f *finding.Finding) []finding.Finding {
	out := []finding.Finding{}
	for _, g := range all {
		if g.Facet != finding.TLS {
			out = append(out, g)
		}
	}
	if f != nil {
		out = append(out, *f)
	}
	return out
}
