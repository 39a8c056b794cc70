package certificate

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

type modeInput struct {
	Connection ident.ConnectionID
	Mode       ChallengeMode
	Persist    string // value of the line that names our account
}

// SetMode says how CAs are shown that the connection's name is ours to serve, and ends a certificate that the customer brought: one of ours takes over as
// soon as it is there. The answer's records say what the mode needs.
func (s *Service) SetMode(ctx context.Context, con ident.ConnectionID, mode ChallengeMode) (*connection.ConnectionPayload, error) {
	if _, err := s.orgOf(ctx, con); err != nil {
		return nil, err
	}
	in := modeInput{Connection: con, Mode: mode}
	if mode == DNSPersist01 {
		var err error
		if in.Persist, err = s.persistValue(ctx, con); err != nil {
			return nil, err
		}
	}
	_, err := door.Do(ctx, s.Door, door.Change[modeInput, ident.ConnectionID]{
		Action:   door.Action{Name: "certificate.set_mode", Permission: permission},
		Org:      func(ctx context.Context, in modeInput) (ident.OrgID, error) { return s.orgOf(ctx, in.Connection) },
		Validate: s.validateMode,
		Do:       s.setMode,
	}, in)
	if err != nil {
		return nil, err
	}
	c, err := s.Connections.Get(ctx, con)
	return &connection.ConnectionPayload{Connection: c}, err
}

func (s *Service) validateMode(ctx context.Context, e *door.Effect, in *modeInput) error {
	facts, err := s.facts(ctx, e.Tx, in.Connection)
	if err != nil {
		return err
	}
	refuse := func(reason, text string) error { return fault.Invalid("mode", reason, "%s", text) }
	if facts.Delegated && in.Mode != Imported && in.Mode != DNS01Delegated {
		return refuse("delegated_needs_dns", "This domain was delegated to us with everything below it, which only DNS_01_DELEGATED can show. It needs no record of its own for that.")
	}
	switch in.Mode {
	case Imported:
		return refuse("import_certificate", "Bring a certificate with importCertificate.")
	case HTTP01, TLSALPN01:
		if facts.IsWildcard {
			return refuse("wildcard_needs_dns", "A wildcard has no page at which a certification authority could look. Choose DNS_01_DELEGATED or DNS_PERSIST_01.")
		}
	case DNSPersist01:
		if in.Persist == "" {
			return refuse("mode_not_offered", "None of the certification authorities of this installation offers DNS_PERSIST_01.")
		}
	}
	return nil
}

func (s *Service) setMode(ctx context.Context, e *door.Effect, in modeInput) (ident.ConnectionID, error) {
	_, imported, err := s.lockBoth(ctx, e.Tx, e.Scope.Org(), in.Connection)
	if err != nil {
		return in.Connection, err
	}
	changed, err := s.Connections.SetModeTx(ctx, e, in.Connection, string(in.Mode), in.Persist)
	if err != nil {
		return in.Connection, err
	}
	if imported == nil {
		if !changed {
			e.Quiet()
		}
		return in.Connection, nil
	}
	return in.Connection, s.endImport(ctx, e, in.Connection)
}

// endImport gives the place of a certificate that the customer brought to ours, which is ordered where there is none.
func (s *Service) endImport(ctx context.Context, e *door.Effect, con ident.ConnectionID) error {
	org := e.Scope.Org()
	if err := s.planTx(ctx, e.Tx, org, con); err != nil {
		return err
	}
	ours, imported, err := s.lockBoth(ctx, e.Tx, org, con)
	if err != nil {
		return err
	}
	if ours == nil || imported == nil {
		return nil // nobody stands for this organization: nothing is ordered
	}
	facts, err := s.facts(ctx, e.Tx, con)
	if err != nil {
		return err
	}
	id := ident.From[ident.CertificateID](ours.ID)
	if err := s.succeed(ctx, e.Tx, imported, id); err != nil {
		return err
	}
	if ours.SealedKey == nil || !ours.NotAfter.After(e.Tx.Now) {
		return nil // the customer's is presented until ours is there
	}
	if err := s.Connections.SetTLSTx(ctx, e, con, connection.TLS{Value: connection.Issued, Certificate: id}); err != nil {
		return err
	}
	return s.Edge.PresentTx(ctx, e.Tx, facts.Hostname, con, id)
}

// persistValue is what a line in the customer's zone says to the first CA that reads such lines, "" where none does. It names our account there, which is
// registered for it.
func (s *Service) persistValue(ctx context.Context, con ident.ConnectionID) (string, error) {
	facts, err := s.q.OrgOfConnection(ctx, s.DB, certificateq.OrgOfConnectionParams{ID: con.UUID()})
	if err != nil {
		return "", fmt.Errorf("read %s: %w", con, err)
	}
	for _, ca := range s.CAs {
		if !ca.Persist || len(ca.Identities) == 0 {
			continue
		}
		account, err := s.account(ctx, ca)
		if err != nil {
			s.log().WarnContext(ctx, "no account for a record that names it", "ca", ca.Name, "err", err)
			return "", fault.Unavailable("ca_unavailable", "The certification authority cannot be reached now. Try again in a few minutes.")
		}
		value := ca.Identities[0] + "; accounturi=" + account.Location
		if facts.IsWildcard {
			value += "; policy=wildcard"
		}
		return value, nil
	}
	return "", nil
}
