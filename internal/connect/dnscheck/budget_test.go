package dnscheck

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/tree"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/lab/zoo"
)

// TestBudgets: an analysis ends in its time and with its questions, whatever a zone does.
func TestBudgets(t *testing.T) {
	t.Parallel()
	t.Run("Questions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var names []string
		for i := range 13 {
			names = append(names, fmt.Sprintf("ns%d.plain.lab", i))
		}
		w.Zone("acme.lab", "", names...)
		q := sub("shop.acme.lab")
		for i := range 30 {
			x := wanted("cname", "", fmt.Sprintf("h%d.acme.lab", i))
			q.Expected = append(q.Expected, x)
		}
		a := w.analyze(q)
		if a.Questions != tree.MaxQuestions || a.Verdict != analysis.CouldNotAsk || !slices.Contains(codes(a), finding.AnalysisIncomplete) {
			t.Errorf("%d questions, %s %v", a.Questions, a.Verdict, codes(a))
		}
	})
	t.Run("Time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.acme("")
		w.Lie(zoo.Silent, zoo.N1, zoo.N2)
		e := w.engine()
		e.Settings.InteractiveTimeout = time.Minute
		start := time.Now()
		a, err := e.Analyze(t.Context(), sub("shop.acme.lab"))
		if d := time.Since(start); err != nil || d > 4*time.Second || a.Verdict != analysis.CouldNotAsk || !slices.Contains(codes(a), finding.AnalysisIncomplete) {
			t.Errorf("%v after %s: %s %v", err, d, a.Verdict, codes(a))
		}
	})
	for name, limit := range map[string]time.Duration{"Tarpit": interactive, "TarpitInTheBackground": background} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.acme("shop 300 CNAME token.edge.lab.")
			until, stop := context.WithCancel(t.Context())
			t.Cleanup(stop)
			w.Lie(func(q zoo.Query, r *dns.Msg) *dns.Msg { // every question but the walk's is answered just before anybody gives up
				if q.Name() == "acme.lab." {
					return r
				}
				select {
				case <-time.After(700 * time.Millisecond):
				case <-until.Done():
				}
				return zoo.Says("@ 300 CNAME n-"+strings.TrimSuffix(q.Name(), "."), "", "")(q, r)
			}, zoo.N1, zoo.N2)
			e := w.engine()
			e.Settings.Timeout, e.Settings.InteractiveTimeout = 800*time.Millisecond, 800*time.Millisecond
			q := sub("shop.acme.lab")
			q.Interactive = limit == interactive
			start := time.Now()
			a, err := e.Analyze(t.Context(), q)
			if d := time.Since(start); err != nil || d > limit+2*time.Second || a.Questions > tree.MaxQuestions {
				t.Errorf("%v after %s and %d questions: %s %v", err, d, a.Questions, a.Verdict, codes(a))
			}
			if len(a.Records) != 1 || a.Verdict == analysis.Correct || a.Verdict == analysis.Absent {
				t.Errorf("%s %+v %v", a.Verdict, a.Records, codes(a))
			}
		})
	}
	t.Run("Cancelled", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.engine().Analyze(ctx, sub("shop.acme.lab")); err == nil {
			t.Error("an analysis that nobody waits for has an answer")
		}
	})
}
