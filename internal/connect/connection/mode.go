package connection

import (
	"context"
	"fmt"
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// How a CA is shown that the name is ours to serve; words of certificate.ChallengeMode.
const (
	byHTTP      = "HTTP_01"
	byTLS       = "TLS_ALPN_01"
	byDelegated = "DNS_01_DELEGATED"
	byPersist   = "DNS_PERSIST_01"
)

// byDNS says that CAs are shown a line in the customer's DNS, and no traffic is needed.
func (c *Connection) byDNS() bool { return c.TLSMode == byDelegated || c.TLSMode == byPersist }

// methods are the ACME challenge types that an order may use, preferred first. DNS challenges are last for names that go without: where a CAA record
// leaves nothing else, they are what to ask the customer for.
func (c *Connection) methods() []string {
	switch {
	case c.TLSMode == byPersist:
		return []string{"dns-persist-01"}
	case c.TLSMode == byDelegated:
		return []string{"dns-01"}
	case c.TLSMode == byTLS:
		return []string{"tls-alpn-01", "http-01", "dns-01"}
	}
	return []string{"http-01", "tls-alpn-01", "dns-01"}
}

// only says that of the methods that CAA leaves us the DNS challenge is all there is.
func only(view *analysis.CaaView) bool {
	some := false
	for _, ca := range view.CAs {
		if ca.Allowed && (slices.Contains(ca.Methods, "http-01") || slices.Contains(ca.Methods, "tls-alpn-01")) {
			return false
		}
		some = some || ca.Allowed && slices.Contains(ca.Methods, "dns-01")
	}
	return some
}

// ModeChanged is the payload of certificate.mode_changed.
type ModeChanged struct {
	V        int    `json:"v"`
	Hostname string `json:"hostname"`
	From     string `json:"from"`
	To       string `json:"to"`
}

// SetModeTx changes how CAs are shown that the name is ours to serve, inside a change of certificates, and plans the line that this needs: persist is the
// value of that line where the mode is DNS_PERSIST_01. A check is due at once. It answers false where nothing changed.
func (s *Service) SetModeTx(ctx context.Context, e *door.Effect, id ident.ConnectionID, mode, persist string) (bool, error) {
	c, err := s.lock(ctx, e.Tx, e.Scope.Org(), id)
	if err != nil {
		return false, err
	}
	if c.State == Archived {
		return false, noFit(c)
	}
	if c.TLSMode == mode {
		return false, nil
	}
	before := *c
	if err := s.setMode(ctx, e, c, mode, persist); err != nil {
		return false, err
	}
	if t := &c.Facets.TLS; t.Value == Pending || t.Value == BlockedTLS {
		t.set(NoTLS, "", e.Tx.Now, nil) // the next check says what the other way needs
	}
	_, moved := c.Settle(e.Tx.Now, s.rules())
	if err := s.save(ctx, e.Tx, c, true); err != nil {
		return false, err
	}
	if moved != "" {
		m := news(&before, c)
		m.tell(moved, c)
		e.Record(change(c, moved, m))
	}
	if c.FailedAt != nil || c.SuspendedAt != nil {
		return true, nil
	}
	return true, s.makeDue(ctx, e, c, e.Tx.Now, analysis.TriggerManual)
}

// setMode writes the mode and its lines. The connection is locked.
func (s *Service) setMode(ctx context.Context, e *door.Effect, c *Connection, mode, persist string) error {
	from := c.TLSMode
	c.TLSMode, c.Facets.TLS.Delegated = mode, false
	if err := s.q.SetTLSMode(ctx, e.Tx, connectionq.SetTLSModeParams{ID: c.ID.UUID(), OrgID: c.OrgID.UUID(), TlsMode: mode}); err != nil {
		return fmt.Errorf("set the certificate mode of %s: %w", c.ID, err)
	}
	if err := s.Records.DropChallengesTx(ctx, e.Tx, c.OrgID, c.ID); err != nil {
		return err
	}
	lines, err := s.linesOf(ctx, e.Tx, c)
	if err != nil {
		return err
	}
	if more := s.challengeLines(c, lines, persist); len(more) > 0 {
		if err := s.Records.AddTx(ctx, e.Tx, c.OrgID, c.ID, more); err != nil {
			return err
		}
	}
	ch := change(c, "certificate.mode_changed", ModeChanged{1, c.Hostname, from, mode})
	ch.Audited = true
	e.Record(ch)
	return nil
}

// challengeLines are what a connection's mode asks for beside its recipe: the line that CAs are shown, and the TXT by which the name can be proven before
// it points at us.
func (s *Service) challengeLines(c *Connection, lines []*record.Record, persist string) []record.Record {
	host, at := record.Host{Name: c.Hostname, Registrable: c.RegistrableDomain, Wildcard: c.IsWildcard}, int32(0)
	proves := false
	for _, r := range lines {
		at, proves = max(at, r.Position+1), proves || r.Purpose == record.Ownership
	}
	var out []record.Record
	switch {
	case c.delegated(): // we answer below the name
		return nil
	case c.TLSMode == byDelegated:
		out = append(out, record.Challenge(host, s.Edge.Challenge(c.TargetToken), at))
	case c.TLSMode == byPersist:
		out = append(out, record.Persist(host, persist, at))
	default:
		return nil
	}
	if !proves {
		out = append(out, record.Proving(host, c.VerificationToken, at+1))
	}
	return out
}

// modeOf is how a new connection's certificate is asked for: a wildcard has no page at which a CA could look, and what is below a delegated name is one.
func modeOf(wildcard bool, how SetupType) string {
	if wildcard || how == Delegation {
		return byDelegated
	}
	return byHTTP
}
