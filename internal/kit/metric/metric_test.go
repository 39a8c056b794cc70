package metric

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
)

func scrape(s *Set) string {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestHandler_ShowsEveryKind(t *testing.T) {
	t.Parallel()
	s := New()
	s.Counter("dnscheck", "questions_total", "Questions asked.", "rcode").WithLabelValues("NOERROR").Add(3)
	s.Gauge("edge", "generation_lag", "Generations behind.", "node").WithLabelValues("a").Set(2)
	s.Histogram("edge", "ask_seconds", "Time to answer.", nil).WithLabelValues().Observe(0.2)
	s.Measured("connection", "connections", "Connections by state.", []string{"state"}, func(context.Context) ([]Sample, error) {
		return []Sample{{2, []string{"LIVE"}}, {1, []string{"FAILED"}}}, nil
	})
	s.Distribution("certificate", "days_left", "Days left.", []float64{0, 7, 30}, func(context.Context) ([]float64, error) { return []float64{5, 20, 90}, nil })
	got := scrape(s)
	for _, want := range []string{
		`nameplate_dnscheck_questions_total{rcode="NOERROR"} 3`, `nameplate_edge_generation_lag{node="a"} 2`, `nameplate_edge_ask_seconds_count 1`,
		`nameplate_connection_connections{state="LIVE"} 2`, `nameplate_certificate_days_left_bucket{le="7"} 1`, `nameplate_certificate_days_left_bucket{le="30"} 2`,
		`nameplate_certificate_days_left_bucket{le="+Inf"} 3`, `go_goroutines`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestHandler_OneBrokenMetricDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	s := New()
	s.Measured("a", "broken", "x", nil, func(context.Context) ([]Sample, error) { return nil, errors.New("no database") })
	s.Measured("a", "labels", "x", []string{"one"}, func(context.Context) ([]Sample, error) { return []Sample{{1, nil}}, nil })
	s.Counter("a", "good_total", "x").WithLabelValues().Inc()
	if got := scrape(s); !strings.Contains(got, "nameplate_a_good_total 1") || strings.Contains(got, "nameplate_a_broken ") {
		t.Error(got)
	}
}

func TestNilSet_CountsAndShowsNothing(t *testing.T) {
	t.Parallel()
	var s *Set
	s.Counter("a", "b_total", "x", "l").WithLabelValues("v").Inc()
	s.Measured("a", "c", "x", nil, nil)
	if got := scrape(s); strings.Contains(got, "nameplate_") {
		t.Error(got)
	}
}

func TestRegister_ANameTwiceIsAMistakeAtStart(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	s := New()
	s.Counter("a", "b_total", "x")
	s.Counter("a", "b_total", "x")
}
