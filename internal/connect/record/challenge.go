package record

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/recordq"
)

// Names at which CAs look for the customer's word, in front of the host.
const (
	challengeLabel = "_acme-challenge"     // RFC 8555 section 8.4
	persistLabel   = "_validation-persist" // draft-ietf-acme-dns-persist
)

// Challenge is the line that lets us answer a CA's DNS challenges: an alias to a name of the edge zone that is this connection's alone. It is added
// once and serves every renewal. Where the name itself cannot be routed yet, or is a wildcard, nothing else shows a CA that it may issue.
func Challenge(h Host, to string, position int32) Record {
	name := challengeLabel + "." + h.Base()
	return Record{Key: "certificate", Type: CNAME, Purpose: ACMEDelegation, Requirement: Required, FQDN: name, Name: relative(name, h.Registrable), Value: to, TTL: 300, Position: position, Status: Pending}
}

// Persist is the line that names our account to a CA for as long as it stands.
func Persist(h Host, value string, position int32) Record {
	name := persistLabel + "." + h.Base()
	return Record{Key: "certificate", Type: TXT, Purpose: ACMEPersist, Requirement: Required, FQDN: name, Name: relative(name, h.Registrable), Value: value, TTL: 300, Position: position, Status: Pending}
}

// Proving is the ownership TXT as a line that is recommended: it proves whose the name is before it points at us.
func Proving(h Host, token string, position int32) Record {
	name := txtLabel + "." + h.Base()
	return Record{Key: "ownership", Type: TXT, Purpose: Ownership, Requirement: Recommended, FQDN: name, Name: relative(name, h.Registrable), Value: Verification(token), TTL: 300, Position: position, Status: Pending}
}

// OfChallenge says that a line is what a CA is shown.
func (r *Record) OfChallenge() bool { return r.Purpose == ACMEDelegation || r.Purpose == ACMEPersist }

// ChallengeOf is the line that a CA is shown, nil where none is asked for.
func ChallengeOf(lines []*Record) *Record {
	for _, r := range lines {
		if r.OfChallenge() {
			return r
		}
	}
	return nil
}

// DropChallengesTx takes the lines away that CAs are shown.
func (s *Store) DropChallengesTx(ctx context.Context, tx *db.Tx, org ident.OrgID, con ident.ConnectionID) error {
	p := recordq.DropRecordsForParams{ConnectionID: con.UUID(), OrgID: org.UUID(), Purposes: []string{string(ACMEDelegation), string(ACMEPersist)}}
	if _, err := s.q.DropRecordsFor(ctx, tx, p); err != nil {
		return fmt.Errorf("take away the challenge lines of %s: %w", con, err)
	}
	return nil
}
