package door_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func TestKey_OfTheHeaderWins(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	call := func(header, member, name string) (*output, error) {
		in := input{Org: b.Org, Name: name}
		if member != "" {
			in.ClientMutationID = &member
		}
		return door.Do(door.WithKey(b.As(t.Context()), header), b.Door, thing(b), in)
	}
	first, err := call("h1", "m1", "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"m1", "m2", ""} {
		if again, err := call("h1", member, "x"); err != nil || again.ID != first.ID {
			t.Errorf("the same header beside %q: %v, %v", member, again, err)
		}
	}
	if other, err := call("h2", "m1", "x"); err != nil || other.ID == first.ID {
		t.Errorf("another header: %v, %v", other, err)
	}
	if other, err := call("", "m1", "x"); err != nil || other.ID == first.ID {
		t.Errorf("the member alone, which was never the key: %v, %v", other, err)
	}
	if _, err := call("h1", "m1", "y"); !reused(err) {
		t.Errorf("another input: %v", err)
	}
	if got := b.Actions(t); len(got) != 3 {
		t.Errorf("the ledger has %v", got)
	}
}

// The header names the whole request: each of several changes in it has its own answer, and the first is the one that was sent alone.
func TestKey_OfTheHeaderIsForEachChangeOfTheRequest(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	call := func(header string, nth int, name string) (*output, error) {
		return door.Do(door.Nth(door.WithKey(b.As(t.Context()), header), nth), b.Door, thing(b), input{Org: b.Org, Name: name})
	}
	kept := map[int]*output{}
	for n, name := range map[int]string{1: "x", 2: "x", 3: "y"} {
		out, err := call("h", n, name)
		if err != nil {
			t.Fatal(err)
		}
		kept[n] = out
	}
	if kept[1].ID == kept[2].ID {
		t.Error("two changes with the same input were one")
	}
	for n, name := range map[int]string{0: "x", 1: "x", 2: "x", 3: "y"} { // 0: nobody counted
		if again, err := call("h", n, name); err != nil || again.ID != kept[max(1, n)].ID {
			t.Errorf("change %d again: %v, %v", n, again, err)
		}
	}
	if _, err := call("h", 2, "z"); !reused(err) {
		t.Errorf("another input for the second: %v", err)
	}
	for length, fits := range map[int]bool{200: true, 201: false} {
		if _, err := call(strings.Repeat("k", length), 2, "x"); (err == nil) != fits {
			t.Errorf("a key of %d characters: %v", length, err)
		}
	}
	if got := b.Actions(t); len(got) != 4 {
		t.Errorf("the ledger has %v", got)
	}
}

func reused(err error) bool {
	all := fault.All(err)
	return len(all) == 1 && all[0].Code == fault.ConflictCode && all[0].Reason == "idempotency_key_reused"
}

func TestKey_EndsAfterADay(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	now, key := time.Now(), "k"
	b.DB.SetClock(func() time.Time { return now })
	call := func(name string) (*output, error) {
		return door.Do(b.As(t.Context()), b.Door, thing(b), input{Org: b.Org, Name: name, ClientMutationID: &key})
	}
	first, err := call("x")
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(24*time.Hour - time.Second)
	if again, err := call("x"); err != nil || again.ID != first.ID || !again.Secret.Equal(first.Secret) {
		t.Errorf("within the day: %v, %v", again, err)
	}
	if _, err := call("y"); !reused(err) {
		t.Errorf("another input within the day: %v", err)
	}
	now = now.Add(2 * time.Second)
	next, err := call("y")
	if err != nil || next.ID == first.ID {
		t.Errorf("another input after it: %v, %v", next, err)
	}
	if again, err := call("y"); err != nil || again.ID != next.ID {
		t.Errorf("the key began anew: %v, %v", again, err)
	}
	if err := b.Door.Forget().Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, err := call("y"); err != nil || again.ID != next.ID {
		t.Errorf("forgotten too early: %v, %v", again, err)
	}
}

func TestKey_KeepsNoRefusal(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	key, broken := "k", errors.New("broken")
	change := thing(b)
	do := change.Do
	for name, refuse := range map[string]func(context.Context, *door.Effect, input) (*output, error){
		"Fault": func(context.Context, *door.Effect, input) (*output, error) {
			return nil, fault.Conflict("name", "", "Taken.")
		},
		"Broken": func(context.Context, *door.Effect, input) (*output, error) { return nil, broken },
	} {
		change.Do = refuse
		if _, err := door.Do(b.As(t.Context()), b.Door, change, input{Org: b.Org, Name: name, ClientMutationID: &key}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	change.Do = do
	if _, err := door.Do(b.As(t.Context()), b.Door, change, input{Org: b.Org, ClientMutationID: &key}); len(fault.All(err)) != 2 {
		t.Errorf("an invalid input: %v", err)
	}
	if _, err := door.Do(b.As(t.Context()), b.Door, change, input{Org: b.Org, Name: "x", ClientMutationID: &key}); err != nil {
		t.Errorf("after refusals under the same key: %v", err)
	}
}

func TestKey_IsTheCallersOwn(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	other, stranger := b.Organization(t, "other")
	key := "k"
	mine, err := door.Do(b.As(t.Context()), b.Door, thing(b), input{Org: b.Org, Name: "x", ClientMutationID: &key})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := door.Do(spinetest.As(t.Context(), stranger), b.Door, thing(b), input{Org: other, Name: "x", ClientMutationID: &key})
	if err != nil || theirs.ID == mine.ID {
		t.Errorf("somebody else's call under the same key: %v, %v", theirs, err)
	}
	// Who may no longer call gets no answer that was kept either.
	b.Roles(t, b.Org, b.User, "MEMBER")
	fresh := authz.New(b.DB)
	fresh.Add(grants.Grants...)
	b.Door.Authz = fresh
	if _, err := door.Do(b.As(t.Context()), b.Door, thing(b), input{Org: b.Org, Name: "x", ClientMutationID: &key}); !fault.Is(err, fault.ForbiddenCode) {
		t.Errorf("without the right: %v", err)
	}
}
