package connection_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// second is the second operator: until there is a word, every decision waits.
type second struct {
	agreed bool
	asked  []door.Call
}

func (s *second) Hold(_ context.Context, e *door.Effect, c door.Call) (*door.Waiting, error) {
	s.asked = append(s.asked, c)
	if s.agreed {
		return nil, nil
	}
	e.Quiet()
	return &door.Waiting{Kind: door.WaitingForApproval, RequestID: "apr_1"}, nil
}

func (s *second) Stands(context.Context, *db.Tx, string) (*door.Waiting, error) { return nil, nil }

// disputed is a name whose holder answered the rival's proof with its own, and an operator who looks at it.
func disputed(t *testing.T) (b *bundle, holder, rival *side, operator context.Context, word *second) {
	t.Helper()
	b, holder, rival = contested(t)
	holder.stand(map[string]int{"routing": 2, record.DefenceKey: 2})
	b.after(t, 15*time.Minute)
	b.after(t, 0)
	if c := rival.is(t, connection.ActionRequired); deref(c.StateReason) != finding.TransferRefused {
		t.Fatal(deref(c.StateReason))
	}
	holder.is(t, connection.Live)
	word = &second{}
	b.Door.Holder = word
	operator = authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: b.User, AAL: 2, AuthTime: b.DB.Now(), RequestID: "test", Locale: "en"})
	return b, holder, rival, operator, word
}

func (b *bundle) disputes(t *testing.T, operator context.Context) []*connection.NameDispute {
	t.Helper()
	list, err := b.S.Disputes(operator, page.Args{First: 10})
	if err != nil {
		t.Fatal(err)
	}
	if int(*list.TotalCount) != len(list.Nodes) {
		t.Errorf("%d of %d", len(list.Nodes), *list.TotalCount)
	}
	return list.Nodes
}

// TestDecide_TheNameMoves: two proofs stand, operators see the case and decide for the challenger, which waits for a second one; then the name moves at once.
func TestDecide_TheNameMoves(t *testing.T) {
	t.Parallel()
	b, holder, rival, operator, word := disputed(t)
	if _, err := b.S.Disputes(b.As(t.Context()), page.Args{First: 10}); err == nil {
		t.Error("a tenant sees the disputes of others")
	}
	all := b.disputes(t, operator)
	if len(all) != 1 || all[0].Hostname != "shop.acme.lab" || all[0].Holder.ConnectionID != holder.ID || all[0].Challenger.ConnectionID != rival.ID || all[0].Challenger.Organization != "rival" || all[0].Holder.State != connection.Live {
		t.Fatalf("%+v", all)
	}
	in := connection.DecideClaimInput{Hostname: "Shop.acme.lab.", Winner: rival.ID, Reason: " the registrant asked for it "}
	p, err := b.S.DecideClaim(operator, in)
	if err != nil || p.Done || p.Waiting == nil || len(word.asked) != 1 || word.asked[0].Label != "shop.acme.lab" || word.asked[0].Reason != "the registrant asked for it" {
		t.Fatalf("%+v %v %+v", p, err, word.asked)
	}
	holder.is(t, connection.Live)
	word.agreed = true
	if p, err = b.S.DecideClaim(operator, in); err != nil || !p.Done {
		t.Fatalf("%+v %v", p, err)
	}
	holder.is(t, connection.Archived)
	rival.is(t, connection.ActionRequired) // its routing does not stand
	if b.holderOf(t, "shop.acme.lab") != rival.ID || rival.Facets.Ownership.Value != connection.Verified {
		t.Errorf("%+v", rival.Facets.Ownership)
	}
	if e := b.entry(t, "shop.acme.lab"); e.ConnectionID != rival.ID || e.Route.Former == nil || e.Route.Former.ConnectionID != holder.ID {
		t.Errorf("the edges serve %+v", e)
	}
	for _, s := range []*side{holder, rival} {
		var told connection.Decided
		payload(t, b, s.Connection, "claim.decided", &told)
		if told.Kept != (s == rival) || told.Reason != "the registrant asked for it" {
			t.Errorf("%s is told %+v", s.ID, told)
		}
	}
	b.lawful(t, "the decision")
	if all := b.disputes(t, operator); len(all) != 0 {
		t.Errorf("still disputed: %+v", all)
	}
	if _, err := b.S.DecideClaim(operator, in); !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("a second decision: %v", err)
	}
}

// TestDecide_TheHolderKeepsIt: the case is closed; the challenger stays refused and begins no new one while the holder's proof stands.
func TestDecide_TheHolderKeepsIt(t *testing.T) {
	t.Parallel()
	b, holder, rival, operator, word := disputed(t)
	word.agreed = true
	for name, in := range map[string]connection.DecideClaimInput{
		"reason":       {Hostname: "shop.acme.lab", Winner: holder.ID},
		"winner":       {Hostname: "shop.acme.lab", Winner: b.start(t, "other.acme.lab").ID, Reason: "why"},
		"not_disputed": {Hostname: "other.acme.lab", Winner: holder.ID, Reason: "why"},
	} {
		if _, err := b.S.DecideClaim(operator, in); !slices.ContainsFunc(fault.All(err), func(f *fault.Fault) bool { return f.Reason == name }) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := b.S.DecideClaim(operator, connection.DecideClaimInput{Hostname: "shop.acme.lab", Winner: holder.ID, Reason: "it is theirs"}); err != nil || !p.Done {
		t.Fatalf("%+v %v", p, err)
	}
	if all := b.disputes(t, operator); len(all) != 0 {
		t.Errorf("still disputed: %+v", all)
	}
	b.stay(t, 2*time.Hour)
	holder.is(t, connection.Live)
	rival.is(t, connection.ActionRequired)
	if all := b.disputes(t, operator); len(all) != 0 || b.holderOf(t, "shop.acme.lab") != holder.ID {
		t.Errorf("it began anew: %+v", all)
	}
	b.lawful(t, "the decision")
}

// TestDecide_TheChallengerGivesUp: with the challenger the case ends.
func TestDecide_TheChallengerGivesUp(t *testing.T) {
	t.Parallel()
	b, holder, rival, operator, _ := disputed(t)
	if _, err := b.S.Archive(rival.ctx, rival.ID, nil); err != nil {
		t.Fatal(err)
	}
	if all := b.disputes(t, operator); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	holder.is(t, connection.Live)
}

// TestDecide_ACompanionEndsWithItsMainName: a www that led to the name of who lost it would lead its visitors to somebody else.
func TestDecide_ACompanionEndsWithItsMainName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main, www := b.startPair(t, "acme.lab", application.EndAtApex)
	b.secure(t, www, "routing")
	b.secure(t, main, apexKeys...)
	b.want(t, main.ID, connection.Live)
	rival := b.another(t, "rival", "acme.lab")
	b.after(t, 0)
	rival.stand(map[string]int{record.TransferKey: 2})
	b.after(t, 10*time.Second)
	b.after(t, 2*time.Second)
	b.after(t, 15*time.Minute) // the holder's TXT, which a domain itself needs anyway, answers it
	b.after(t, 0)
	b.want(t, main.ID, connection.Live)
	b.Door.Holder = &second{agreed: true}
	operator := authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: b.User, AAL: 2, AuthTime: b.DB.Now(), RequestID: "test", Locale: "en"})
	if p, err := b.S.DecideClaim(operator, connection.DecideClaimInput{Hostname: "acme.lab", Winner: rival.ID, Reason: "the registrant asked for it"}); err != nil || !p.Done {
		t.Fatalf("%+v %v", p, err)
	}
	b.want(t, main.ID, connection.Archived)
	b.want(t, www.ID, connection.Archived)
	if b.holderOf(t, "acme.lab") != rival.ID || b.holderOf(t, "www.acme.lab") != (ident.ConnectionID{}) {
		t.Error("the pair of the one who lost it holds a name")
	}
	if e := b.entry(t, "www.acme.lab"); e.Serve {
		t.Errorf("the edges serve %+v", e)
	}
	b.lawful(t, "the decision")
}
