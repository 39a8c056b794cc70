package connection

import (
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Rules are the timers of the facets.
type Rules struct {
	Passes     int32         // good full passes that make dns correct
	PassGap    time.Duration // between them
	Threshold  int32         // failing passes that take correct or serving back …
	Spread     time.Duration // … over at least this long
	Attention  time.Duration // after a start and after "I added them"
	Window     time.Duration // to set a name up by hand
	Again      time.Duration // at least, after the name had been right once
	Grace      time.Duration // of a degraded name
	Notice     time.Duration // that the holder of a name has before it moves to who has proven it since
	Left       time.Duration // that a suspended name whose customer left is kept
	Preflight  time.Duration // how old a check may be that an order relies on
	CheckLimit time.Duration // one turn of a check takes at most
	Interval   time.Duration // between two looks at a live name; zero: 15 minutes
	Unwatched  bool          // live names are left alone
	GraceEnd   GraceEnd      // "": SuspendAtEnd
}

// Defaults are the timers of connect 26.3.
var Defaults = Rules{
	Passes: 2, PassGap: 2 * time.Second, Threshold: 3, Spread: 10 * time.Minute, Attention: 15 * time.Minute, Window: 7 * 24 * time.Hour, Again: 24 * time.Hour, Grace: 72 * time.Hour, Left: 30 * 24 * time.Hour, Notice: 24 * time.Hour,
	Preflight: time.Minute, CheckLimit: 15 * time.Second,
}

// Seen is what one full pass says, reduced to what moves facets.
type Seen struct {
	Began, Now time.Time // when the questions went out, and the instant of the transaction that writes the pass
	Check      ident.CheckID
	Asked      bool            // false: our own network could not ask, and nothing moves (I7)
	DNS        string          // Absent, Partial, Conflicting or Correct
	Why        string          // code of what is wrong, "" when Correct
	Servers    *analysis.Ratio // name servers that have the routing, of those that answered
	Present    bool            // at least one server has a required record
	Proven     bool            // a proof of ownership stands and the name is this connection's to hold
	Held       bool            // another connection holds the name …
	Refused    bool            // … and has answered our proof with its own
	HTTP       Outcome         // the pre-flight probe
	HTTPS      Outcome         // the proof
	Challenge  Outcome         // the line that CAs are shown in the DNS; made where one is asked for
	Routed     bool            // at least one server leads visitors to us
	Rules      string          // code of a blocking CAA or DNSSEC finding
	Preflight  bool            // the pass was made for an order: what the probe says counts against it
	Full       bool            // everything was asked, not only what decides
	Proxied    bool            // a proxy stands in front of us
	Person     string          // code of the first finding that needs a person
	Reached    bool            // a probe reached us at one of the name's addresses
}

// Outcome is what the probes of one kind came to. Why is a finding code, set when they failed.
type Outcome struct {
	Made, Passed bool
	Why          string
}

// Fold brings a pass into the facets, counters and marks. It is pure but for its receiver; Settle follows.
func (l *Life) Fold(s Seen, r Rules) {
	if !s.Asked {
		return
	}
	was := l.Facets.DNS.Value
	l.Person = s.Person
	l.foldOwnership(s)
	l.foldDNS(s, r)
	l.foldTLS(s, was == Correct)
	l.foldEdge(s, r)
	if l.LiveAt == nil && s.Present && s.Person == "" && l.VerifyingSince == nil {
		l.VerifyingSince = &s.Now
		l.attend(s.Now, r)
	}
	if s.Full || l.AnalyzedAt == nil {
		l.AnalyzedAt = &s.Now
	}
}

// foldOwnership: a proof that was seen once stands until the claim is lost; a name that goes away drifts, it does not change hands.
func (l *Life) foldOwnership(s Seen) {
	o := &l.Facets.Ownership
	switch {
	case o.Value == Verified || o.Value == ContestedBy || o.Value == Lost:
	case s.Held && s.Refused:
		o.set(Pending, finding.TransferRefused, s.Now, &s.Check)
	case s.Held:
		o.set(Pending, finding.HeldElsewhere, s.Now, &s.Check)
	case s.Proven:
		o.set(Verified, "", s.Now, &s.Check)
	default:
		o.set(Pending, "ownership_unproven", s.Now, &s.Check)
	}
}

// foldDNS counts passes. One good pass is partial(n/n), enough of them with the gap between make it correct; correct is lost after enough failing
// passes over long enough, never by one.
func (l *Life) foldDNS(s Seen, r Rules) {
	d := &l.Facets.DNS
	if s.Routed && d.First == nil {
		d.First = &s.Began
	}
	if s.DNS == Correct {
		l.FailCount, l.FirstFailAt = 0, nil
		switch {
		case d.Value == Correct:
			l.LastPassAt = &s.Now
			d.set(Correct, "", s.Now, &s.Check)
		case l.PassCount == 0:
			l.PassCount, l.LastPassAt = 1, &s.Now
			d.set(Partial, "record_partial", s.Now, &s.Check)
		case s.Began.Sub(*l.LastPassAt) >= r.PassGap:
			l.PassCount, l.LastPassAt = l.PassCount+1, &s.Now
		}
		if d.Value != Correct && l.PassCount >= r.Passes {
			d.set(Correct, "", s.Now, &s.Check)
		}
		d.Servers = s.Servers
		return
	}
	if d.Value == Correct {
		l.FailCount++
		if l.FirstFailAt == nil {
			l.FirstFailAt = &s.Now
		}
		if l.FailCount < r.Threshold || s.Now.Sub(*l.FirstFailAt) < r.Spread {
			return
		}
	}
	l.PassCount, l.FailCount, l.FirstFailAt = 0, 0, nil
	value := s.DNS
	if l.LiveAt != nil {
		value = Drifted
	}
	d.set(value, s.Why, s.Now, &s.Check)
	d.Servers = s.Servers
}

// foldTLS: what a check found in the way of a certificate blocks it before it is ordered, and only a check that finds it gone unblocks it. What a
// CA refused has no check behind it and is the certificate's to clear. A certificate that is there is never blocked.
func (l *Life) foldTLS(s Seen, wasCorrect bool) {
	t := &l.Facets.TLS
	t.Delegated = s.Challenge.Made && s.Challenge.Passed
	if t.Value != NoTLS && t.Value != Pending && t.Value != BlockedTLS || t.Value == BlockedTLS && t.CheckID == nil {
		return
	}
	why := s.Rules
	switch {
	case why != "":
	case s.Challenge.Made:
		why = s.Challenge.Why
	case s.HTTP.Made && !s.HTTP.Passed && (s.Preflight || wasCorrect):
		why = s.HTTP.Why
	}
	switch {
	case why != "" && (s.DNS == Correct || t.Delegated):
		t.set(BlockedTLS, why, s.Now, &s.Check)
	case t.Value == BlockedTLS && (s.HTTP.Made || s.DNS != Correct || t.Delegated):
		t.set(NoTLS, "", s.Now, nil)
	}
	shown := t.Delegated || !s.Challenge.Made && (l.Facets.DNS.Value == Correct || l.Facets.Ownership.Moved && s.HTTP.Made && s.HTTP.Passed)
	if shown && l.Facets.Ownership.Value == Verified && t.Value == NoTLS {
		t.set(Pending, "", s.Now, nil)
	}
}

// foldEdge: staged from the moment the name is ours to serve; serving after the HTTPS probe passed on every address, and staged again after as
// many failing probes as the dns facet takes.
func (l *Life) foldEdge(s Seen, r Rules) {
	e := &l.Facets.Edge
	e.Probed = s.HTTP.Made && s.HTTP.Passed || s.HTTPS.Made && s.HTTPS.Passed
	if s.HTTP.Made || s.HTTPS.Made {
		e.Proxied = s.Proxied
	}
	switch {
	case s.HTTPS.Made && s.HTTPS.Passed && l.serves():
		if e.Value != Redirecting {
			e.set(Serving, "", s.Now, &s.Check)
		}
		e.Fails, e.FailingSince = 0, nil
	case s.HTTPS.Made && (e.Value == Serving || e.Value == Redirecting):
		e.Fails++
		if e.FailingSince == nil {
			e.FailingSince = &s.Now
		}
		if e.Fails >= r.Threshold && s.Now.Sub(*e.FailingSince) >= r.Spread {
			e.set(Staged, s.HTTPS.Why, s.Now, &s.Check)
		}
	case s.HTTPS.Made && l.serves():
		e.set(Staged, s.HTTPS.Why, s.Now, &s.Check)
	case e.Value == Off && l.serves():
		e.set(Staged, "", s.Now, nil)
	}
}

// attend starts the time in which we look often without anybody watching.
func (l *Life) attend(now time.Time, r Rules) {
	l.AttentionUntil = new(now.Add(r.Attention))
	l.Ladder = Ladder{}
}

// Settle brings the state in line with the facets and marks, opens and closes live periods and their clocks, and answers the event that says so,
// "" when the state stayed.
func (l *Life) Settle(now time.Time, r Rules) (from State, event string) {
	if l.LiveAt == nil && l.ArchivedAt == nil && l.SuspendedAt == nil && l.FailedAt == nil && l.Facets.whole() {
		l.LiveAt, l.Facets.Ownership.Moved = &now, false
		if l.FirstLiveAt == nil {
			l.FirstLiveAt = &now
		}
	}
	from = l.settle(now)
	if from == l.State {
		return from, ""
	}
	switch l.State {
	case Live:
		l.GraceUntil, l.VerifyingSince, l.AttentionUntil, l.WindowEndsAt, l.Ladder = nil, nil, nil, nil, Ladder{}
	case Degraded:
		if l.GraceUntil == nil { // a name that was contested meanwhile has its clock already
			l.GraceUntil, l.Ladder = new(now.Add(r.Grace)), Ladder{}
		}
	case ActionRequired, Verifying:
		if from == Securing && (l.WindowEndsAt == nil || l.WindowEndsAt.Before(now.Add(r.Again))) {
			l.WindowEndsAt = new(now.Add(r.Again)) // who had everything right gets a day to mend it
		}
	}
	return from, transition(from, l.State, l.Facets.TLS.Value == BlockedTLS)
}

// transition names the event of a change of state (connect 2.4).
func transition(from, to State, refused bool) string {
	switch {
	case to == Contested:
		return "connection.contested" // T19
	case to == Live && from == Contested:
		return "connection.checked" // the live period never ended
	case to == Live && from == Degraded:
		return "connection.recovered" // T12
	case to == Live:
		return "connection.live" // T9
	case to == Degraded:
		return "connection.degraded" // T11
	case to == Securing:
		return "connection.dns_verified" // T7
	case to == ActionRequired && from == Securing && refused:
		return "connection.certificate_failed" // T10
	case from == Draft && (to == ActionRequired || to == Verifying):
		return "connection.analyzed" // T2
	case to == Verifying && (from == ActionRequired || from == Suspended):
		return "connection.verifying" // T6, T15
	case to == Suspended:
		return "connection.suspended" // T14
	case to == ActionRequired || to == Verifying:
		return "connection.action_required" // T8
	case to == Failed:
		return "connection.failed" // T16
	case to == Archived:
		return "connection.archived" // T18
	case to == Draft:
		return "connection.retried" // T17
	}
	return "connection.checked"
}
