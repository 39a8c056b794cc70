package door_test

import (
	"context"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// Who loses a race is told who won it and when: by a name, and never what the caller may not know.
func TestLost_SaysWhoChangedItAndWhen(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b.DB.SetClock(func() time.Time { return now })
	made, err := door.Do(b.As(t.Context()), b.Door, thing(b), input{Org: b.Org, Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	lose := func(ctx context.Context, subject string) map[string]any {
		change := thing(b)
		change.Do = func(_ context.Context, e *door.Effect, _ input) (*output, error) { return nil, e.Lost(subject, 7) }
		_, err := door.Do(ctx, b.Door, change, input{Org: b.Org, Name: "y"})
		all := fault.All(err)
		if len(all) != 1 || all[0].Code != fault.VersionConflictCode || all[0].Meta["current"] != int32(7) {
			t.Fatalf("%v", err)
		}
		return all[0].Meta
	}
	want := func(what string, got map[string]any, by, at any) {
		t.Helper()
		if got["changedBy"] != by || got["changedAt"] != at {
			t.Errorf("%s: %v", what, got)
		}
		if _, said := got["changedBy"]; !said {
			t.Errorf("%s does not say that nobody is known", what)
		}
	}
	person := b.As(t.Context())
	want("without names", lose(person, made.ID.String()), nil, "2026-11-21T12:00:00Z")
	b.Door.Name = func(_ context.Context, org ident.OrgID, actor string) (string, error) {
		if org != b.Org {
			t.Errorf("asked for %s", org)
		}
		return map[string]string{"user:" + b.User.String(): "Ana"}[actor], nil
	}
	want("a person", lose(person, made.ID.String()), "Ana", "2026-11-21T12:00:00Z")
	want("what the ledger does not know", lose(person, "app_unknown"), nil, nil)
	err = b.Door.System(t.Context(), "check", b.Org, func(_ context.Context, e *door.Effect) error {
		e.Record(event.Change{OrgID: b.Org, Action: "thing.checked", Subject: made.ID.String(), Version: 2, Payload: map[string]any{"v": 1}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want("the product itself", lose(person, made.ID.String()), nil, "2026-11-21T12:01:00Z")
}
