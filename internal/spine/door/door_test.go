package door_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

type input struct {
	Org              ident.OrgID
	Name             string
	ClientMutationID *string
}

type output struct {
	ID     ident.ApplicationID
	Secret secret.String
}

var grants = part.Part{Grants: []authz.Grant{{Permission: "thing.make", Roles: []authz.Role{authz.Owner}}, {Permission: "thing.pay", Roles: []authz.Role{}}}}

// thing is a change that counts its effects in the ledger.
func thing(b *spinetest.Bundle) door.Change[input, *output] {
	return door.Change[input, *output]{
		Action: door.Action{Name: "thing.make", Permission: "thing.make"},
		Org:    func(_ context.Context, in input) (ident.OrgID, error) { return in.Org, nil },
		Key:    func(in input) *string { return in.ClientMutationID },
		Validate: func(_ context.Context, _ *door.Effect, in *input) error {
			if in.Name == "" {
				return errors.Join(fault.Invalid("name", "", "Give a name."), fault.Invalid("note", "", "Give a note."))
			}
			return nil
		},
		Do: func(_ context.Context, e *door.Effect, in input) (*output, error) {
			id := ident.New[ident.ApplicationID](e.Tx.Now)
			e.Record(event.Change{OrgID: e.Scope.Org(), Action: "thing.made", Subject: id.String(), Version: 1, Payload: map[string]any{"v": 1, "name": in.Name}, Audited: true})
			return &output{ID: id, Secret: secret.New("s3cret-" + in.Name)}, nil
		},
	}
}

func TestOrderOfTheDoor(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	_, stranger := b.Organization(t, "other")
	change := thing(b)
	for name, c := range map[string]struct {
		ctx  context.Context
		in   input
		code fault.Code
		many int
	}{
		"Nobody":         {t.Context(), input{Org: b.Org, Name: "x"}, fault.Unauthenticated, 1},
		"Stranger":       {spinetest.As(t.Context(), stranger), input{Org: b.Org, Name: "x"}, fault.NotFoundCode, 1},
		"UnknownOrg":     {b.As(t.Context()), input{Org: ident.New[ident.OrgID](time.Now()), Name: "x"}, fault.NotFoundCode, 1},
		"AllFaultsAtOne": {b.As(t.Context()), input{Org: b.Org}, fault.InvalidCode, 2},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := door.Do(c.ctx, b.Door, change, c.in)
			if all := fault.All(err); len(all) != c.many || all[0].Code != c.code {
				t.Fatalf("got %v", err)
			}
		})
	}
	if got := b.Actions(t); len(got) != 0 {
		t.Fatalf("refusals left events: %v", got)
	}
	change.Action.Permission = "thing.pay"
	if _, err := door.Do(b.As(t.Context()), b.Door, change, input{Org: b.Org, Name: "x"}); !fault.Is(err, fault.ForbiddenCode) {
		t.Fatalf("a member without the permission got %v", err)
	}
}

func TestSameKeySameAnswerOnce(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	key := "k-1"
	var wg sync.WaitGroup
	answers := make([]*output, 8)
	for n := range answers {
		wg.Go(func() {
			out, err := door.Do(b.As(t.Context()), b.Door, thing(b), input{Org: b.Org, Name: "x", ClientMutationID: &key})
			if err != nil {
				t.Error(err)
			}
			answers[n] = out
		})
	}
	wg.Wait()
	for _, a := range answers {
		if a == nil || a.ID != answers[0].ID || !a.Secret.Equal(answers[0].Secret) {
			t.Fatalf("answers differ: %v %v", a, answers[0])
		}
	}
	if got := b.Actions(t); !slices.Equal(got, []string{"thing.made"}) {
		t.Fatalf("the ledger has %v", got)
	}
	_, err := door.Do(b.As(t.Context()), b.Door, thing(b), input{Org: b.Org, Name: "another", ClientMutationID: &key})
	if f := fault.All(err); len(f) != 1 || f[0].Reason != "idempotency_key_reused" {
		t.Fatalf("another input under the same key: %v", err)
	}
	var sealed []byte
	if err := b.DB.QueryRow(t.Context(), "select sealed_response from idempotency").Scan(&sealed); err != nil || slices.Contains([]string{string(sealed)}, "s3cret-x") {
		t.Fatalf("the kept answer is in clear: %v", err)
	}
}

func TestNothingHappensWithoutAnEvent(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	change := thing(b)
	change.Do = func(ctx context.Context, e *door.Effect, _ input) (*output, error) {
		_, err := e.Tx.Exec(ctx, "update organization set name = 'changed' where id = $1", b.Org.UUID())
		return &output{}, err
	}
	if _, err := door.Do(b.As(t.Context()), b.Door, change, input{Org: b.Org, Name: "x"}); err == nil {
		t.Fatal("a change without an event was accepted")
	}
	var name string
	if err := b.DB.QueryRow(t.Context(), "select name from organization where id = $1", b.Org.UUID()).Scan(&name); err != nil || name == "changed" {
		t.Fatalf("the effect stayed: %q %v", name, err)
	}
}

func TestARefusalThatIsRemembered(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	change := thing(b)
	change.Do = func(_ context.Context, e *door.Effect, _ input) (*output, error) {
		e.Record(event.Change{OrgID: b.Org, Action: "thing.refused", Subject: b.Org.String(), Audited: true})
		e.Refuse(fault.Unauthorized("wrong", "Wrong."))
		return nil, nil
	}
	if _, err := door.Do(b.As(t.Context()), b.Door, change, input{Org: b.Org, Name: "x"}); !fault.Is(err, fault.Unauthenticated) {
		t.Fatalf("got %v", err)
	}
	if got := b.Actions(t); !slices.Equal(got, []string{"thing.refused"}) {
		t.Fatalf("the ledger has %v", got)
	}
}

func TestPokesFollowTheCommit(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t, grants)
	sub := b.Hub.Subscribe(b.Org.String())
	defer sub.Close()
	if _, err := door.Do(b.As(t.Context()), b.Door, thing(b), input{Org: b.Org, Name: "x"}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-sub.C():
	default:
		t.Fatal("no poke after the commit")
	}
}
