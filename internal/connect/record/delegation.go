package record

import (
	"slices"
	"strconv"
	"strings"
)

// Delegate replaces the lines of a name by those that hand it over to us as a whole: an NS record for each of our name servers (N17). What a recipe
// wants at the name or below it is ours to answer from then on, and nobody is asked to add it; lines elsewhere in the customer's domain stay.
func Delegate(lines []Record, h Host, servers []string) []Record {
	out := make([]Record, 0, len(servers))
	for n, server := range servers {
		out = append(out, Record{Key: "delegation-" + strconv.Itoa(n+1), Type: NS, Purpose: Delegation, Requirement: Required, FQDN: h.Base(), Name: relative(h.Base(), h.Registrable), Value: server,
			TTL: 300, Position: int32(n), Status: Pending})
	}
	for _, r := range lines {
		if r.Purpose != Routing && r.Purpose != Ownership && r.FQDN != h.Base() && !strings.HasSuffix(r.FQDN, "."+h.Base()) {
			r.Position = int32(len(out))
			out = append(out, r)
		}
	}
	return out
}

// Delegates says that the lines hand the name over as a whole.
func Delegates(lines []*Record) bool {
	return slices.ContainsFunc(lines, func(r *Record) bool { return r.Purpose == Delegation })
}

// routes says that the line leads visitors to us.
func (r *Record) routes() bool { return r.Purpose == Routing || r.Purpose == Delegation }
