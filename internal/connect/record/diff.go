package record

import (
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// DnsDiff is what has to change in the zone, and what stays.
type DnsDiff struct {
	Add, Change, Remove, Keep []DiffLine
	MailUntouched             bool // no MX or TXT that others rely on is changed or removed (RC-5)
}

// DiffLine is one name and type before and after.
type DiffLine struct {
	Name   string // as the provider wants it typed
	FQDN   string
	Type   RecordType
	Before []string
	After  []string
	Reason string // a finding code
}

// Diff compares what stands in the zone with what should. Lines are presented already; of a group the alternative that stands or has come furthest
// is asked for, else the first.
func Diff(records []*Record, conflicts []*Conflict, v View) DnsDiff {
	d := DnsDiff{Add: []DiffLine{}, Change: []DiffLine{}, Remove: []DiffLine{}, Keep: []DiffLine{}, MailUntouched: true}
	for _, r := range asked(records) {
		line := DiffLine{Name: r.Name, FQDN: r.FQDN, Type: r.Type, Before: values(r), After: []string{r.Value}, Reason: code(r.Finding)}
		switch {
		case r.Requirement == Remove && len(line.Before) > 0:
			line.After = []string{}
			d.Remove = append(d.Remove, line)
		case r.Requirement == Remove:
		case r.Status.Stands():
			line.Before, line.Reason = line.After, ""
			d.Keep = append(d.Keep, line)
		case len(line.Before) > 0:
			line.Reason = firstCode("", r)
			d.Change = append(d.Change, line)
		default:
			line.Reason = finding.RecordAbsent
			d.Add = append(d.Add, line)
		}
	}
	for _, c := range conflicts {
		if c.Severity != finding.Blocking || len(c.Existing) == 0 || c.Resolution != nil && *c.Resolution == Keep {
			continue
		}
		listed := func(l DiffLine) bool { return l.FQDN == c.Name && l.Type == c.Type }
		if slices.ContainsFunc(d.Change, listed) || slices.ContainsFunc(d.Remove, listed) {
			continue
		}
		name := relative(c.Name, v.Zone)
		if v.Dialect != nil {
			name = typedName(c.Name, v.Zone, v.Dialect)
		}
		d.Remove = append(d.Remove, DiffLine{Name: name, FQDN: c.Name, Type: c.Type, Before: c.Existing, After: []string{}, Reason: c.Kind})
	}
	for _, l := range slices.Concat(d.Change, d.Remove) {
		ours := slices.ContainsFunc(records, func(r *Record) bool { return r.FQDN == l.FQDN && r.Type == l.Type })
		if l.Type == MX || l.Type == TXT && !ours {
			d.MailUntouched = false
		}
	}
	return d
}

// asked leaves one alternative of each group.
func asked(records []*Record) []*Record {
	chosen := map[string]*Record{}
	for _, r := range records {
		if r.Group == nil {
			continue
		}
		best := chosen[*r.Group]
		if best == nil || r.Status.Stands() && !best.Status.Stands() || r.Status.Stands() == best.Status.Stands() && have(r) > have(best) {
			chosen[*r.Group] = r
		}
	}
	address := func(r *Record) bool { return r.Type == A || r.Type == AAAA }
	return slices.DeleteFunc(slices.Clone(records), func(r *Record) bool {
		if r.Group == nil {
			return false
		}
		best := chosen[*r.Group]
		return r != best && !(address(r) && address(best))
	})
}

// values are what the servers answer at the line's place, each once.
func values(r *Record) []string {
	out := []string{}
	for _, o := range r.Observed {
		for _, v := range o.Values {
			if !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}
