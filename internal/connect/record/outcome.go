package record

import "slices"

// AnswerOutcome is what one server's answer means for a line.
type AnswerOutcome string

const (
	Found       AnswerOutcome = "FOUND"         // of a line that must not exist: there is nothing
	Absent      AnswerOutcome = "ABSENT"        // the server says that there is nothing
	Wrong       AnswerOutcome = "WRONG"         // something else stands there; of a line that must not exist: it still stands
	CouldNotAsk AnswerOutcome = "COULD_NOT_ASK" // no answer that counts: silence, an error, or a server that does not own the zone
)

// outcome never takes silence for absence: only a server that owns the zone and answers NOERROR or NXDOMAIN has said that there is nothing. An alias
// that the provider resolves itself shows as addresses, so what stands in the eyes of the whole check stands here too.
func (r *Record) outcome(o ObservedRRset) AnswerOutcome {
	has := slices.Contains(o.Values, r.Value)
	switch {
	case r.Purpose == Delegation && o.Rcode == "NOERROR" && !o.Authoritative && len(o.Values) > 0: // whoever delegates a name does not own it
		if has {
			return Found
		}
		return Wrong
	case !o.Authoritative || o.Rcode != "NOERROR" && o.Rcode != "NXDOMAIN":
		return CouldNotAsk
	case r.Requirement == Remove && (len(o.Values) == 0 || r.Value != "" && !has):
		return Found
	case r.Requirement == Remove:
		return Wrong
	case len(o.Values) == 0:
		return Absent
	case has && (r.Type != CNAME || len(o.Values) == 1):
		return Found
	case r.Status.Stands() && r.Status != OK:
		return Found
	}
	return Wrong
}
