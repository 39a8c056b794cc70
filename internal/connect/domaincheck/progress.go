package domaincheck

import (
	"context"
	"maps"
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// rows of a check, in the order of the screen.
var rows = []string{"delegation", "provider", "records", "certificate", "method"}

// Progress is Check whose rows are told as they are answered: delegation, provider, records, certificate, method, and last the result. What is
// refused is refused at once. The work ends soon after nobody listens any more.
func (s *Service) Progress(ctx context.Context, app ident.ApplicationID, typed string, locale *string) (live.Feed[*DomainCheckStep], error) {
	language := authz.From(ctx).Locale
	if locale != nil {
		language = *locale
	}
	a, err := s.ask(ctx, app, typed, false, language)
	if err != nil {
		return live.Feed[*DomainCheckStep]{}, err
	}
	return live.Feed[*DomainCheckStep]{Run: func(ctx context.Context, tell func(*DomainCheckStep) bool) error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		t := teller{tell: tell, stop: stop, locale: language, name: a.name.Unicode, last: map[string]analysis.Step{}}
		d, err := a.run(ctx, t.engine)
		if err != nil {
			return err
		}
		t.rest(d)
		t.say(&DomainCheckStep{Key: "result", State: "DONE", Text: finding.Phrase("method_manual", language, nil), Result: d})
		return nil
	}}, nil
}

// teller tells rows.
type teller struct {
	tell   func(*DomainCheckStep) bool
	stop   func() // the work, when nobody listens
	locale string
	name   string
	last   map[string]analysis.Step
}

func (t *teller) say(s *DomainCheckStep) {
	if !t.tell(s) {
		t.stop()
	}
}

func (t *teller) step(s analysis.Step) {
	params := map[string]any{"name": t.name}
	maps.Copy(params, s.Params)
	t.last[s.Key] = s
	t.say(&DomainCheckStep{Key: s.Key, State: s.State, Text: finding.Phrase(s.Text, t.locale, params)})
}

// engine hands on a step of the engine, which tells them one at a time.
func (t *teller) engine(s analysis.Step) {
	if slices.Contains(rows, s.Key) {
		t.step(s)
	}
}

// rest closes the rows that the engine left open when it had to stop, and adds the last one.
func (t *teller) rest(d *DomainCheck) {
	for _, key := range rows[:len(rows)-1] {
		if s, seen := t.last[key]; !seen || s.State == "RUNNING" {
			t.step(analysis.Step{Key: key, State: "WAITING", Text: "reading"})
		}
	}
	method := analysis.Step{Key: "method", State: "DONE", Text: "method_manual"}
	for _, f := range d.Findings {
		if f.Code == finding.NotRegistered || f.Code == finding.ApexUnsupported {
			method = analysis.Step{Key: "method", State: "FAILED", Text: f.Code, Params: f.Params}
		}
	}
	t.step(method)
}
