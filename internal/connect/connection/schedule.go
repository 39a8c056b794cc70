package connection

import (
	"math"
	"math/rand/v2"
	"time"
)

// Ladder is how far the intervals between checks have grown: the step since the last news, and the checks spent in this attention.
type Ladder struct{ Step, Spent int32 }

// attentionChecks is how many checks one attention may spend, however much news there is.
const attentionChecks = 120

func unpackLadder(n int32) Ladder { return Ladder{Step: n & 0xffff, Spent: n >> 16} }

func (l Ladder) pack() int32 { return min(l.Spent, 0x7fff)<<16 | min(l.Step, 0xffff) }

// Mode is how deep the next turn of a connection looks.
type Mode int

const (
	NoCheck    Mode = iota
	LightPass       // the missing records alone, to see whether there is news
	FullPass        // everything that decides
	ProbeProof      // the HTTPS probe and the deciding records: a certificate has just been issued
)

const (
	lightEvery      = 2 * time.Second
	fullAtLeast     = 30 * time.Second // between full checks while somebody watches
	fullInAttention = 10 * time.Second
	proofFast       = 200 * time.Millisecond
	proofFastFor    = 3 * time.Second
	proofSlow       = 2 * time.Second
	proofFor        = time.Minute // after a certificate was issued the probe is made often
	quietAfter      = 30 * 24 * time.Hour
)

// Turn says how deep the turn that is due now looks. forced: a person, a start or an order asked for it.
func (l *Life) Turn(now time.Time, watched, forced bool) Mode {
	switch {
	case l.over():
		return NoCheck
	case forced || l.left() || l.AnalyzedAt == nil || l.PassCount == 1 && l.Facets.DNS.Value != Correct:
		return FullPass
	case l.proving(now):
		return ProbeProof
	case watched && l.light() && now.Sub(*l.AnalyzedAt) < l.fullEvery(now):
		return LightPass
	}
	return FullPass
}

// fullEvery is how long light passes alone may go on: what is wrong at another name only a full pass sees, so it comes soon while somebody types.
func (l *Life) fullEvery(now time.Time) time.Duration {
	if l.AttentionUntil != nil && now.Before(*l.AttentionUntil) {
		return fullInAttention
	}
	return fullAtLeast
}

// light says that a light pass can bring news: records are missing.
func (l *Life) light() bool {
	return l.AnalyzedAt != nil && l.Facets.DNS.Value != Correct && l.PassCount == 0
}

// proving says that a certificate was issued a moment ago and HTTPS is not proven yet.
func (l *Life) proving(now time.Time) bool {
	t := l.Facets.TLS
	return t.Value == Issued && l.Facets.DNS.Value == Correct && l.Facets.Edge.Value != Serving && l.Facets.Edge.Value != Redirecting && l.LiveAt == nil && now.Sub(t.Since) < proofFor
}

// settling says that the certificate is so new that the edges may not have it yet.
func (l *Life) settling(now time.Time) bool {
	return l.proving(now) && now.Sub(l.Facets.TLS.Since) < proofFastFor
}

// Next answers when the connection is looked at again, after a turn at now; nil: never by itself. It moves the ladder.
// light says that the turn that just ended was a light pass, which the ladder does not count.
func (l *Life) Next(now time.Time, watched, news, light bool, r Rules) *time.Time {
	at := func(d time.Duration) *time.Time { return new(now.Add(d)) }
	switch {
	case l.over():
		return nil
	case l.left():
		return at(l.leftInterval(now, watched))
	case l.PassCount > 0 && l.Facets.DNS.Value != Correct:
		// The next pass comes exactly one gap after the last good one; when that moment has gone by without one, the gap starts over.
		next := l.LastPassAt.Add(r.PassGap)
		if next.After(now) {
			return &next
		}
		return at(r.PassGap)
	case l.challenging() && l.Facets.Ownership.Passes == 1:
		return at(r.PassGap)
	case l.proving(now):
		if l.settling(now) {
			return at(proofFast)
		}
		return at(proofSlow)
	case watched && l.light():
		return at(lightEvery)
	case l.LiveAt != nil && l.State == Live && r.Unwatched:
		return nil
	case l.LiveAt != nil && l.State == Live:
		return at(l.liveInterval(now, r))
	}
	attention := l.AttentionUntil != nil && now.Before(*l.AttentionUntil) && l.Ladder.Spent < attentionChecks
	if !attention && l.Ladder.Spent > 0 {
		l.Ladder = Ladder{} // attention is over: the quiet ladder starts at its foot
	}
	if news {
		l.Ladder.Step = 0
	}
	var d time.Duration
	if attention {
		d = attentionInterval(l.Ladder.Step, now.Sub(l.AttentionUntil.Add(-r.Attention)))
		if !light {
			l.Ladder.Spent++
		}
	} else {
		d = quietInterval(l.Ladder.Step, l.windowAge(now, r))
	}
	if !light {
		l.Ladder.Step++
	}
	for _, end := range []*time.Time{l.GraceUntil, l.Facets.Ownership.Until} { // what becomes of the name is decided by what a check sees then
		if end != nil && end.After(now) {
			d = min(d, end.Sub(now))
		}
	}
	if l.incoming() {
		d = min(d, r.Spread/2)
	}
	return at(d)
}

// attentionInterval climbs 2, 3, 5, 8, 10 seconds; in the first minute it never waits longer than 3.
func attentionInterval(step int32, age time.Duration) time.Duration {
	steps := [...]time.Duration{2, 3, 5, 8, 10}
	d := steps[min(int(step), len(steps)-1)] * time.Second
	if age < time.Minute {
		d = min(d, 3*time.Second)
	}
	return d
}

// quietInterval is that of an open window that nobody looks at: 30 s ten times, then half as long again each time up to 15 min for 6 h, then every
// hour for 48 h, then every 6 h.
func quietInterval(step int32, age time.Duration) time.Duration {
	switch {
	case step < 10:
		return 30 * time.Second
	case age < 6*time.Hour:
		return min(time.Duration(30*math.Pow(1.5, float64(min(step-9, 20)))*float64(time.Second)), 15*time.Minute)
	case age < 54*time.Hour:
		return time.Hour
	}
	return 6 * time.Hour
}

func (l *Life) windowAge(now time.Time, r Rules) time.Duration {
	if l.WindowEndsAt == nil {
		return 0
	}
	return now.Sub(l.WindowEndsAt.Add(-r.Window))
}

// liveInterval is the policy's ± 20 %, four times as long after 30 quiet days. A name that just failed is looked at again sooner, so that the failures that
// count lie as close together as they may.
func (l *Life) liveInterval(now time.Time, r Rules) time.Duration {
	every := l.every(now, r)
	if l.FailCount > 0 || l.Facets.Edge.Fails > 0 {
		return min(every, 5*time.Minute)
	}
	return jitter(every)
}

func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()*0.4-0.2)*float64(d))
}
