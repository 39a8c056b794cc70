// Package terminal shows an analysis to a person at a terminal, and to a script as JSON.
//
// It says what stands in the DNS, what each name server has of it, who runs the zone, what is wrong and what to type where. It draws
// no conclusions of its own: every word comes from the answer and from the catalogues, and with Trace every statement carries the
// observations that prove it.
package terminal

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// View says how to show.
type View struct {
	Colour bool
	Trace  bool // below each statement what was observed
	Width  int  // columns; 80 when 0
}

// Report is one analysis with its question.
type Report struct {
	Name     string // as people write it
	Question analysis.Question
	Answer   analysis.Answer
}

const locale = "en"

// page is a report while it is written.
type page struct {
	w    io.Writer
	v    View
	r    Report
	seen map[ident.ObservationID]analysis.Observation
	err  error
}

// Write shows the report. The error is the writer's.
func Write(w io.Writer, r Report, v View) error {
	v.Width = max(cmp.Or(v.Width, 80), 40)
	p := &page{w: w, v: v, r: r, seen: map[ident.ObservationID]analysis.Observation{}}
	for _, o := range r.Answer.Observations {
		p.seen[o.ID] = o
	}
	p.head()
	p.zone()
	p.servers()
	p.records()
	p.existing()
	p.findings()
	p.advice()
	p.world()
	p.foot()
	return p.err
}

func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, strings.TrimRight(fmt.Sprintf(format, args...), " ")+"\n")
	}
}

func (p *page) title(s string) {
	p.line("")
	p.line("  %s", p.paint(bold, s))
}

// row is a label with a value beside it, which may go on below.
func (p *page) row(label, value string) {
	for i, text := range wrap(value, p.v.Width-17) {
		if i > 0 {
			label = ""
		}
		p.line("  %s %s", p.paint(dim, pad(label, 13)), text)
	}
}

func (p *page) head() {
	mark, words := verdict(p.r)
	p.line("")
	p.line("  %s  %s %s", p.paint(bold, clean(p.r.Name)), p.paint(mark.colour, mark.sign), p.paint(mark.colour, words))
	p.line("")
}

// Headline is the verdict in words.
func (r Report) Headline() string {
	_, words := verdict(r)
	return words
}

func verdict(r Report) (mark, string) {
	a := r.Answer
	worst := finding.Info
	for _, f := range a.Findings {
		if f.Severity == finding.Blocking || f.Severity == finding.Warning && worst == finding.Info {
			worst = f.Severity
		}
	}
	switch {
	case a.Verdict == analysis.CouldNotAsk:
		return unknown, "could not be found out"
	case !a.Registered:
		return bad, "is not registered"
	case len(r.Question.Expected) == 0 && worst == finding.Blocking, a.Verdict == analysis.Conflicting:
		return bad, "something is in the way"
	case len(r.Question.Expected) == 0:
		return good, "here is what the DNS says"
	case a.Verdict == analysis.Correct && worst == finding.Blocking:
		return waiting, "the records stand, but something else is wrong"
	case a.Verdict == analysis.Correct:
		return good, "everything stands"
	case a.Verdict == analysis.Partial:
		return waiting, "on its way: not every server has it yet"
	case worst == finding.Blocking:
		return bad, "cannot be found as it is"
	}
	return waiting, "not there yet"
}

func (p *page) zone() {
	a := p.r.Answer
	if a.Zone == nil {
		return
	}
	chain := []string{}
	for _, n := range a.Zone.Chain {
		chain = append(chain, clean(n))
	}
	p.row("Zone", clean(a.Zone.Apex)+p.paint(dim, " · "+strings.Join(chain, " › ")))
	switch m := a.Provider; {
	case m.Provider == nil:
		p.row("DNS at", "a provider that we do not know")
	default:
		p.row("DNS at", m.Provider.Name+p.paint(dim, fmt.Sprintf(" · %.0f %% sure", 100*m.Confidence)))
		if p.v.Trace {
			for _, e := range m.Evidence {
				p.row("", p.paint(dim, fmt.Sprintf("%s %s (%.2f)", strings.ToLower(strings.ReplaceAll(string(e.Kind), "_", " ")), clean(e.Value), e.Weight)))
			}
		}
	}
	p.row("DNSSEC", dnssec[a.Dnssec])
	p.row("Certificate", p.certificate())
}

var dnssec = map[analysis.DnssecState]string{
	analysis.DnssecUnsigned: "not signed", analysis.DnssecSignedOK: "signed, and the chain holds down from the root",
	analysis.DnssecDSWithoutDNSKEY: "broken: the registry has a DS, and the zone has no keys", analysis.DnssecDSMismatch: "broken: the signatures do not fit",
	analysis.DnssecExpired: "broken: the signatures are not valid now", analysis.DnssecExpiring: "signed, but the signatures end soon",
	analysis.DnssecUnsupported: "signed in a way that counts as not signed", analysis.DnssecMissingNSEC: "broken: absence is not proven", analysis.DnssecUnknown: "could not be found out",
}

func (p *page) certificate() string {
	c := p.r.Answer.Caa
	switch {
	case c == nil:
		return "not looked at"
	case c.RelevantName == nil:
		return "any CA may issue" + p.paint(dim, " · no CAA record up to the root")
	}
	at := p.paint(dim, " · CAA at "+clean(*c.RelevantName))
	if len(c.Allowed) == 0 {
		return p.paint(red, strings.Join(c.Refused, ", ")+" may not issue") + at
	}
	return strings.Join(c.Allowed, ", ") + " may issue" + at
}

func (p *page) servers() {
	a := p.r.Answer
	if a.Zone == nil || len(a.Zone.NameServers) == 0 {
		return
	}
	p.title("Name servers")
	name, addr := 0, 0
	for _, s := range a.Zone.NameServers {
		name, addr = max(name, len(s.Name)), max(addr, len(s.Address))
	}
	for _, s := range a.Zone.NameServers {
		m, words := good, fmt.Sprintf("%6.1f ms", s.ElapsedMs)
		switch s.Verdict {
		case analysis.ServerOK:
		case analysis.ServerSlow:
			m = waiting
		default:
			m, words = bad, says[s.Verdict]
		}
		serial := ""
		if s.Serial != nil {
			serial = p.paint(dim, fmt.Sprintf("   serial %d", *s.Serial))
		}
		p.line("    %s %s  %s  %s%s", p.mark(m), pad(clean(s.Name), name), p.paint(dim, pad(s.Address, addr)), words, serial)
	}
}

var says = map[analysis.ServerVerdict]string{
	analysis.ServerTimeout: "does not answer", analysis.ServerRefused: "refuses to answer (REFUSED)", analysis.ServerServfail: "fails (SERVFAIL)",
	analysis.ServerLame: "does not know the zone",
}

// standing words of a record, and how they look.
var standing = map[string]struct {
	mark mark
	text string
}{
	"OK": {good, "stands"}, "FLATTENED": {good, "stands, as addresses of the target"}, "PENDING": {waiting, "not there"}, "PARTIAL": {waiting, "on some servers"},
	"WRONG_VALUE": {bad, "has another value"}, "WRONG_TYPE": {bad, "is of another type"}, "WRONG_NAME": {bad, "is at another name"}, "CONFLICT": {bad, "something is in its way"},
	"SHADOWED_BY_WILDCARD": {waiting, "not there: a wildcard answers"}, "UNVERIFIABLE": {unknown, "could not be asked for"},
}

func (p *page) records() {
	if len(p.r.Question.Expected) == 0 {
		return
	}
	p.title("Records")
	width := 0
	for i, x := range p.r.Question.Expected {
		if !p.spare(i) {
			width = max(width, len(x.FQDN))
		}
	}
	width = min(width, p.v.Width-50)
	for i, x := range p.r.Question.Expected {
		res := p.r.Answer.Records[i]
		if p.spare(i) {
			continue
		}
		s := standing[res.Status]
		count := ""
		if res.Of > 0 {
			count = p.paint(dim, fmt.Sprintf("   %d of %d servers", res.Have, res.Of))
		}
		p.line("    %s %s %s   %s%s", p.mark(s.mark), pad(kindOf(x.Type), 5), pad(x.FQDN, width), p.paint(s.mark.colour, s.text), count)
		if res.Status == "OK" && !p.v.Trace {
			continue
		}
		x.Value = cmp.Or(res.Value, x.Value)
		p.line("        %s %s", p.paint(dim, pad("should be", 9)), p.paint(green, clean(x.Value)))
		if len(res.Seen) > 0 && res.Status != "OK" && res.Status != "PARTIAL" { // what each server has stands below
			p.line("        %s %s", p.paint(dim, pad("there is", 9)), p.paint(s.mark.colour, clean(strings.Join(res.Seen, ", "))))
		}
		if p.v.Trace || res.Status == "PARTIAL" {
			p.matrix(res)
		}
	}
}

// kindOf is a record's type as people say it.
func kindOf(typ string) string {
	if typ == "SPF_MERGE" {
		return "SPF"
	}
	return typ
}

// spare says that a record is one way of a group of which another stands, or that it is only another name for one that is shown.
func (p *page) spare(i int) bool {
	x, res := p.r.Question.Expected[i], p.r.Answer.Records[i]
	if x.Requirement != "ONE_OF" || res.Status != "PENDING" {
		return false
	}
	for j, other := range p.r.Question.Expected {
		if j != i && other.Group == x.Group && p.r.Answer.Records[j].Status != "PENDING" {
			return true
		}
	}
	return false
}

// matrix is what each server has of one record.
func (p *page) matrix(res analysis.RecordResult) {
	for _, o := range res.Observed {
		values := strings.Join(o.Values, ", ")
		if values == "" {
			values = strings.ToLower(cmp.Or(o.Rcode, "nothing"))
			if o.Rcode == "NOERROR" {
				values = "nothing"
			}
		}
		p.line("        %s %s", p.paint(dim, pad(clean(o.Server), 34)), clean(values))
	}
}

func (p *page) existing() {
	list := p.r.Answer.Existing
	if len(list) == 0 {
		return
	}
	p.title("What stands there now")
	for _, s := range list {
		for _, v := range s.Values {
			p.line("      %s %s %s", p.paint(dim, pad(s.Type, 5)), pad(s.Name, 24)+p.paint(dim, fmt.Sprintf(" %6d ", s.TTL)), clip(clean(v), p.v.Width-46))
		}
	}
}

// world says when everybody will see it.
func (p *page) world() {
	eta := p.r.Answer.Eta
	if eta == nil {
		return
	}
	p.title("The rest of the world")
	for _, r := range eta.PerResolver {
		m, words := good, "has it already"
		switch r.Reason {
		case analysis.OldAnswer, analysis.NegativeAnswer:
			m, words = waiting, "sees it within "+(time.Duration(r.Seconds)*time.Second).String()
		case analysis.NotAsked:
			m, words = unknown, "did not tell"
		}
		p.line("    %s %s %s", p.mark(m), pad(clean(r.Resolver), 12), words)
	}
	if eta.Seconds > 0 {
		p.line("    Everyone sees it by %s.", p.paint(bold, eta.Until.Local().Format("15:04")))
	}
}

func (p *page) foot() {
	a := p.r.Answer
	if p.v.Trace {
		p.title("Every question")
		for _, o := range a.Observations {
			p.line("      %s", p.paint(dim, sight(o)))
		}
	}
	p.line("")
	unanswered := ""
	if a.Errors > 0 {
		unanswered = fmt.Sprintf(", %d without an answer", a.Errors)
	}
	p.line("  %s", p.paint(dim, fmt.Sprintf("%d questions%s in %s", a.Questions, unanswered, a.Duration().Round(time.Millisecond))))
	p.line("")
}
