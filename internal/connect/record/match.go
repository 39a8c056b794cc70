package record

import (
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// Moved is a line whose status a check changed. It stands in the check's event.
type Moved struct {
	Key  string       `json:"key"`
	From RecordStatus `json:"from"`
	To   RecordStatus `json:"to"`
	Have int32        `json:"have"`
	Of   int32        `json:"of"`
}

// Match brings the lines in line with what was seen of them, and answers those that moved: another status, another number of servers, or another
// thing wrong. What servers answered word for word is kept in any case and is no news.
func Match(records []*Record, seen []analysis.RecordResult, now time.Time, eta *analysis.Eta) []Moved {
	var moved []Moved
	for _, r := range records {
		at := slices.IndexFunc(seen, func(s analysis.RecordResult) bool { return s.Key == r.Key })
		if at < 0 {
			continue
		}
		s := seen[at]
		servers := analysis.Ratio{Have: s.Have, Of: s.Of}
		to := RecordStatus(s.Status)
		if to != r.Status || r.Servers == nil && s.Of > 0 || r.Servers != nil && *r.Servers != servers || code(r.Finding) != code(s.Finding) {
			moved = append(moved, Moved{r.Key, r.Status, to, s.Have, s.Of})
		}
		if to != r.Status {
			r.Status, r.StatusSince = to, now
		}
		r.Servers, r.Finding = &servers, s.Finding
		r.Observed, r.Seen = observed(s.Observed, now), s.Seen
		if r.FirstSeenAt == nil && (to.Stands() || s.Have > 0) {
			r.FirstSeenAt, r.Writer = &now, new(Customer)
		}
		r.EtaAt = nil
		if eta != nil && r.routes() && to.Stands() {
			r.EtaAt = &eta.Until
		}
	}
	return moved
}

// News says whether a light pass saw anything that a full pass has not: another number of servers, or other values in the line's place. It asks less
// than a full pass, so its statuses say nothing.
func News(records []*Record, seen []analysis.RecordResult) bool {
	for _, s := range seen {
		at := slices.IndexFunc(records, func(r *Record) bool { return r.Key == s.Key })
		if at < 0 || s.Of == 0 {
			continue
		}
		if r := records[at]; have(r) != s.Have || !slices.Equal(r.Seen, s.Seen) {
			return true
		}
	}
	return false
}

// Missing are the lines that a light pass asks for: those that do not stand.
func Missing(records []*Record) []*Record {
	return slices.DeleteFunc(slices.Clone(records), func(r *Record) bool { return r.Status.Stands() })
}

// Judgement is what the lines of a full pass come to together.
type Judgement struct {
	Routed  bool           // everything that routes the name stands on every server that counts
	Any     bool           // at least one server has a line that is asked for
	Servers analysis.Ratio // of the routing lines: the servers that have all of them
	Why     string         // code of the first thing that is wrong; "" when Routed
}

// Judge weighs the lines after Match. Proof of ownership is judged apart: a name may be routed and not proven, and is then told so.
//
// Of a group one alternative is enough. Addresses are one alternative together: every A stands, and the AAAA stand or are not there at all, since an
// IPv4-only name is right and a foreign AAAA is a conflict of its own.
func Judge(records []*Record) Judgement {
	j := Judgement{Routed: true}
	groups := map[string]bool{}
	some := false
	for _, r := range records {
		if r.Servers != nil && r.Servers.Have > 0 && r.Requirement != Remove {
			j.Any = true
		}
		if !r.routes() {
			continue
		}
		switch r.Requirement {
		case Required:
			some = true
			j.need(r)
		case OneOf:
			if some = true; !groups[*r.Group] {
				groups[*r.Group] = true
				j.needGroup(records, *r.Group)
			}
		case Remove:
			if !r.Status.Stands() && r.Status != Pending {
				j.Routed, j.Why = false, firstCode(j.Why, r)
			}
		}
	}
	j.Routed = j.Routed && some
	if j.Routed {
		j.Why = ""
	}
	return j
}

func (j *Judgement) need(r *Record) {
	j.count(r)
	if !r.Status.Stands() {
		j.Routed, j.Why = false, firstCode(j.Why, r)
	}
}

// needGroup counts the alternative that has come furthest.
func (j *Judgement) needGroup(records []*Record, group string) {
	var best *Record
	addresses, stands, why := 0, true, ""
	for _, r := range records {
		if r.Group == nil || *r.Group != group {
			continue
		}
		switch r.Type {
		case A:
			addresses++
			stands = stands && r.Status.Stands()
		case AAAA:
			stands = stands && (r.Status.Stands() || r.Status == Pending)
		default:
			if r.Status.Stands() {
				j.count(r)
				return
			}
		}
		if best == nil || have(r) > have(best) {
			best = r
		}
		if !r.Status.Stands() {
			why = firstCode(why, r)
		}
	}
	if best == nil {
		return
	}
	j.count(best)
	if addresses == 0 || !stands {
		j.Routed, j.Why = false, firstOf(j.Why, why)
	}
}

func (j *Judgement) count(r *Record) {
	if r.Servers == nil {
		return
	}
	if j.Servers.Of == 0 || r.Servers.Have < j.Servers.Have {
		j.Servers = *r.Servers
	}
}

func have(r *Record) int32 {
	if r.Servers == nil {
		return 0
	}
	return r.Servers.Have
}

// firstOf keeps what is really wrong before what is merely missing.
func firstOf(was, is string) string {
	if was == "" || was == finding.RecordAbsent || was == finding.RecordPartial {
		return is
	}
	return was
}

func firstCode(was string, r *Record) string {
	switch {
	case was != "" && was != finding.RecordAbsent && was != finding.RecordPartial:
		return was
	case r.Finding != nil:
		return r.Finding.Code
	case r.Status == Partial:
		return finding.RecordPartial
	case was != "":
		return was
	}
	return finding.RecordAbsent
}

func code(f *finding.Finding) string {
	if f == nil {
		return ""
	}
	return f.Code
}

// observed keeps the answers; one that never came has no time of its own and gets that of the check.
func observed(in []analysis.ServerRRset, now time.Time) []ObservedRRset {
	out := make([]ObservedRRset, len(in))
	for n, o := range in {
		out[n] = ObservedRRset{Server: o.Server, Values: append([]string{}, o.Values...), TTL: o.TTL, Rcode: o.Rcode, Authoritative: o.Authoritative, At: o.At}
		if o.At.IsZero() {
			out[n].At = now
		}
	}
	return out
}
