package certificate

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// choice is a CA that may issue, and how it is shown that the name is ours to serve.
type choice struct {
	ca   CA
	mode ChallengeMode
}

// byDNS says that the CA is shown a line in the customer's DNS.
func (m ChallengeMode) byDNS() bool { return m == DNS01Delegated || m == DNSPersist01 }

// ways are the modes by which an order of this connection can be proven, the wanted one first: visitors' traffic that reaches us proves either way, unless the
// pre-flight found port 80 closed.
func (t *turn) ways(ready *connection.Preflight) []ChallengeMode {
	if !t.wanted.byDNS() && ready.Check != nil && analysis.TLSAlone(ready.Check.Probe) {
		return []ChallengeMode{TLSALPN01}
	}
	switch t.wanted {
	case HTTP01:
		return []ChallengeMode{HTTP01, TLSALPN01}
	case TLSALPN01:
		return []ChallengeMode{TLSALPN01, HTTP01}
	}
	return []ChallengeMode{t.wanted}
}

// candidates are the CAs that the pre-flight's CAA allows with a challenge that can be answered, in the order in which they are tried. A CA that failed on
// its own side twice in a row lets the next one try, and so on in turn (CE-2).
func (s *Service) candidates(t *turn, ready *connection.Preflight) []choice {
	var out []choice
	for _, ca := range s.CAs {
		for _, way := range t.ways(ready) {
			if (way != DNSPersist01 || ca.Persist) && allows(ready, ca, way) {
				out = append(out, choice{ca, way})
				break
			}
		}
	}
	var last finding.Finding
	if t.row.Certificate.LastError == nil || json.Unmarshal(t.row.Certificate.LastError, &last) != nil || !caSide(last.Code) || len(out) < 2 {
		return out
	}
	first := int(t.row.Certificate.Failures/2) % len(out)
	return slices.Concat(out[first:], out[:first])
}

// allows reads the CAA that the pre-flight found: may this CA issue, with this challenge (RFC 8657)? Without a view there was no set, or nobody reads CAA.
func allows(ready *connection.Preflight, ca CA, way ChallengeMode) bool {
	if ready.Check == nil || ready.Check.Caa == nil {
		return true
	}
	view := ready.Check.Caa
	if n := slices.IndexFunc(view.CAs, func(v analysis.CaaVerdict) bool { return v.CA == ca.Name }); n >= 0 {
		return view.CAs[n].Allowed && slices.Contains(view.CAs[n].Methods, challengeTypes[way])
	}
	return len(ca.Identities) == 0 || slices.ContainsFunc(ca.Identities, func(id string) bool { return slices.Contains(view.Allowed, id) })
}

// exempt says that the CA will count an order as the renewal that it asked for (RFC 9773 section 5), which its limits spare, and so do our budgets.
func (s *Service) exempt(ctx context.Context, t *turn, ca CA) bool {
	if s.replaces(t, ca) == "" {
		return false
	}
	directory, err := s.client(ca).GetDirectory(ctx)
	return err == nil && directory.RenewalInfo != ""
}
