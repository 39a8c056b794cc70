package connection

import (
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// Progress is the connection as a person follows it: four steps and one sentence.
type Progress struct {
	Steps    []ProgressStep
	Headline string
}

// ProgressStep is one facet.
type ProgressStep struct {
	Key        finding.Facet
	State      ProgressState
	Text       string
	StartedAt  *time.Time
	FinishedAt *time.Time
}

type ProgressState string

const (
	Waiting ProgressState = "WAITING"
	Running ProgressState = "RUNNING"
	Done    ProgressState = "DONE"
	Warned  ProgressState = "WARNING"
	Stopped ProgressState = "FAILED"
)

// ProgressOf says where a connection stands, in the caller's language.
func ProgressOf(c *Connection, locale string) Progress {
	f := c.Facets
	needs := c.State == ActionRequired || c.State == Failed
	at := func(key finding.Facet, s FacetState, state ProgressState, text string) ProgressStep {
		step := ProgressStep{Key: key, State: state, Text: say(locale, text, c, s)}
		if state != Waiting {
			step.StartedAt = new(s.Since)
		}
		if state == Done {
			step.FinishedAt = new(s.Since)
		}
		if sentence := c.sentence(s.why(), locale); sentence != "" && (state == Warned || state == Stopped) {
			step.Text = sentence
		}
		return step
	}
	p := Progress{Headline: c.headline(locale)}

	state, text := Running, "ownership.waiting"
	switch {
	case f.Ownership.Value == Verified:
		state, text = Done, "ownership.done"
	case f.Ownership.why() == finding.HeldElsewhere, f.Ownership.why() == finding.TransferRefused, f.Ownership.Value == ContestedBy:
		state = Warned
	case f.Ownership.Value == NoOwnership:
		state = Waiting
	}
	p.Steps = append(p.Steps, at(finding.Ownership, f.Ownership, state, text))

	state, text = Running, "dns.waiting"
	switch f.DNS.Value {
	case Correct:
		if state, text = Done, "dns.done"; c.FailCount > 0 {
			state, text = Warned, "dns.doubted"
		}
	case Partial:
		text = "dns.partial"
	case Conflicting, Drifted:
		state = Warned
	case Unknown:
		state, text = Waiting, "dns.unknown"
	case Absent:
		if needs && f.DNS.why() != finding.RecordAbsent {
			state = Warned
		}
	}
	p.Steps = append(p.Steps, at(finding.DNS, f.DNS, state, text))

	state, text = Waiting, "tls.waiting"
	switch f.TLS.Value {
	case Pending:
		state, text = Running, "tls.running"
	case BlockedTLS, Expired:
		state = Stopped
	case AtRisk:
		state = Warned
	case Issued, Renewing:
		state, text = Done, "tls.done"
	}
	p.Steps = append(p.Steps, at(finding.TLS, f.TLS, state, text))

	state, text = Waiting, "edge.waiting"
	switch {
	case f.Edge.Value == Serving || f.Edge.Value == Redirecting:
		state, text = Done, "edge.done"
	case f.TLS.Value == Issued && f.Edge.why() != "":
		state = Warned
	case f.TLS.Value == Issued:
		state, text = Running, "edge.running"
	}
	p.Steps = append(p.Steps, at(finding.Edge, f.Edge, state, text))
	return p
}

// sentence is the finding with this code in words, with the details of the last check; "" for no code.
func (c *Connection) sentence(code, locale string) string {
	if code == "" {
		return ""
	}
	for _, f := range c.Findings {
		if f.Code == code {
			return f.Sentence(locale)
		}
	}
	if _, known := finding.Lookup(code); !known {
		return ""
	}
	return finding.Sentence(code, locale, map[string]any{"name": c.UnicodeName})
}

func (c *Connection) headline(locale string) string {
	if s := c.sentence(deref(c.StateReason), locale); s != "" && (c.State == ActionRequired || c.State == Failed || c.State == Degraded || c.State == Contested) {
		return s
	}
	return say(locale, "state."+strings.ToLower(string(c.State)), c, c.Facets.DNS)
}
