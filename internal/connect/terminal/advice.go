package terminal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

func (p *page) findings() {
	list := slices.Clone(p.r.Answer.Findings)
	rank := map[finding.FindingSeverity]int{finding.Blocking: 0, finding.Warning: 1, finding.Info: 2}
	slices.SortStableFunc(list, func(a, b finding.Finding) int { return rank[a.Severity] - rank[b.Severity] })
	list = slices.DeleteFunc(list, func(f finding.Finding) bool {
		return f.Code == finding.RecordFlattened && !p.v.Trace || f.Code == finding.RecordAbsent && p.blocked(f.Params["name"])
	})
	if len(list) == 0 {
		return
	}
	p.title(p.r.say("title.findings", nil))
	for _, f := range list {
		m := map[finding.FindingSeverity]mark{finding.Blocking: bad, finding.Warning: waiting, finding.Info: note}[f.Severity]
		e := f.Explain(p.r.Locale)
		p.line("    %s %s  %s", p.mark(m), p.paint(bold, e.Title), p.paint(dim, f.Code))
		for _, text := range wrap(e.Body, p.v.Width-8) {
			p.line("      %s", text)
		}
		for n, step := range e.Steps {
			for i, text := range wrap(step, p.v.Width-11) {
				number := fmt.Sprintf("%d.", n+1)
				if i > 0 {
					number = "  "
				}
				p.line("      %s %s", p.paint(cyan, number), text)
			}
		}
		p.trace(f.Evidence)
	}
}

// blocked says that something stands in the way at a name: to add the record there comes after that, and the finding says so.
func (p *page) blocked(name any) bool {
	return slices.ContainsFunc(p.r.Answer.Findings, func(f finding.Finding) bool { return f.Severity == finding.Blocking && f.Params["name"] == name })
}

// trace shows the observations behind a statement.
func (p *page) trace(ids []ident.ObservationID) {
	if !p.v.Trace {
		return
	}
	for _, id := range ids {
		if o, ok := p.seen[id]; ok {
			p.line("      %s", p.paint(dim, "↳ "+sight(o)))
		}
	}
}

func sight(o analysis.Observation) string {
	what := strings.Join(o.Values, ", ")
	switch {
	case o.Error != nil:
		what = *o.Error
	case what == "":
		what = "nothing"
	}
	aa := ""
	if o.Authoritative {
		aa = " aa"
	}
	return clean(fmt.Sprintf("%s  %s %s → %s%s %s  %.1f ms", o.Source, o.Type, o.Name, cmp.Or(o.Rcode, "-"), aa, what, float64(o.ElapsedUs)/1000))
}

// advice is what to type, in the words of the provider's own form.
func (p *page) advice() {
	todo := p.todo()
	if len(todo) == 0 || p.r.Answer.Zone == nil || !p.r.Answer.Registered {
		return
	}
	v := record.View{Zone: p.r.Answer.Zone.Apex, Locale: p.r.Locale}
	where, called := p.r.say("provider.yours", nil), p.r.say("form.name", nil)
	if m := p.r.Answer.Provider.Provider; m != nil {
		v.Dialect, where = &m.Dialect, m.Name
		if own := m.Dialect.Fields.Name; own != nil {
			called = *own
		}
	}
	record.Present(todo, v)
	p.title(p.r.say("title.advice", locale.Values{"name": where}))
	if m := p.r.Answer.Provider.Provider; m != nil {
		if u := m.ConsoleURL(v.Zone); u != nil {
			p.line("    %s", p.paint(cyan, *u))
		}
	}
	typ, content := p.r.say("form.type", nil), p.r.say("form.value", nil)
	kind, name, value := locale.Width(typ), locale.Width(called), locale.Width(content)
	for _, r := range todo {
		d := r.Display()
		kind, name, value = max(kind, len(r.Type)), max(name, len(d.Name)), max(value, len(d.Value))
	}
	p.line("    %s", p.paint(dim, pad(typ, kind)+"   "+pad(called, name)+"   "+pad(content, value)+"   TTL"))
	for i, r := range todo {
		if i > 0 && r.Group != nil && todo[i-1].Group != nil && *r.Group == *todo[i-1].Group && either(r) != either(todo[i-1]) {
			p.line("    %s", p.paint(dim, p.r.say("or", nil)))
		}
		d := r.Display()
		p.line("    %s   %s   %s   %s", pad(string(r.Type), kind), p.paint(bold, pad(d.Name, name)), p.paint(green, pad(d.Value, value)), d.TTL)
		if d.Hint != nil && (i == len(todo)-1 || *cmp.Or(todo[i+1].Display().Hint, new("")) != *d.Hint) {
			p.line("    %s", p.paint(dim, *d.Hint))
		}
	}
}

// either tells the two ways to an apex apart: by name, or by addresses.
func either(r *record.Record) bool { return r.Type == record.A || r.Type == record.AAAA }

// harmful are findings after which a record must not be typed as it is: it would break what stands there.
var harmful = []string{finding.MXLostIfCNAME, finding.NSBelow, finding.SPFLookupLimit, finding.SPFMultiple}

// todo are the records that a person still has to type.
func (p *page) todo() []*record.Record {
	var out []*record.Record
	for i, x := range p.r.Question.Expected {
		status := p.r.Answer.Records[i].Status
		if status == "OK" || status == "FLATTENED" || status == "PARTIAL" || status == "UNVERIFIABLE" || p.spare(i) {
			continue
		}
		if slices.ContainsFunc(p.r.Answer.Findings, func(f finding.Finding) bool { return slices.Contains(harmful, f.Code) && f.Params["name"] == x.FQDN }) {
			continue // what to do instead stands with the finding
		}
		res := p.r.Answer.Records[i]
		line := &record.Record{Type: record.RecordType(cmp.Or(res.Type, x.Type)), FQDN: x.FQDN, Value: cmp.Or(res.Value, x.Value), TTL: 300}
		if x.Group != "" {
			line.Group = &x.Group
		}
		out = append(out, line)
	}
	return out
}
