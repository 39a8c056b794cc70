package connection

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/locale/localetest"
	"pgregory.net/rapid"
)

func facets(ownership, dns, tls, edge string) Facets {
	return Facets{Ownership: FacetState{Value: ownership}, DNS: FacetState{Value: dns}, TLS: FacetState{Value: tls}, Edge: FacetState{Value: edge}}
}

func TestHeadline(t *testing.T) {
	t.Parallel()
	whole := facets(Verified, Correct, Issued, Serving)
	for name, c := range map[string]struct {
		f      Facets
		m      Marks
		state  State
		reason string
	}{
		"ArchivedWins":                  {whole, Marks{Archived: true, Blocked: true, Live: true}, Archived, ""},
		"BlockedBeforeSuspended":        {whole, Marks{Blocked: true, Suspended: true}, Blocked, "policy_blocked"},
		"ContestedStillServes":          {whole, Marks{Contested: true, Live: true}, Contested, "claim_contested"},
		"SuspendedBeforeFailed":         {whole, Marks{Suspended: true, Failed: true, Why: "x"}, Suspended, "x"},
		"Failed":                        {whole, Marks{Failed: true, Why: "propagation_timeout"}, Failed, "propagation_timeout"},
		"Live":                          {whole, Marks{Live: true, Analyzed: true}, Live, ""},
		"LiveWhileRenewing":             {facets(Verified, Correct, Renewing, Redirecting), Marks{Live: true, Analyzed: true}, Live, ""},
		"DegradedByDNS":                 {facets(Verified, Drifted, Issued, Serving), Marks{Live: true, Analyzed: true}, Degraded, "drifted"},
		"DegradedByRenewal":             {facets(Verified, Correct, AtRisk, Serving), Marks{Live: true, Analyzed: true}, Degraded, "renewal_at_risk"},
		"DegradedByExpiry":              {facets(Verified, Correct, Expired, Serving), Marks{Live: true, Analyzed: true}, Degraded, "certificate_expired"},
		"DegradedByProbe":               {facets(Verified, Correct, Issued, Staged), Marks{Live: true, Analyzed: true}, Degraded, "https_unreachable"},
		"WholeButNoPeriodIsSecuring":    {whole, Marks{Analyzed: true}, Securing, ""},
		"Applying":                      {facets(Pending, Absent, NoTLS, Off), Marks{Changing: true, Analyzed: true}, Applying, ""},
		"Analyzing":                     {facets(NoOwnership, Unknown, NoTLS, Off), Marks{Analyzing: true}, Analyzing, ""},
		"Draft":                         {facets(NoOwnership, Unknown, NoTLS, Off), Marks{}, Draft, ""},
		"Securing":                      {facets(Verified, Correct, Pending, Staged), Marks{Analyzed: true}, Securing, ""},
		"BlockedTLSNeedsAction":         {facets(Verified, Correct, BlockedTLS, Staged), Marks{Analyzed: true, Person: "caa_forbidden"}, ActionRequired, "caa_forbidden"},
		"ConflictNeedsAction":           {facets(Pending, Conflicting, NoTLS, Off), Marks{Analyzed: true, Verifying: true}, ActionRequired, "cname_collision"},
		"RightButUnproven":              {facets(Pending, Correct, NoTLS, Off), Marks{Analyzed: true, Verifying: true}, ActionRequired, "ownership_unproven"},
		"RightUnprovenWithItsWindow":    {facets(Pending, Correct, NoTLS, Off), Marks{Analyzed: true, Incoming: true}, Verifying, ""},
		"Verifying":                     {facets(Pending, Partial, NoTLS, Off), Marks{Analyzed: true, Verifying: true}, Verifying, ""},
		"VerifyingButAPersonIsNeeded":   {facets(Pending, Absent, NoTLS, Off), Marks{Analyzed: true, Verifying: true, Person: "wrong_value"}, ActionRequired, "wrong_value"},
		"NothingYet":                    {facets(Pending, Absent, NoTLS, Off), Marks{Analyzed: true}, ActionRequired, "record_absent"},
		"DriftedBeforeLiveNeedsAction":  {facets(Verified, Drifted, Issued, Serving), Marks{Analyzed: true, Verifying: true}, ActionRequired, "record_absent"},
		"BlockedTLSBeforeDNSIsRightToo": {facets(Pending, Absent, BlockedTLS, Off), Marks{Analyzed: true, Verifying: true, Person: "dnssec_bogus"}, ActionRequired, "dnssec_bogus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if state, reason := Headline(c.f, c.m); state != c.state || reason != c.reason {
				t.Fatalf("%s %q, want %s %q", state, reason, c.state, c.reason)
			}
		})
	}
}

var start = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// walk is a random life of a connection on the pure fold.
type walk struct {
	l       Life
	now     time.Time
	events  []string
	periods int
}

func newWalk() *walk {
	w := &walk{now: start, l: Life{State: Draft, StateSince: start, Facets: fresh(start), WindowEndsAt: new(start.Add(Defaults.Window))}}
	w.l.attend(start, Defaults)
	return w
}

// leave makes the life one that was live and whose records lead elsewhere now: by chance alone few walks come that far.
func (w *walk) leave() {
	f := &w.l.Facets
	f.Ownership.set(Verified, "", w.now, nil)
	f.DNS.set(Correct, "", w.now, nil)
	f.TLS.set(Issued, "", w.now, nil)
	f.Edge.set(Serving, "", w.now, nil)
	w.l.AnalyzedAt, w.l.PassCount, w.l.LastPassAt = &w.now, 2, &w.now
	w.settle()
	f.DNS.set(Drifted, finding.RecordAbsent, w.now, nil)
	w.settle()
}

func (w *walk) settle() {
	open := w.l.LiveAt != nil
	_, event := w.l.Settle(w.now, Defaults)
	if event != "" {
		w.events = append(w.events, event)
	}
	if !open && w.l.LiveAt != nil {
		w.periods++
	}
}

func (w *walk) step(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 20*60*1000).Draw(t, "wait")) * time.Millisecond)
	if w.l.GraceUntil != nil && rapid.IntRange(0, 3).Draw(t, "the grace passes") == 0 {
		w.now = w.now.Add(Defaults.Grace)
	}
	switch rapid.SampledFrom([]string{"pass", "pass", "pass", "pass", "could_not_ask", "certificate", "certificate", "mark", "fail", "retry", "suspend", "resume", "resume", "archive"}).Draw(t, "what") {
	case "pass":
		w.pass(t)
	case "could_not_ask":
		before := w.l
		w.l.Fold(Seen{Asked: false, Now: w.now, DNS: Absent, Held: true, Person: "wrong_value"}, Defaults)
		if !reflect.DeepEqual(before, w.l) {
			t.Fatalf("I7: a pass that could not ask moved %+v to %+v", before, w.l)
		}
	case "certificate":
		if w.l.ArchivedAt == nil {
			w.l.Facets.TLS.set(rapid.SampledFrom([]string{Pending, Issued, Issued, Renewing, AtRisk, Expired, BlockedTLS}).Draw(t, "tls"), "", w.now, nil)
			w.settle()
		}
	case "mark":
		if w.l.ArchivedAt == nil && w.l.FailedAt == nil && w.l.SuspendedAt == nil {
			w.l.VerifyingSince = &w.now
			w.settle()
		}
	case "fail":
		if w.l.State == ActionRequired || w.l.State == Verifying {
			w.l.FailedAt, w.l.StateReason = new(w.now), new("setup_incomplete")
			w.settle()
		}
	case "retry":
		if w.l.State == Failed {
			w.l.FailedAt, w.l.AnalyzedAt, w.l.VerifyingSince, w.l.PassCount, w.l.LastPassAt = nil, nil, nil, 0, nil
			w.settle()
		}
	case "suspend":
		if w.l.ArchivedAt == nil && w.l.SuspendedAt == nil && rapid.IntRange(0, 3).Draw(t, "suspend") == 0 {
			w.l.suspend(OrganizationDeleted, w.now)
			w.settle()
		}
	case "resume":
		if w.l.ArchivedAt == nil && w.l.SuspendedAt != nil {
			analyzed := w.l.AnalyzedAt != nil
			w.l.resume(w.now, Defaults)
			if w.settle(); analyzed && w.l.State != Verifying || !analyzed && w.l.State != Draft {
				t.Fatalf("resumed as %s: %+v", w.l.State, w.l)
			}
		}
	case "archive":
		if rapid.IntRange(0, 9).Draw(t, "archive") == 0 {
			w.l.ArchivedAt, w.l.LiveAt = new(w.now), nil
			w.settle()
		}
	}
}

func (w *walk) pass(t *rapid.T) {
	if w.l.over() {
		return
	}
	probe := func(name string) Outcome {
		made := rapid.Bool().Draw(t, name)
		o := Outcome{Made: made, Passed: made && rapid.Bool().Draw(t, name+" passed")}
		if made && !o.Passed {
			o.Why = finding.OtherServer
		}
		return o
	}
	s := Seen{
		Began: w.now, Now: w.now, Check: ident.New[ident.CheckID](w.now), Asked: true, DNS: rapid.SampledFrom([]string{Absent, Partial, Conflicting, Correct, Correct, Correct}).Draw(t, "dns"),
		Proven: rapid.Bool().Draw(t, "proven"), Present: rapid.Bool().Draw(t, "present"), HTTP: probe("http"), HTTPS: probe("https"), Full: rapid.Bool().Draw(t, "full"),
		Preflight: rapid.Bool().Draw(t, "preflight"), Servers: &analysis.Ratio{Have: 1, Of: 2},
		Rules:  rapid.SampledFrom([]string{"", "", "", finding.CAAForbidden}).Draw(t, "rules"),
		Person: rapid.SampledFrom([]string{"", "", finding.WrongValue}).Draw(t, "person"),
	}
	s.Held = !s.Proven && rapid.Bool().Draw(t, "held")
	s.Routed, s.Reached = s.DNS == Correct || rapid.Bool().Draw(t, "routed"), rapid.Bool().Draw(t, "reached")
	if w.l.left() {
		if !s.Routed {
			return
		}
		w.l.resume(w.now, Defaults)
	}
	passes, grace, live := w.l.PassCount, w.l.GraceUntil, w.l.LiveAt
	w.l.Fold(s, Defaults)
	if w.l.lapsed(s) {
		if grace == nil || live == nil || w.now.Before(*grace) || s.Reached || s.DNS == Correct {
			t.Fatalf("T14: suspended by %+v with the grace until %v", s, grace)
		}
		w.l.suspend(w.l.Facets.broken(), w.now)
		w.settle()
		if w.l.State != Suspended || !w.l.left() || w.events[len(w.events)-1] != "connection.suspended" {
			t.Fatalf("T14: %s after %v", w.l.State, w.events)
		}
		return
	}
	if w.l.PassCount > passes+1 {
		t.Fatal("one pass counted twice")
	}
	w.settle()
}

func (w *walk) check(t *rapid.T) {
	f := w.l.Facets
	if w.l.certAllowed() {
		renewal := f.TLS.Value == Issued || f.TLS.Value == Renewing || f.TLS.Value == AtRisk || f.TLS.Value == Expired
		if f.Ownership.Value != Verified || w.l.ArchivedAt != nil || w.l.SuspendedAt != nil || !f.Edge.Probed || f.DNS.Value != Correct && !renewal {
			t.Fatalf("I1: a certificate is allowed with %+v", w.l)
		}
	}
	if w.l.serves() && f.Ownership.Value != Verified && f.Ownership.Value != ContestedBy {
		t.Fatalf("I1: served with %+v", f)
	}
	if w.l.ArchivedAt != nil && (w.l.State != Archived || w.l.serves() || w.l.certAllowed()) {
		t.Fatalf("I5: archived and %s", w.l.State)
	}
	if w.l.SuspendedAt != nil && (w.l.ArchivedAt == nil && w.l.State != Suspended || w.l.LiveAt != nil || w.l.certAllowed() || (w.l.Turn(w.now, true, true) != NoCheck) != w.l.left()) {
		t.Fatalf("suspended and %s: %+v", w.l.State, w.l)
	}
	if w.l.State == Live && (!f.whole() || w.l.LiveAt == nil) {
		t.Fatalf("LIVE with %+v", f)
	}
	state, _ := Headline(f, w.l.marks())
	if state != w.l.State {
		t.Fatalf("the state is %s, the facets say %s", w.l.State, state)
	}
	opened := 0
	for _, e := range w.events {
		if e == "connection.live" {
			opened++
		}
	}
	if opened != w.periods {
		t.Fatalf("%d live periods and %d events connection.live", w.periods, opened)
	}
	if f.Edge.Value == Serving && w.l.Facets.Ownership.Value == Pending {
		t.Fatal("serving an unproven name")
	}
}

func TestInvariants_OverRandomLives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWalk()
		if rapid.Bool().Draw(t, "left") {
			w.leave()
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			archived := w.l.ArchivedAt != nil
			w.step(t)
			if archived && w.l.State != Archived {
				t.Fatal("I5: an archived connection came back")
			}
			w.check(t)
		}
	})
}

func TestInvariants_TheScheduleNeverStopsBeforeTheEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWalk()
		if rapid.Bool().Draw(t, "left") {
			w.leave()
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			w.step(t)
			watched, news, light := rapid.Bool().Draw(t, "watched"), rapid.Bool().Draw(t, "news"), rapid.Bool().Draw(t, "light")
			next := w.l.Next(w.now, watched, news, light, Defaults)
			over := w.l.ArchivedAt != nil || w.l.FailedAt != nil || w.l.SuspendedAt != nil && deref(w.l.StateReason) == OrganizationDeleted
			switch {
			case over != (next == nil):
				t.Fatalf("%s is looked at %v", w.l.State, next)
			case next != nil && (!next.After(w.now) || next.Sub(w.now) > 6*time.Hour):
				t.Fatalf("%s after %s", w.l.State, next.Sub(w.now))
			}
			if w.l.Ladder.pack() < 0 || unpackLadder(w.l.Ladder.pack()) != w.l.Ladder {
				t.Fatalf("the ladder %+v does not survive its column", w.l.Ladder)
			}
		}
	})
}

func TestFold_OnePassIsNotEnoughAndTheSecondComesAfterTheGap(t *testing.T) {
	t.Parallel()
	good := func(at time.Duration) Seen {
		return Seen{Asked: true, Full: true, DNS: Correct, Proven: true, Present: true, Began: start.Add(at), Now: start.Add(at + 100*time.Millisecond)}
	}
	for name, c := range map[string]struct {
		passes []Seen
		dns    string
	}{
		"One":            {[]Seen{good(0)}, Partial},
		"TooSoon":        {[]Seen{good(0), good(time.Second), good(1900 * time.Millisecond)}, Partial},
		"BeganTooSoon":   {[]Seen{good(0), good(2050 * time.Millisecond)}, Partial},
		"Two":            {[]Seen{good(0), good(2100 * time.Millisecond)}, Correct},
		"ABadOneBetween": {[]Seen{good(0), {Asked: true, DNS: Absent, Now: start.Add(time.Second)}, good(3 * time.Second)}, Partial},
		"CouldNotAsk":    {[]Seen{good(0), {Asked: false, Now: start.Add(time.Second)}, good(3 * time.Second)}, Correct},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalk()
			for _, p := range c.passes {
				w.l.Fold(p, Defaults)
			}
			if w.l.Facets.DNS.Value != c.dns {
				t.Fatalf("%s, want %s", w.l.Facets.DNS.Value, c.dns)
			}
		})
	}
}

func TestFold_CorrectIsLostSlowly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fails []time.Duration // after the name was right
		live  bool
		dns   string
	}{
		"TwoFailures":              {[]time.Duration{0, 20 * time.Minute}, true, Correct},
		"ThreeInAMoment":           {[]time.Duration{0, 2 * time.Second, 4 * time.Second}, true, Correct},
		"ManyInAMoment":            {[]time.Duration{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, true, Correct},
		"ThreeOverTenMinutes":      {[]time.Duration{0, 5 * time.Minute, 10 * time.Minute}, true, Drifted},
		"BeforeLiveTheValueIsSeen": {[]time.Duration{0, 5 * time.Minute, 10 * time.Minute}, false, Absent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalk()
			w.l.Facets.DNS.Value, w.l.PassCount = Correct, 2
			if c.live {
				w.l.LiveAt = &start
			}
			for _, at := range c.fails {
				w.l.Fold(Seen{Asked: true, DNS: Absent, Now: start.Add(time.Hour + at)}, Defaults)
			}
			if w.l.Facets.DNS.Value != c.dns {
				t.Fatalf("%s, want %s", w.l.Facets.DNS.Value, c.dns)
			}
		})
	}
}

func TestQuietIntervals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step int32
		age  time.Duration
		want time.Duration
	}{
		{0, 0, 30 * time.Second}, {9, time.Hour, 30 * time.Second}, {10, time.Hour, 45 * time.Second}, {11, time.Hour, 67500 * time.Millisecond}, {30, 5 * time.Hour, 15 * time.Minute},
		{30, 7 * time.Hour, time.Hour}, {60, 60 * time.Hour, 6 * time.Hour}, {1 << 15, 6 * 24 * time.Hour, 6 * time.Hour},
	} {
		if got := quietInterval(c.step, c.age); got != c.want {
			t.Errorf("step %d after %s: %s, want %s", c.step, c.age, got, c.want)
		}
	}
}

func TestProving_LooksOftenRightAfterTheCertificate(t *testing.T) {
	t.Parallel()
	w := newWalk()
	w.l.AnalyzedAt, w.l.Facets = &start, facets(Verified, Correct, Issued, Staged)
	w.l.Facets.TLS.Since = start
	for at, want := range map[time.Duration]time.Duration{0: 200 * time.Millisecond, time.Second: 200 * time.Millisecond, 10 * time.Second: 2 * time.Second} {
		now := start.Add(at)
		if got := w.l.Next(now, false, false, false, Defaults).Sub(now); got != want || w.l.Turn(now, false, false) != ProbeProof {
			t.Errorf("after %s: %s, want %s", at, got, want)
		}
	}
	if now := start.Add(2 * time.Minute); w.l.Turn(now, false, false) != FullPass {
		t.Error("the hurry has no end")
	}
}

// I6: 130 random bits. The table's primary key would refuse a second one anyway.
func TestTokensNeverRepeat(t *testing.T) {
	t.Parallel()
	seen := make(map[string]struct{}, 100_000)
	for range 100_000 {
		s := token()
		if _, twice := seen[s]; twice || len(s) != 26 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Fatalf("token %q", s)
		}
		seen[s] = struct{}{}
	}
}

func TestCatalogues_HaveTheSameSentences(t *testing.T) {
	t.Parallel()
	localetest.Check(t, book)
	for _, s := range States {
		if book["en"]["state."+strings.ToLower(string(s))] == "" {
			t.Errorf("no sentence for %s", s)
		}
	}
}
