package live_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

func TestAFeedIsHandedOver(t *testing.T) {
	t.Parallel()
	f := live.Feed[string]{
		Subjects: []string{"con_1"}, Gap: time.Second, Last: func(v string) bool { return v == "end" },
		Now:  func(context.Context) (string, int64, error) { return "now", 7, nil },
		Next: func(context.Context) ([]string, bool, error) { return []string{"a", "b"}, true, nil },
		Run:  func(_ context.Context, tell func(string) bool) error { tell("ran"); return nil },
	}
	if live.Offer(t.Context(), f) {
		t.Fatal("nobody takes it")
	}
	var got live.Feed[any]
	if !live.Offer(live.WithTaker(t.Context(), func(f live.Feed[any]) { got = f }), f) {
		t.Fatal("it was not taken")
	}
	now, version, _ := got.Now(t.Context())
	next, more, _ := got.Next(t.Context())
	var ran any
	_ = got.Run(t.Context(), func(v any) bool { ran = v; return true })
	if now != "now" || version != 7 || !slices.Equal(next, []any{"a", "b"}) || !more || ran != "ran" || !got.Last("end") || got.Last("now") || got.Gap != f.Gap || !slices.Equal(got.Subjects, f.Subjects) {
		t.Fatalf("%+v", got)
	}
}
