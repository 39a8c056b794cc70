package connection_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// sibling starts a name that another application of the same organization holds.
func (b *bundle) sibling(t *testing.T, name string, in connection.StartConnectionInput) *side {
	t.Helper()
	s := &side{b: b, ctx: b.As(t.Context())}
	s.app = b.application(t, s.ctx, b.Org, name)
	in.ApplicationID = s.app.ID
	p, err := b.S.Start(s.ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	s.Connection = p.Connection
	s.stand(map[string]int{})
	return s
}

func (s *side) heldBy(t *testing.T, who context.Context) *connection.Connection {
	t.Helper()
	all, err := s.b.S.HoldersOf(who, []*connection.Connection{s.Connection})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

// presents lets the edges present a certificate at a connection's name.
func (b *bundle) presents(t *testing.T, c *connection.Connection) ident.CertificateID {
	t.Helper()
	id := ident.New[ident.CertificateID](b.DB.Now())
	if err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.Edge.PresentTx(ctx, tx, c.Hostname, c.ID, id) }); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestTransfer_ANameMovesBetweenTwoApplications (CL-4): the second connection has target, proof and certificate of the first one; the edges switch two seconds later,
// the next check finds that everything stands, and nothing was asked of the customer.
func TestTransfer_ANameMovesBetweenTwoApplications(t *testing.T) {
	t.Parallel()
	b := setup(t)
	holder := &side{b: b, ctx: b.As(t.Context()), app: b.App, Connection: b.live(t, "shop.acme.lab")}
	holder.stand(map[string]int{"routing": 2})
	was := *holder.Connection
	certificate := b.presents(t, holder.Connection)
	second := b.sibling(t, "second", connection.StartConnectionInput{Hostname: "shop.acme.lab"})
	b.after(t, 0)
	second.is(t, connection.ActionRequired)
	own := second.Target
	if by := second.heldBy(t, second.ctx); by == nil || by.ID != holder.ID {
		t.Fatalf("held by %+v", by)
	}
	if by := second.heldBy(t, b.another(t, "rival", "shop.acme.lab").ctx); by != nil {
		t.Errorf("a stranger is told who holds it: %s", by.ID)
	}
	at := b.DB.Now()
	p, err := b.S.TransferClaim(second.ctx, second.ID)
	if err != nil || p.Connection.ID != second.ID {
		t.Fatal(p, err)
	}
	b.lawful(t, "the transfer")
	c := second.is(t, connection.Verifying)
	if c.Target != was.Target || c.VerificationToken != was.VerificationToken || slices.ContainsFunc(c.Findings, func(f finding.Finding) bool { return f.Code == finding.HeldElsewhere }) || b.holderOf(t, "shop.acme.lab") != c.ID {
		t.Errorf("%+v", c)
	}
	if holder.is(t, connection.Archived); holder.Target != own {
		t.Errorf("the first one has the target %s, want %s", holder.Target, own)
	}
	var ended connection.Ended
	if payload(t, b, holder.Connection, "connection.archived", &ended); ended.Reason != connection.ClaimMoved {
		t.Errorf("it ended because of %s", ended.Reason)
	}
	if line := second.line(t, "routing"); line == nil || line.Value != was.Target || second.line(t, record.TransferKey) != nil {
		t.Errorf("it asks for %+v", line)
	}
	e := b.entry(t, "shop.acme.lab")
	if f := e.Route.Former; e.ConnectionID != c.ID || !e.Serve || e.CertificateID == nil || *e.CertificateID != certificate || f == nil || f.ConnectionID != holder.ID || !f.Until.Equal(at.Add(2*time.Second)) {
		t.Errorf("the edges serve %+v after %+v", e, f)
	}
	b.after(t, 0)
	b.after(t, 2*time.Second)
	second.is(t, connection.Securing)
	b.tls(t, second.Connection, connection.TLS{Value: connection.Issued, Certificate: ident.New[ident.CertificateID](b.DB.Now())})
	b.after(t, 0)
	second.is(t, connection.Live)
	if by := second.heldBy(t, second.ctx); by != nil {
		t.Errorf("held by %+v", by)
	}
	for _, s := range []*side{holder, second} {
		if !slices.Contains(b.actions(t, s.ID), "connection.transferred") {
			t.Errorf("%s is not told: %v", s.ID, b.actions(t, s.ID))
		}
	}
	b.lawful(t, "going live")
	if _, err := b.S.TransferClaim(second.ctx, second.ID); !barred(err, "not_held_here") {
		t.Errorf("once more: %v", err)
	}
}

// TestTransfer_APairMovesTogether: www comes along where the second connection has one too, and is no reason to break it where it has none.
func TestTransfer_APairMovesTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main, www := b.startPair(t, "acme.lab", application.EndAtApex)
	b.secure(t, www, "routing")
	b.secure(t, main, apexKeys...)
	b.want(t, main.ID, connection.Live)
	second := b.sibling(t, "second", connection.StartConnectionInput{Hostname: "acme.lab"})
	b.after(t, 0)
	if _, err := b.S.TransferClaim(second.ctx, second.ID); !barred(err, "companion_stays") {
		t.Fatalf("the www would be left behind: %v", err)
	}
	b.want(t, main.ID, connection.Live)
	p, err := b.S.Start(second.ctx, connection.StartConnectionInput{ApplicationID: second.app.ID, Hostname: "acme.lab", Companion: new(application.EndAtApex)})
	if err != nil {
		t.Fatal(err)
	}
	beside := b.companion(t, p.Connection).Connection
	if _, err := b.S.TransferClaim(second.ctx, beside.ID); !barred(err, "companion") {
		t.Errorf("a companion alone: %v", err)
	}
	if _, err := b.S.TransferClaim(second.ctx, second.ID); err != nil {
		t.Fatal(err)
	}
	b.lawful(t, "the transfer")
	b.want(t, main.ID, connection.Archived)
	b.want(t, www.ID, connection.Archived)
	for host, want := range map[string][2]*connection.Connection{"acme.lab": {main, second.Connection}, "www.acme.lab": {www, beside}} {
		c := b.get(t, want[1].ID)
		if b.holderOf(t, host) != c.ID || c.Target != want[0].Target {
			t.Errorf("%s: %+v", host, c)
		}
	}
	b.secure(t, b.get(t, beside.ID), "routing")
	b.secure(t, b.get(t, second.ID), apexKeys...)
	second.is(t, connection.Live)
	if e := b.entry(t, "www.acme.lab"); e.ConnectionID != beside.ID || e.Route.Companion == nil || e.Route.Companion.Of != second.ID {
		t.Errorf("%+v", e)
	}
	b.lawful(t, "going live")
}

// TestTransfer_ACompanionThatWasNeverProvenEnds: nobody is led anywhere by it, so it is no reason to wait.
func TestTransfer_ACompanionThatWasNeverProvenEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	main, www := b.startPair(t, "acme.lab", application.EndAtApex)
	b.secure(t, main, apexKeys...)
	b.want(t, main.ID, connection.Live)
	second := b.sibling(t, "second", connection.StartConnectionInput{Hostname: "acme.lab"})
	if _, err := b.S.TransferClaim(second.ctx, second.ID); err != nil {
		t.Fatal(err)
	}
	b.want(t, www.ID, connection.Archived)
	if c := b.get(t, second.ID); c.Target != main.Target || b.holderOf(t, "acme.lab") != c.ID {
		t.Errorf("%+v", c)
	}
	b.lawful(t, "the transfer")
}

// TestTransfer_ADelegatedNameKeepsItsServers: the name servers that the zone above names are the first connection's, and answer for the second one from then on.
func TestTransfer_ADelegatedNameKeepsItsServers(t *testing.T) {
	t.Parallel()
	b := handing(t)
	b.handOver()
	first, err := b.startBy(t, "shop.acme.lab", connection.Delegation)
	if err != nil {
		t.Fatal(err)
	}
	b.after(t, 0)
	b.after(t, 2*time.Second)
	if b.holderOf(t, "shop.acme.lab") != first.ID {
		t.Fatal("the first one is not proven")
	}
	before := b.zones(t)
	byHand := b.sibling(t, "second", connection.StartConnectionInput{Hostname: "shop.acme.lab"})
	if _, err := b.S.TransferClaim(byHand.ctx, byHand.ID); !barred(err, "setup_differs") {
		t.Errorf("by other records: %v", err)
	}
	how := connection.Delegation
	p, err := b.S.Start(byHand.ctx, connection.StartConnectionInput{ApplicationID: byHand.app.ID, Hostname: "shop.acme.lab", PreferredMethod: &how})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.S.TransferClaim(byHand.ctx, p.Connection.ID); err != nil {
		t.Fatal(err)
	}
	b.lawful(t, "the transfer")
	if after := b.zones(t); len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("we answered for %v and answer for %v", before, after)
	}
	if c := b.get(t, p.Connection.ID); c.Target != first.Target || b.holderOf(t, "shop.acme.lab") != c.ID {
		t.Errorf("%+v", c)
	}
}

// TestTransfer_ManyAtOnce: whoever moves the name last has it, with the one target that the DNS knows; nothing waits for ever and nothing is left half done.
func TestTransfer_ManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.live(t, "shop.acme.lab")
	all := make([]*side, 6)
	for n := range all {
		b.Clock.add(time.Second) // no two are of one age
		all[n] = b.sibling(t, fmt.Sprintf("app%d", n), connection.StartConnectionInput{Hostname: "shop.acme.lab"})
	}
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(func() {
			if _, err := b.S.TransferClaim(s.ctx, s.ID); err != nil && !barred(err, "not_held_here") {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b.lawful(t, "the race")
	holder := b.get(t, b.holderOf(t, "shop.acme.lab"))
	if holder.Target != first.Target || holder.State == connection.Archived {
		t.Errorf("%+v", holder)
	}
	if e := b.entry(t, "shop.acme.lab"); e.ConnectionID != holder.ID {
		t.Errorf("%s holds the name and the edges serve %s", holder.ID, e.ConnectionID)
	}
	b.want(t, first.ID, connection.Archived)
}

// TestTransfer_WhoMayAndWhen: owners alone, inside one organization, and nothing that others have a say in.
func TestTransfer_WhoMayAndWhen(t *testing.T) {
	t.Parallel()
	b, holder, rival := contested(t)
	second := b.sibling(t, "second", connection.StartConnectionInput{Hostname: "shop.acme.lab"})
	if _, err := b.S.TransferClaim(second.ctx, second.ID); !barred(err, "claim_contested") {
		t.Errorf("somebody else has proven it: %v", err)
	}
	rival.stand(map[string]int{})
	b.after(t, 2*time.Minute)
	b.after(t, 2*time.Minute)
	holder.is(t, connection.Live)
	free := b.start(t, "free.acme.lab")
	for name, c := range map[string]struct {
		who context.Context
		id  ident.ConnectionID
		is  func(error) bool
	}{
		"Stranger":     {rival.ctx, second.ID, func(err error) bool { return fault.Is(err, fault.NotFoundCode) }},
		"Unknown":      {second.ctx, ident.New[ident.ConnectionID](b.DB.Now()), func(err error) bool { return fault.Is(err, fault.NotFoundCode) }},
		"Member":       {b.member(t), second.ID, func(err error) bool { return fault.Is(err, fault.ForbiddenCode) }},
		"HeldByOthers": {rival.ctx, rival.ID, func(err error) bool { return barred(err, "not_held_here") }},
		"HeldByNobody": {second.ctx, free.ID, func(err error) bool { return barred(err, "not_held_here") }},
		"HeldByItself": {holder.ctx, holder.ID, func(err error) bool { return barred(err, "not_held_here") }},
		"Unauthorized": {t.Context(), second.ID, func(err error) bool { return err != nil }},
	} {
		if _, err := b.S.TransferClaim(c.who, c.id); !c.is(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	holder.is(t, connection.Live)
	b.lawful(t, "the refusals")
	if _, err := b.S.Archive(b.As(t.Context()), second.ID, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.S.TransferClaim(second.ctx, second.ID); !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("to an archived one: %v", err)
	}
}

func barred(err error, reason string) bool {
	return slices.ContainsFunc(fault.All(err), func(f *fault.Fault) bool { return f.Code == fault.PreconditionCode && f.Reason == reason })
}

// member is somebody of the organization who owns nothing of it.
func (b *bundle) member(t *testing.T) context.Context {
	t.Helper()
	_, user := b.Organization(t, "member")
	b.Roles(t, b.Org, user, "MEMBER")
	return spinetest.As(t.Context(), user)
}
