package domaincheck

import (
	"maps"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// unborn stands for the target and the proof that a connection will get. No target is ever called so: targets have 26 characters.
const unborn = "unborn"

// plan makes the records that a connection of the name would ask for.
func (a *asking) plan() error {
	n := a.name
	lines, err := record.Plan(a.recipe, record.Host{
		Name: n.ASCII, Label: n.HostLabel, Registrable: n.Registrable, PublicSuffix: n.PublicSuffix, Apex: n.Apex, Wildcard: n.Wildcard,
	}, record.Vars{
		Target: unborn + "." + a.s.Settings.EdgeZone, VerificationToken: unborn, Application: a.app.Slug, EdgeV4: a.s.Settings.EdgeV4, EdgeV6: a.s.Settings.EdgeV6,
		TXT: a.app.OwnershipPolicy.TxtRequired || !a.app.OwnershipPolicy.TargetToken,
	})
	if err != nil {
		return fault.Precondition("recipe", "The recipe of this application does not fit this name.").Because(err)
	}
	for n := range lines {
		a.lines = append(a.lines, &lines[n])
	}
	return nil
}

// placeholder says that a text speaks of what does not exist yet.
func (a *asking) placeholder(s string) bool {
	return strings.Contains(s, unborn+"."+a.s.Settings.EdgeZone) || s == record.Verification(unborn) || strings.Contains(s, `"`+record.Verification(unborn)+`"`)
}

// later puts words in the place of a value that only a started connection has.
func (a *asking) later(s string) string {
	if !a.placeholder(s) {
		return s
	}
	w := book.Say(a.locale, "later", nil)
	return strings.NewReplacer(unborn+"."+a.s.Settings.EdgeZone, w, `"`+record.Verification(unborn)+`"`, w, record.Verification(unborn), w).Replace(s)
}

// records are the planned lines as the provider wants them typed, with what stands in their places now.
func (a *asking) records(answer *analysis.Answer, v record.View) []*record.Record {
	record.Match(a.lines, answer.Records, v.Now, nil)
	for _, r := range a.lines {
		r.ID, r.StatusSince = ident.New[ident.RecordID](v.Now), v.Now
		if a.placeholder(r.Value) {
			r.Value, r.Later = book.Say(a.locale, "later", nil), true
		}
		if r.Finding != nil {
			r.Finding = a.said(*r.Finding)
		}
	}
	record.Present(a.lines, v)
	return a.lines
}

func (a *asking) conflicts(answer *analysis.Answer, v record.View) []*record.Conflict {
	out := []*record.Conflict{}
	for _, seen := range answer.Conflicts {
		c := &record.Conflict{
			ID: ident.New[ident.ConflictID](v.Now), OrgID: a.app.OrgID, Kind: seen.Kind, Severity: seen.Severity, Name: seen.Name, Type: record.RecordType(seen.Type),
			Existing: append([]string{}, seen.Existing...), Choices: []record.Resolution{}, SeenAt: v.Now,
		}
		if seen.Desired != nil {
			c.Desired = new(a.later(*seen.Desired))
		}
		for _, choice := range seen.Choices {
			c.Choices = append(c.Choices, record.Resolution(choice))
		}
		out = append(out, c)
	}
	return out
}

// unasked are findings that only blame the person for what nobody has asked them for yet.
var unasked = []string{finding.RecordAbsent, finding.RecordPartial, finding.OwnershipUnproven}

func (a *asking) findings(answer *analysis.Answer) []finding.Finding {
	out := []finding.Finding{}
	for _, w := range a.name.Warnings() {
		out = append(out, finding.New(w.Code, w.Params))
	}
	for _, f := range answer.Findings {
		if !slices.Contains(unasked, f.Code) {
			out = append(out, *a.said(f))
		}
	}
	return out
}

// said is the finding without the placeholder.
func (a *asking) said(f finding.Finding) *finding.Finding {
	f.Params = maps.Clone(f.Params)
	for k, v := range f.Params {
		if s, ok := v.(string); ok {
			f.Params[k] = a.later(s)
		}
	}
	return &f
}
