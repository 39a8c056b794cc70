package connection_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/live/livetest"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func TestCheck_FromStartToLive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	b.want(t, c.ID, connection.ActionRequired)

	b.World.set(func(w *world) { w.standing["routing"] = 1 })
	b.after(t, 2*time.Second)
	c = b.want(t, c.ID, connection.Verifying)
	if s := c.Facets.DNS.Servers; s == nil || s.Have != 1 || s.Of != 2 {
		t.Fatalf("servers %+v", s)
	}

	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	b.after(t, 2*time.Second)
	c = b.want(t, c.ID, connection.Verifying)
	if c.PassCount != 1 || !c.NextCheckAt.Equal(b.DB.Now().Add(2*time.Second)) {
		t.Fatalf("after one good pass: %d passes, next check %s", c.PassCount, c.NextCheckAt.Sub(b.DB.Now()))
	}
	entry, err := b.Edge.Get(t.Context(), c.Hostname)
	if err != nil || !entry.Serve || entry.CertAllowed {
		t.Fatalf("a proven name is served, and no certificate is allowed before the probe: %+v %v", entry, err)
	}

	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Securing)
	if entry, err = b.Edge.Get(t.Context(), c.Hostname); err != nil || !entry.CertAllowed {
		t.Fatalf("%+v %v", entry, err)
	}

	crt := ident.New[ident.CertificateID](b.DB.Now())
	b.tls(t, c, connection.TLS{Value: connection.Issued, Certificate: crt})
	b.want(t, c.ID, connection.Securing)
	b.after(t, 0)
	c = b.want(t, c.ID, connection.Live)
	if c.LiveAt == nil || c.FirstLiveAt == nil || c.Facets.Edge.Value != connection.Serving || c.WindowEndsAt != nil {
		t.Fatalf("%+v", c.Life)
	}
	want := []string{"connection.created", "connection.analyzed", "connection.verifying", "connection.ownership_verified", "connection.checked",
		"connection.dns_verified", "connection.checked", "connection.live"}
	if got := b.actions(t, c.ID); !slices.Equal(got, want) {
		t.Fatalf("events %v", got)
	}
	b.after(t, 20*time.Minute)
	if got := b.actions(t, c.ID); len(got) != len(want) {
		t.Fatalf("a quiet check wrote %v", got[len(want):])
	}
}

func TestCheck_FastPathWhenTheRecordsStandAlready(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	b.want(t, c.ID, connection.Verifying)
	b.after(t, time.Second)
	b.want(t, c.ID, connection.Verifying)
	b.after(t, time.Second)
	b.want(t, c.ID, connection.Securing)
	if got := b.actions(t, c.ID); !slices.Contains(got, "connection.analyzed") {
		t.Fatal(got)
	}
}

func TestCheck_TwoPassesNeedTheGapWhateverIsAskedInBetween(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	for range 3 {
		if _, err := b.S.Check(b.As(t.Context()), c.ID); err != nil {
			t.Fatal(err)
		}
		b.after(t, 100*time.Millisecond)
		if got := b.want(t, c.ID, connection.Verifying); got.PassCount != 1 {
			t.Fatalf("%d passes", got.PassCount)
		}
	}
	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Securing)
}

func TestCheck_ApexNeedsTheTXT(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "acme.lab")
	b.World.set(func(w *world) { w.standing["apex-alias"] = 2 })
	b.after(t, 0)
	b.after(t, 2*time.Second)
	c = b.want(t, c.ID, connection.ActionRequired)
	if *c.StateReason != "ownership_unproven" || c.Facets.DNS.Value != connection.Correct {
		t.Fatalf("%s %+v", *c.StateReason, c.Facets)
	}
	if _, err := b.Edge.Get(t.Context(), c.Hostname); err == nil {
		t.Fatal("an unproven name has an edge entry")
	}
	b.World.set(func(w *world) { w.standing["ownership"] = 2 })
	b.after(t, 10*time.Second)
	b.want(t, c.ID, connection.Securing)
}

func TestCheck_AWrongValueNeedsAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	b.World.set(func(w *world) { w.standing["routing"] = 1 })
	b.after(t, 0)
	b.want(t, c.ID, connection.Verifying)
	wrong := func(a *analysis.Answer) {
		f := finding.New(finding.WrongValue, map[string]any{"name": "shop.acme.lab", "type": "CNAME", "observed": "elsewhere.example", "desired": c.Target})
		a.Findings = []finding.Finding{f}
		a.Records[0].Status, a.Records[0].Have, a.Records[0].Finding, a.Records[0].Seen = "WRONG_VALUE", 0, &f, []string{"elsewhere.example"}
	}
	b.World.set(func(w *world) { w.answer = wrong })
	b.after(t, 3*time.Second)
	c = b.want(t, c.ID, connection.ActionRequired)
	if *c.StateReason != finding.WrongValue {
		t.Fatal(*c.StateReason)
	}
	p := connection.ProgressOf(c, "de")
	if len(p.Steps) != 4 || p.Headline == "" {
		t.Fatalf("%+v", p)
	}
	if got := b.actions(t, c.ID); got[len(got)-1] != "connection.action_required" {
		t.Fatal(got)
	}
	b.World.set(func(w *world) { w.answer, w.standing["routing"] = nil, 2 })
	b.after(t, 3*time.Second)
	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Securing)
}

func TestCheck_HostileAnswersAreKeptAndShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	b.World.set(func(w *world) {
		w.answer = func(a *analysis.Answer) {
			evil := "a\x00\xff<script>" + string(make([]byte, 70_000))
			f := finding.New(finding.WrongValue, map[string]any{"name": "shop.acme.lab", "type": "CNAME", "observed": evil, "desired": c.Target})
			a.Findings, a.Records[0].Finding, a.Records[0].Status = []finding.Finding{f}, &f, "WRONG_VALUE"
			a.Records[0].Seen, a.Records[0].Observed = []string{evil}, []analysis.ServerRRset{{Server: evil, Values: []string{evil}, Rcode: evil}}
			a.Conflicts = []analysis.ConflictSeen{{Kind: finding.ForeignAddress, Severity: finding.Warning, Name: evil[:20], Type: "A", Existing: []string{evil}, Choices: []string{"DELETE"}}}
			a.Observations = []analysis.Observation{{SourceKind: analysis.Authoritative, Source: evil, Values: []string{evil}, Name: evil, Rcode: evil, Error: &evil}}
			a.Zone.Apex = evil[:20]
		}
	})
	b.after(t, 0)
	if c = b.want(t, c.ID, connection.ActionRequired); *c.StateReason != finding.WrongValue {
		t.Fatal(*c.StateReason)
	}
}

func TestCheck_CouldNotAskMovesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.live(t, "shop.acme.lab")
	before := b.actions(t, c.ID)
	b.World.set(func(w *world) { w.deaf = true })
	for range 6 {
		b.after(t, 20*time.Minute)
	}
	after := b.want(t, c.ID, connection.Live)
	if after.Version != c.Version || len(b.actions(t, c.ID)) != len(before) {
		t.Fatal("something moved")
	}
	checks, err := b.S.ChecksOf(b.As(t.Context()), after, nil, nil)
	if err != nil || *checks.Nodes[0].Verdict != analysis.CouldNotAsk {
		t.Fatalf("%+v %v", checks.Nodes[0], err)
	}
}

// TestCheck_TheirServersSayNothing: servers that do not answer at all are a failing pass, and those that have no answer to what decides move
// nothing; what is wrong is told either way.
func TestCheck_TheirServersSayNothing(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		code  string
		p     map[string]any
		state connection.State
	}{
		"Silent":  {finding.AllNSUnreachable, map[string]any{"zone": "acme.lab", "servers": []string{"ns1.plain-dns.lab"}}, connection.Degraded},
		"Failing": {finding.NSFailing, map[string]any{"name": "shop.acme.lab", "servers": []string{"ns1.plain-dns.lab"}, "types": []string{"CNAME"}}, connection.Live},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			c := b.live(t, "shop.acme.lab")
			b.World.set(func(w *world) {
				w.answer = func(a *analysis.Answer) {
					a.Verdict, a.Probes, a.Ownership = analysis.CouldNotAsk, nil, analysis.Ownership{}
					a.Findings = []finding.Finding{finding.New(one.code, one.p)}
					for i := range a.Records {
						a.Records[i].Status, a.Records[i].Have, a.Records[i].Of, a.Records[i].Finding = "UNVERIFIABLE", 0, 0, nil
					}
				}
			})
			b.after(t, 20*time.Minute)
			if c = b.want(t, c.ID, connection.Live); !slices.ContainsFunc(c.Findings, func(f finding.Finding) bool { return f.Code == one.code }) {
				t.Errorf("nothing is told: %+v", c.Findings)
			}
			for range 4 {
				b.after(t, 20*time.Minute)
			}
			b.want(t, c.ID, one.state)
			checks, err := b.S.ChecksOf(b.As(t.Context()), c, nil, nil)
			if err != nil || *checks.Nodes[0].Verdict != analysis.CouldNotAsk {
				t.Errorf("%+v %v", checks.Nodes[0], err)
			}
		})
	}
}

func TestCheck_DegradesAfterThreeFailuresOverTenMinutesAndRecovers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.live(t, "shop.acme.lab")
	dns := func(c *connection.Connection) connection.ProgressStep { return connection.ProgressOf(c, "en").Steps[1] }
	if got := dns(c); got.State != connection.Done || got.FinishedAt == nil {
		t.Errorf("live, and the step says %+v", got)
	}
	b.World.set(func(w *world) { w.standing["routing"] = 0 })
	for _, later := range []time.Duration{20 * time.Minute, 5 * time.Minute} {
		b.after(t, later)
		if got := dns(b.want(t, c.ID, connection.Live)); got.State != connection.Warned || got.FinishedAt != nil || !strings.Contains(got.Text, "look again") {
			t.Errorf("a check has failed, and the step says %+v", got)
		}
	}
	b.after(t, 5*time.Minute)
	c = b.want(t, c.ID, connection.Degraded)
	if c.Facets.DNS.Value != connection.Drifted || !c.GraceUntil.Equal(b.DB.Now().Add(72*time.Hour)) {
		t.Fatalf("%+v %s", c.Facets.DNS, c.GraceUntil)
	}
	if entry, err := b.Edge.Get(t.Context(), c.Hostname); err != nil || !entry.Serve {
		t.Fatalf("a degraded name goes on serving: %+v %v", entry, err)
	}
	live := *c.LiveAt
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	b.after(t, 30*time.Second)
	b.want(t, c.ID, connection.Degraded)
	b.after(t, 2*time.Second)
	c = b.want(t, c.ID, connection.Live)
	if got := dns(c); got.State != connection.Done {
		t.Errorf("healed, and the step says %+v", got)
	}
	if c.GraceUntil != nil || !c.LiveAt.Equal(live) {
		t.Fatal("recovering opens no new live period")
	}
	got := b.actions(t, c.ID)
	if n := len(slices.DeleteFunc(slices.Clone(got), func(a string) bool { return a != "connection.live" })); n != 1 {
		t.Fatalf("connection.live %d times", n)
	}
	if got[len(got)-1] != "connection.recovered" || !slices.Contains(got, "connection.degraded") {
		t.Fatal(got)
	}
}

func TestCheck_AFailingProbeBlocksTheCertificateAndSaysWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.World.set(func(w *world) { w.standing["routing"], w.probe = 2, analysis.ProbeOtherServer })
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Securing)
	p, err := b.S.Ready(t.Context(), c.ID, false)
	if err != nil || p.OK || p.Reason != finding.OtherServer {
		t.Fatalf("%+v %v", p, err)
	}
	c = b.want(t, c.ID, connection.ActionRequired)
	if *c.StateReason != finding.OtherServer || c.Facets.TLS.Value != connection.BlockedTLS {
		t.Fatalf("%s %+v", *c.StateReason, c.Facets.TLS)
	}
	if got := b.actions(t, c.ID); got[len(got)-1] != "connection.certificate_failed" {
		t.Fatal(got)
	}
	b.World.set(func(w *world) { w.probe = analysis.ProbeOK })
	b.after(t, 10*time.Second)
	b.want(t, c.ID, connection.Securing)
	if p, err = b.S.Ready(t.Context(), c.ID, false); err != nil || !p.OK || p.Check == nil {
		t.Fatalf("%+v %v", p, err)
	}
	n := len(b.World.questions())
	if p, err = b.S.Ready(t.Context(), c.ID, false); err != nil || !p.OK || len(b.World.questions()) != n {
		t.Fatal("a fresh check is enough")
	}
	b.Clock.add(2 * time.Minute)
	if p, err = b.S.Ready(t.Context(), c.ID, false); err != nil || !p.OK || len(b.World.questions()) != n+1 {
		t.Fatal("an old check is not enough")
	}
}

// CE-1 where port 80 is closed: what our edge says over TLS stands for the pre-flight, of an order and of a renewal, if it is there at every address.
func TestCheck_AClosedPort80IsNoneForTheCertificate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	over := func(second analysis.ProbeOutcome) {
		b.World.set(func(w *world) {
			w.answer = func(a *analysis.Answer) {
				for n := range a.Probes {
					a.Probes[n].Over = analysis.OverHTTP
				}
				a.Probes = append(a.Probes, analysis.ProbeResult{Address: "127.0.0.1", Family: 4, Port: 443, Over: analysis.OverTLS, Result: analysis.ProbeOK},
					analysis.ProbeResult{Address: "::1", Family: 6, Port: 443, Over: analysis.OverTLS, Result: second})
				a.Findings = append(a.Findings, finding.New(finding.HTTPClosed, map[string]any{"name": a.Hostname}))
			}
		})
	}
	b.World.set(func(w *world) { w.standing["routing"], w.probe = 2, analysis.ProbeTimeout })
	over(analysis.ProbeRefused)
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Securing)
	if p, err := b.S.Ready(t.Context(), c.ID, false); err != nil || p.OK {
		t.Fatalf("one family answers nowhere: %+v %v", p, err)
	}
	b.want(t, c.ID, connection.ActionRequired)
	over(analysis.ProbeOK)
	b.after(t, 10*time.Second)
	b.want(t, c.ID, connection.Securing)
	for _, renewal := range []bool{false, true} {
		p, err := b.S.Ready(t.Context(), c.ID, renewal)
		if err != nil || !p.OK || !analysis.TLSAlone(p.Check.Probe) {
			t.Fatalf("renewal %t: %+v %v", renewal, p, err)
		}
	}
	b.World.set(func(w *world) { w.probe = analysis.ProbeOtherServer })
	if p, err := b.S.Ready(t.Context(), c.ID, true); err != nil || p.OK || p.Reason != finding.OtherServer {
		t.Errorf("somebody else answers over http: %+v %v", p, err)
	}
}

func TestCheck_AnEdgeThatLearnsTheCertificateIsNoNews(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	b.after(t, 2*time.Second)
	b.tls(t, c, connection.TLS{Value: connection.Issued})
	before := b.want(t, c.ID, connection.Securing)
	b.World.set(func(w *world) {
		w.probe = analysis.ProbeTLSError
		w.answer = func(a *analysis.Answer) {
			a.Findings = append(a.Findings, finding.New(finding.ProbeTLSError, map[string]any{"name": c.Hostname, "detail": "no certificate"}))
		}
	})
	for range 10 {
		b.after(t, 200*time.Millisecond)
	}
	if c = b.want(t, c.ID, connection.Securing); c.Version != before.Version || c.StateReason != nil {
		t.Fatalf("%+v", c.Life)
	}
	b.after(t, 2*time.Second)
	if c = b.want(t, c.ID, connection.Securing); c.StateReason == nil || *c.StateReason != finding.ProbeTLSError {
		t.Fatal("after a while it is said")
	}
	b.World.set(func(w *world) { w.probe, w.answer = analysis.ProbeOK, nil })
	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Live)
}

func TestCheck_WhatTheCARefusedOnlyTheCertificateClears(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	b.after(t, 2*time.Second)
	f := finding.New(finding.ChallengeFailed, map[string]any{"name": c.Hostname, "ca": "lab", "caDetail": "no answer"})
	b.tls(t, c, connection.TLS{Value: connection.BlockedTLS, Reason: finding.ChallengeFailed, Finding: &f})
	b.want(t, c.ID, connection.ActionRequired)
	b.after(t, time.Minute)
	b.want(t, c.ID, connection.ActionRequired)
	b.tls(t, c, connection.TLS{Value: connection.Pending})
	b.want(t, c.ID, connection.Securing)
}

func TestCheck_CAABlocksBeforeAnyOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	forbidden := func(a *analysis.Answer) {
		a.Findings = append(a.Findings, finding.New(finding.CAAForbidden, map[string]any{"name": "acme.lab", "allowed": []string{"other.example"}, "record": "0 issue \"lab\"", "addAt": "shop.acme.lab"}))
	}
	b.World.set(func(w *world) { w.standing["routing"], w.answer = 2, forbidden })
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	b.after(t, 2*time.Second)
	c = b.want(t, c.ID, connection.ActionRequired)
	if *c.StateReason != finding.CAAForbidden || slices.Contains(b.actions(t, c.ID), "connection.dns_verified") {
		t.Fatalf("%s %v", *c.StateReason, b.actions(t, c.ID))
	}
	b.World.set(func(w *world) { w.answer = nil })
	b.after(t, 10*time.Second)
	b.want(t, c.ID, connection.Securing)
}

func TestCheck_AHeldNameGivesHeldElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.live(t, "shop.acme.lab")
	org, user := b.Organization(t, "rival")
	app := b.application(t, spinetest.As(t.Context(), user), org, "Rival")
	p, err := b.S.Start(spinetest.As(t.Context(), user), connection.StartConnectionInput{ApplicationID: app.ID, Hostname: "shop.acme.lab"})
	if err != nil {
		t.Fatal(err)
	}
	b.after(t, 0)
	b.after(t, 2*time.Second)
	c, err := b.S.Get(spinetest.As(t.Context(), user), p.Connection.ID)
	if err != nil || c.State != connection.ActionRequired || *c.StateReason != finding.HeldElsewhere || c.Facets.Ownership.Value != connection.Pending {
		t.Fatalf("%+v %v", c, err)
	}
	var holders int
	if err := b.DB.QueryRow(t.Context(), "select count(*) from hostname_claim where hostname = 'shop.acme.lab' and holder_org_id = $1", b.Org.UUID()).Scan(&holders); err != nil || holders != 1 {
		t.Fatal(holders, err)
	}
}

func TestArchive_EndsEverythingAndTheNextOneProvesAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.live(t, "shop.acme.lab")
	if _, err := b.S.Archive(b.As(t.Context()), c.ID, nil); !fault.Is(err, fault.InvalidCode) {
		t.Fatalf("a live name is typed: %v", err)
	}
	if _, err := b.S.Archive(b.As(t.Context()), c.ID, new("Shop.acme.lab ")); err != nil {
		t.Fatal(err)
	}
	b.want(t, c.ID, connection.Archived)
	if entry, err := b.Edge.Get(t.Context(), c.Hostname); err != nil || entry.Serve || entry.Mode != edgeentry.Gone {
		t.Fatalf("%+v %v", entry, err)
	}
	n := len(b.World.questions())
	b.after(t, 24*time.Hour)
	if len(b.World.questions()) != n {
		t.Fatal("an archived name is still asked for")
	}
	if _, err := b.S.Check(b.As(t.Context()), c.ID); !fault.Is(err, fault.PreconditionCode) {
		t.Fatal(err)
	}
	if again, err := b.S.Archive(b.As(t.Context()), c.ID, nil); err != nil || again.Connection.State != connection.Archived {
		t.Fatal(err)
	}
	next := b.start(t, "shop.acme.lab")
	if next.ID == c.ID || next.TargetToken == c.TargetToken {
		t.Fatal("a returning customer gets a new target")
	}
	if list, err := b.S.List(b.As(t.Context()), b.Org, nil, nil, nil, nil); err != nil || len(list.Nodes) != 1 || list.Nodes[0].ID != next.ID || *list.TotalCount != 1 {
		t.Fatal(list, err)
	}
}

func TestArchive_WithItsApplication(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.start(t, "a.acme.lab"), b.start(t, "b.acme.lab")
	err := b.Door.System(t.Context(), "test", b.Org, func(ctx context.Context, e *door.Effect) error {
		if n, err := b.S.CountOpen(ctx, e.Tx, b.Org, b.App.ID); err != nil || n != 2 {
			t.Fatal(n, err)
		}
		return b.S.ArchiveOfTx(ctx, e, b.App.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.want(t, one.ID, connection.Archived)
	b.want(t, two.ID, connection.Archived)
}

func TestTimer_GivesUpAfterTheWindowAndRetryStartsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	for range 8 {
		b.after(t, 22*time.Hour)
	}
	c = b.want(t, c.ID, connection.Failed)
	if *c.StateReason != finding.SetupIncomplete || c.NextCheckAt != nil {
		t.Fatalf("%s %v", *c.StateReason, c.NextCheckAt)
	}
	if _, err := b.S.MarkRecordsAdded(b.As(t.Context()), c.ID); !fault.Is(err, fault.PreconditionCode) {
		t.Fatal(err)
	}
	if _, err := b.S.Retry(b.As(t.Context()), c.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.S.Retry(b.As(t.Context()), c.ID); err != nil {
		t.Fatalf("a repeated retry is no error: %v", err)
	}
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	b.after(t, 0)
	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Securing)
	got := b.actions(t, c.ID)
	for _, want := range []string{"connection.failed", "connection.retried", "connection.analyzed", "connection.dns_verified"} {
		if !slices.Contains(got, want) {
			t.Fatalf("no %s in %v", want, got)
		}
	}
}

func TestMarkRecordsAdded_VerifiesAndLooksOften(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	b.after(t, 20*time.Minute)
	p, err := b.S.MarkRecordsAdded(b.As(t.Context()), c.ID)
	if err != nil || p.Connection.State != connection.Verifying || !p.Connection.AttentionUntil.Equal(b.DB.Now().Add(15*time.Minute)) {
		t.Fatalf("%+v %v", p, err)
	}
	b.after(t, 0)
	if c = b.want(t, c.ID, connection.Verifying); c.NextCheckAt.Sub(b.DB.Now()) > 3*time.Second {
		t.Fatal(c.NextCheckAt.Sub(b.DB.Now()))
	}
	if got := b.actions(t, c.ID); got[len(got)-1] != "connection.verifying" {
		t.Fatal(got)
	}
}

func TestSchedule_InTheFirstMinuteAndLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	began, at := b.DB.Now(), []time.Duration{}
	for b.DB.Now().Sub(began) < 20*time.Minute {
		b.after(t, 0)
		c = b.get(t, c.ID)
		at = append(at, b.DB.Now().Sub(began))
		b.Clock.add(c.NextCheckAt.Sub(b.DB.Now()))
	}
	for n := 1; n < len(at); n++ {
		gap := at[n] - at[n-1]
		switch {
		case at[n-1] < time.Minute && gap > 3*time.Second:
			t.Fatalf("%s after %s", gap, at[n-1])
		case at[n-1] < 15*time.Minute && gap > 10*time.Second:
			t.Fatalf("%s after %s", gap, at[n-1])
		case at[n-1] >= 15*time.Minute && gap != 30*time.Second:
			t.Fatalf("%s after %s", gap, at[n-1])
		}
	}
	if len(at) > 130 {
		t.Fatalf("%d checks", len(at))
	}
}

func TestWatch_LightPassesAndNewsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	b.after(t, 20*time.Minute) // nobody looks
	ctx, cancel := context.WithCancel(b.As(t.Context()))
	defer cancel()
	b.noteWatchers(t)
	feed, err := b.S.Watch(ctx, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	states := livetest.Channel(ctx, b.Hub, feed)
	first := <-states
	if first.Err != nil || first.Value.State != connection.ActionRequired {
		t.Fatalf("%+v", first)
	}
	n := len(b.World.questions())
	eventually(t, "the first watch hurries the check", func() bool { b.after(t, 0); return len(b.World.questions()) > n })
	n = len(b.World.questions())
	b.after(t, 2*time.Second)
	asked := b.World.questions()
	if len(asked) != n+1 || asked[n].Depth != analysis.Light || asked[n].Zone == nil || len(asked[n].Expected) != 1 {
		t.Fatalf("%d questions, last %+v", len(asked)-n, asked[len(asked)-1])
	}
	b.World.set(func(w *world) { w.standing["routing"] = 1 })
	b.after(t, 2*time.Second)
	if asked = b.World.questions(); asked[len(asked)-1].Depth != analysis.Full {
		t.Fatal("news starts a full check")
	}
	for r := range states {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if r.Value.State == connection.Verifying {
			break
		}
	}
	cancel()
	for range states {
	}
}

func TestEvents_HistoryAndStreamInOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	ctx, cancel := context.WithCancel(b.As(t.Context()))
	defer cancel()
	feed, err := b.S.Events(ctx, c.ID, new(int64(1)))
	if err != nil {
		t.Fatal(err)
	}
	events := livetest.Channel(ctx, b.Hub, feed)
	if r := <-events; r.Err != nil || r.Value.Type != "connection.analyzed" || r.Value.Sequence != 2 || r.Value.ConnectionID != c.ID {
		t.Fatalf("%+v", r)
	}
	if _, err := b.S.MarkRecordsAdded(b.As(t.Context()), c.ID); err != nil {
		t.Fatal(err)
	}
	if r := <-events; r.Err != nil || r.Value.Type != "connection.verifying" || connection.EventText(r.Value, "de") == r.Value.Type {
		t.Fatalf("%+v", r)
	}
	timeline, err := b.S.Timeline(b.As(t.Context()), b.get(t, c.ID), new(int32(2)), nil)
	if err != nil || len(timeline.Nodes) != 2 || timeline.Nodes[0].Sequence != 3 || !timeline.PageInfo.HasNextPage || *timeline.TotalCount != 3 {
		t.Fatalf("%+v %v", timeline, err)
	}
	rest, err := b.S.Timeline(b.As(t.Context()), b.get(t, c.ID), new(int32(2)), timeline.PageInfo.EndCursor)
	if err != nil || len(rest.Nodes) != 1 || rest.Nodes[0].Sequence != 1 || rest.PageInfo.HasNextPage {
		t.Fatalf("%+v %v", rest, err)
	}
}

func TestFence_ALateWorkerChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	queue := b.S.Part().Queues[0]
	take := func(owner string) (claim workClaim) {
		t.Helper()
		err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			claims, err := queue.Take(ctx, tx, owner, tx.Now.Add(10*time.Second), 10)
			if err == nil && len(claims) == 1 {
				claim = workClaim{claims[0].Epoch, func() error { return queue.Run(t.Context(), claims[0]) }}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return claim
	}
	dead := take("dead")
	if got := b.want(t, c.ID, connection.Analyzing); got.Version != c.Version {
		t.Fatal("a lease is no change")
	}
	if again := take("other"); again.run != nil {
		t.Fatal("a leased row was taken twice")
	}
	b.Clock.add(11 * time.Second) // the lease ran out
	alive := take("alive")
	if alive.epoch != dead.epoch+1 {
		t.Fatalf("epochs %d and %d", dead.epoch, alive.epoch)
	}
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	if err := dead.run(); err != nil {
		t.Fatalf("a lost turn is no error: %v", err)
	}
	if got := b.get(t, c.ID); got.AnalyzedAt != nil || slices.Contains(b.actions(t, c.ID), "connection.analyzed") {
		t.Fatal("the late worker wrote")
	}
	if err := alive.run(); err != nil {
		t.Fatal(err)
	}
	b.want(t, c.ID, connection.Verifying)
}

type workClaim struct {
	epoch int64
	run   func() error
}

func TestFence_WhatOthersChangeWhileWeAskStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	b.after(t, 0)
	b.World.set(func(w *world) {
		w.before = func(analysis.Question) {
			w.set(func(w *world) { w.before = nil })
			if _, err := b.S.Archive(b.As(t.Context()), c.ID, nil); err != nil {
				t.Error(err)
			}
		}
	})
	b.after(t, 2*time.Second)
	b.want(t, c.ID, connection.Archived)
	if got := b.actions(t, c.ID); got[len(got)-1] != "connection.archived" {
		t.Fatal(got)
	}
}

func TestConflicts_AreResolvedByChoice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	b.World.set(func(w *world) {
		w.answer = func(a *analysis.Answer) {
			a.Conflicts = []analysis.ConflictSeen{{Kind: finding.ForeignAddress, Severity: finding.Blocking, Name: "shop.acme.lab", Type: "A", Existing: []string{"192.0.2.1"}, Choices: []string{"DELETE", "KEEP"}}}
		}
	})
	b.after(t, 0)
	c = b.want(t, c.ID, connection.ActionRequired)
	all, err := b.S.ConflictsOf(b.As(t.Context()), []*connection.Connection{c})
	if err != nil || len(all[0]) != 1 || *c.StateReason != finding.ForeignAddress {
		t.Fatalf("%+v %v", all, err)
	}
	id := all[0][0].ID
	if _, err := b.S.ResolveConflict(b.As(t.Context()), id, record.Merge); !fault.Is(err, fault.InvalidCode) {
		t.Fatal(err)
	}
	if _, err := b.S.ResolveConflict(b.As(t.Context()), id, record.Delete); err != nil {
		t.Fatal(err)
	}
	if got := b.actions(t, c.ID); got[len(got)-1] != "connection.conflict_resolved" {
		t.Fatal(got)
	}
	_, other := b.Organization(t, "rival")
	foreign := func(id ident.ConflictID) string {
		_, err := b.S.ResolveConflict(spinetest.As(t.Context(), other), id, record.Delete)
		return err.Error()
	}
	if foreign(id) != foreign(ident.New[ident.ConflictID](time.Now())) {
		t.Fatal("a stranger can tell them apart")
	}
	diff, err := b.S.DiffOf(b.As(t.Context()), c)
	if err != nil || len(diff.Add) != 1 || len(diff.Remove) != 1 || !diff.MailUntouched {
		t.Fatalf("%+v %v", diff, err)
	}
	b.World.set(func(w *world) { w.answer = nil })
	b.after(t, 0)
	if all, err = b.S.ConflictsOf(b.As(t.Context()), []*connection.Connection{c}); err != nil || len(all[0]) != 0 {
		t.Fatalf("%+v %v", all, err)
	}
}

func TestUpdate_VersionsAndRoutes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.live(t, "shop.acme.lab")
	in := connection.UpdateConnectionInput{ID: c.ID, Version: c.Version, ExternalRef: new("c-9"), Labels: []string{"vip"}, Upstream: &application.UpstreamInput{OriginURL: "http://127.0.0.1:9000"}}
	p, err := b.S.Update(b.As(t.Context()), in)
	if err != nil || p.Connection.Version != c.Version+1 {
		t.Fatalf("%+v %v", p, err)
	}
	if _, err := b.S.Update(b.As(t.Context()), in); !fault.Is(err, fault.VersionConflictCode) {
		t.Fatal(err)
	}
	entry, err := b.Edge.Get(t.Context(), c.Hostname)
	if err != nil || entry.Route.CustomerRef != "c-9" || entry.Route.Upstream == nil || entry.Route.Upstream.OriginURL != "http://127.0.0.1:9000" {
		t.Fatalf("%+v %v", entry, err)
	}
	if _, err := b.Apps.Update(b.As(t.Context()), application.UpdateApplicationInput{ID: b.App.ID, Version: b.App.Version, Name: new("Renamed")}); err != nil {
		t.Fatal(err)
	}
	b.after(t, 0)
	if entry, err = b.Edge.Get(t.Context(), c.Hostname); err != nil || entry.Route.Application != "Renamed" {
		t.Fatalf("%+v %v", entry, err)
	}
}

func TestList_FiltersOrdersAndPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, host := range []string{"b.acme.lab", "a.acme.lab", "c.acme.lab"} {
		b.start(t, host)
		b.Clock.add(time.Millisecond)
	}
	names := func(filter *connection.ConnectionFilter, order *connection.ConnectionOrder, first int32) (out []string) {
		t.Helper()
		var after *string
		var total int32
		defer func() {
			if int(total) != len(out) {
				t.Errorf("%d are counted, and %v listed", total, out)
			}
		}()
		for {
			p, err := b.S.List(b.As(t.Context()), b.Org, filter, order, &first, after)
			if err != nil {
				t.Fatal(err)
			}
			total = *p.TotalCount
			for _, c := range p.Nodes {
				out = append(out, c.HostLabel)
			}
			if after = p.PageInfo.EndCursor; !p.PageInfo.HasNextPage {
				return out
			}
		}
	}
	for name, c := range map[string]struct {
		filter *connection.ConnectionFilter
		order  *connection.ConnectionOrder
		want   []string
	}{
		"Newest":          {nil, nil, []string{"c", "a", "b"}},
		"EmptyFilter":     {&connection.ConnectionFilter{}, nil, []string{"c", "a", "b"}},
		"NewestFiltered":  {&connection.ConnectionFilter{UpdatedAfter: new(time.Unix(1, 0))}, nil, []string{"c", "a", "b"}},
		"Oldest":          {nil, &connection.ConnectionOrder{Field: connection.ByCreatedAt}, []string{"b", "a", "c"}},
		"ByName":          {nil, &connection.ConnectionOrder{Field: connection.ByHostname}, []string{"a", "b", "c"}},
		"ByNameBackwards": {nil, &connection.ConnectionOrder{Field: connection.ByHostname, Descending: true}, []string{"c", "b", "a"}},
		"ByState":         {nil, &connection.ConnectionOrder{Field: connection.ByState, Descending: true}, []string{"c", "a", "b"}},
		"Text":            {&connection.ConnectionFilter{Text: new("B.Acme")}, nil, []string{"b"}},
		"State":           {&connection.ConnectionFilter{State: []connection.State{connection.Live}}, nil, nil},
		"OtherApp":        {&connection.ConnectionFilter{ApplicationID: new(ident.New[ident.ApplicationID](time.Now()))}, nil, nil},
	} {
		for _, first := range []int32{1, 2, 20} {
			if got := names(c.filter, c.order, first); !slices.Equal(got, c.want) {
				t.Errorf("%s by %d: %v, want %v", name, first, got, c.want)
			}
		}
	}
	unused := ident.New[ident.ApplicationID](time.Now())
	counts, err := b.S.CountsOf(b.As(t.Context()), b.Org, []ident.ApplicationID{b.App.ID, unused})
	if mine := counts[b.App.ID]; err != nil || len(mine) != 1 || *mine[0] != (connection.StateCount{State: connection.Draft, Count: 3}) || counts[unused] == nil || len(counts[unused]) != 0 {
		t.Fatal(counts, err)
	}
}

// A renewal moves nothing but the certificate: the connection speaks of the new one at once, its watchers hear of it, and HTTPS is proven again.
func TestSetTLS_ARenewalIsNews(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.live(t, "shop.acme.lab")
	next := ident.New[ident.CertificateID](b.DB.Now())
	b.tls(t, c, connection.TLS{Value: connection.Issued, Certificate: next})
	now := b.want(t, c.ID, connection.Live)
	if now.Facets.TLS.Certificate != next || now.Version != c.Version+1 {
		t.Errorf("it speaks of %v at version %d after %d", now.Facets.TLS.Certificate, now.Version, c.Version)
	}
	if all := b.actions(t, c.ID); all[len(all)-1] != "connection.checked" {
		t.Errorf("told: %v", all)
	}
	asked := len(b.World.questions())
	b.after(t, 0)
	if n := len(b.World.questions()) - asked; n != 1 {
		t.Errorf("%d checks", n)
	}
	told := len(b.actions(t, c.ID))
	if b.tls(t, c, connection.TLS{Value: connection.Issued, Certificate: next}); len(b.actions(t, c.ID)) != told {
		t.Errorf("the same certificate was news: %v", b.actions(t, c.ID)[told:])
	}
}
