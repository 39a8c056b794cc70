// Package terminal shows an analysis to a person at a terminal, and to a script as JSON.
//
// It says what stands in the DNS, what each name server has of it, who runs the zone, what is wrong and what to type where. It draws
// no conclusions of its own: every word comes from the answer and from the catalogues, and with Trace every statement carries the
// observations that prove it.
package terminal

import (
	"cmp"
	"embed"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/locale"
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
	Locale   string // whose words are used; English when empty
	Question analysis.Question
	Answer   analysis.Answer
}

//go:embed text/*.json
var texts embed.FS

var book = locale.Load(texts)

func (r Report) say(key string, values locale.Values) string { return book.Say(r.Locale, key, values) }

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
	mark, key := verdict(p.r)
	words := p.r.say(key, nil)
	p.line("")
	p.line("  %s  %s %s", p.paint(bold, clean(p.r.Name)), p.paint(mark.colour, mark.sign), p.paint(mark.colour, words))
	p.line("")
}

// Headline is the verdict in words.
func (r Report) Headline() string {
	_, key := verdict(r)
	return r.say(key, nil)
}

// verdict is the key of the headline, and how it looks.
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
		return unknown, "verdict.unknown"
	case !a.Registered:
		return bad, "verdict.unregistered"
	case len(r.Question.Expected) == 0 && worst == finding.Blocking, a.Verdict == analysis.Conflicting:
		return bad, "verdict.blocked"
	case len(r.Question.Expected) == 0:
		return good, "verdict.answers"
	case a.Verdict == analysis.Correct && worst == finding.Blocking:
		return waiting, "verdict.elsewhere"
	case a.Verdict == analysis.Correct:
		return good, "verdict.stands"
	case a.Verdict == analysis.Partial:
		return waiting, "verdict.partial"
	case worst == finding.Blocking:
		return bad, "verdict.lost"
	}
	return waiting, "verdict.waiting"
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
	p.row(p.r.say("label.zone", nil), clean(a.Zone.Apex)+p.paint(dim, " · "+strings.Join(chain, " › ")))
	switch m := a.Provider; {
	case m.Provider == nil:
		p.row(p.r.say("label.dns", nil), p.r.say("provider.unknown", nil))
	default:
		p.row(p.r.say("label.dns", nil), m.Provider.Name+p.paint(dim, " · "+p.r.say("provider.sure", locale.Values{"n": int(100*m.Confidence + 0.5)})))
		if p.v.Trace {
			for _, e := range m.Evidence {
				p.row("", p.paint(dim, fmt.Sprintf("%s %s (%.2f)", strings.ToLower(strings.ReplaceAll(string(e.Kind), "_", " ")), clean(e.Value), e.Weight)))
			}
		}
	}
	p.row(p.r.say("label.dnssec", nil), p.r.say("dnssec."+string(a.Dnssec), nil))
	p.row(p.r.say("label.certificate", nil), p.certificate())
}

func (p *page) certificate() string {
	c := p.r.Answer.Caa
	switch {
	case c == nil:
		return p.r.say("caa.unseen", nil)
	case c.RelevantName == nil:
		return p.r.say("caa.any", nil) + p.paint(dim, " · "+p.r.say("caa.none", nil))
	}
	at := p.paint(dim, " · "+p.r.say("caa.at", locale.Values{"name": clean(*c.RelevantName)}))
	if len(c.Allowed) == 0 {
		return p.paint(red, p.r.say("caa.refused", locale.Values{"names": strings.Join(c.Refused, ", ")})) + at
	}
	return p.r.say("caa.allowed", locale.Values{"names": strings.Join(c.Allowed, ", ")}) + at
}

func (p *page) servers() {
	a := p.r.Answer
	if a.Zone == nil || len(a.Zone.NameServers) == 0 {
		return
	}
	p.title(p.r.say("title.servers", nil))
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
			m, words = bad, p.r.say("server."+string(s.Verdict), nil)
		}
		serial := ""
		if s.Serial != nil {
			serial = p.paint(dim, "   "+p.r.say("server.serial", locale.Values{"n": fmt.Sprint(*s.Serial)}))
		}
		p.line("    %s %s  %s  %s%s", p.mark(m), pad(clean(s.Name), name), p.paint(dim, pad(s.Address, addr)), words, serial)
	}
}

// standing is how the state of a record looks.
var standing = map[string]mark{
	"OK": good, "FLATTENED": good, "PENDING": waiting, "PARTIAL": waiting, "WRONG_VALUE": bad, "WRONG_TYPE": bad, "WRONG_NAME": bad, "CONFLICT": bad,
	"SHADOWED_BY_WILDCARD": waiting, "UNVERIFIABLE": unknown,
}

func (p *page) records() {
	if len(p.r.Question.Expected) == 0 {
		return
	}
	p.title(p.r.say("title.records", nil))
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
			count = p.paint(dim, "   "+p.r.say("record.count", locale.Values{"have": int(res.Have), "of": int(res.Of)}))
		}
		p.line("    %s %s %s   %s%s", p.mark(s), pad(kindOf(x.Type), 5), pad(x.FQDN, width), p.paint(s.colour, p.r.say("record."+res.Status, nil)), count)
		if res.Status == "OK" && !p.v.Trace {
			continue
		}
		x.Value = cmp.Or(res.Value, x.Value)
		p.line("        %s %s", p.paint(dim, pad(p.r.say("record.should", nil), 9)), p.paint(green, clean(x.Value)))
		if len(res.Seen) > 0 && res.Status != "OK" && res.Status != "PARTIAL" { // what each server has stands below
			p.line("        %s %s", p.paint(dim, pad(p.r.say("record.is", nil), 9)), p.paint(s.colour, clean(strings.Join(res.Seen, ", "))))
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
			values = strings.ToLower(cmp.Or(o.Rcode, p.r.say("record.nothing", nil)))
			if o.Rcode == "NOERROR" {
				values = p.r.say("record.nothing", nil)
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
	p.title(p.r.say("title.existing", nil))
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
	p.title(p.r.say("title.world", nil))
	for _, r := range eta.PerResolver {
		m, words := good, p.r.say("world.has", nil)
		switch r.Reason {
		case analysis.OldAnswer, analysis.NegativeAnswer:
			m, words = waiting, p.r.say("world.within", locale.Values{"time": (time.Duration(r.Seconds) * time.Second).String()})
		case analysis.NotAsked:
			m, words = unknown, p.r.say("world.silent", nil)
		}
		p.line("    %s %s %s", p.mark(m), pad(clean(r.Resolver), 12), words)
	}
	if eta.Seconds > 0 {
		p.line("    %s", p.r.say("world.everyone", locale.Values{"time": eta.Until.Local().Format("15:04")}))
	}
}

func (p *page) foot() {
	a := p.r.Answer
	if p.v.Trace {
		p.title(p.r.say("title.questions", nil))
		for _, o := range a.Observations {
			p.line("      %s", p.paint(dim, sight(o)))
		}
	}
	p.line("")
	asked := p.r.say("asked", locale.Values{"n": int(a.Questions), "time": a.Duration().Round(time.Millisecond).String()})
	if a.Errors > 0 {
		asked += ", " + p.r.say("unanswered", locale.Values{"n": int(a.Errors)})
	}
	p.line("  %s", p.paint(dim, asked))
	p.line("")
}
