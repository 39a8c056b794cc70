package connection

import (
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Values of the four facets. They are public words: the widget and the console show them by their catalogue.
const (
	NoOwnership = "none"
	Pending     = "pending" // ownership: a proof is asked for; tls: a certificate is on its way
	Verified    = "verified"
	ContestedBy = "contested"
	Lost        = "lost"

	Unknown     = "unknown"
	Absent      = "absent"
	Partial     = "partial"
	Conflicting = "conflicting"
	Correct     = "correct"
	Drifted     = "drifted"

	NoTLS      = "none"
	BlockedTLS = "blocked"
	Issued     = "issued"
	Renewing   = "renewing"
	AtRisk     = "renewal_at_risk"
	Expired    = "expired"

	Off           = "off"
	Staged        = "staged"
	Serving       = "serving"
	Redirecting   = "redirecting"
	SuspendedEdge = "suspended"
)

// Facets are the four sides of a connection. Each carries its own memory against flapping, so that the state needs none.
type Facets struct {
	Ownership FacetState `json:"ownership"`
	DNS       FacetState `json:"dns"`
	TLS       FacetState `json:"tls"`
	Edge      FacetState `json:"edge"`
}

// FacetState is one facet: its value, why, since when, and the check that proves it. Since moves only when the value does.
type FacetState struct {
	Value   string          `json:"value"`
	Reason  *string         `json:"reason,omitempty"`
	Since   time.Time       `json:"since"`
	CheckID *ident.CheckID  `json:"checkId,omitempty"`
	Servers *analysis.Ratio `json:"servers,omitempty"`
	// The rest is memory of single facets and nobody else's business. Edge: failing probes in a row, whether the last probe passed in every family,
	// and whether it came through a proxy. TLS: the certificate, whether the line that CAs are shown in the DNS stands, and since when there has been
	// a certificate at all. DNS: since when a server has led visitors to us. Ownership: see contend.go; moved, that the name came from a connection whose
	// visitors had a certificate, and was not live here yet.
	Passes       int32               `json:"passes,omitempty"`
	PassedAt     *time.Time          `json:"passedAt,omitempty"`
	Until        *time.Time          `json:"until,omitempty"`
	Fails        int32               `json:"fails,omitempty"`
	FailingSince *time.Time          `json:"failingSince,omitempty"`
	Probed       bool                `json:"probed,omitempty"`
	Proxied      bool                `json:"proxied,omitempty"`
	Certificate  ident.CertificateID `json:"certificate,omitzero"`
	Delegated    bool                `json:"delegated,omitempty"`
	First        *time.Time          `json:"first,omitempty"`
	Moved        bool                `json:"moved,omitempty"`
}

func (s FacetState) why() string {
	if s.Reason == nil {
		return ""
	}
	return *s.Reason
}

// set moves the facet; the same value with another reason keeps its time.
func (s *FacetState) set(value, reason string, now time.Time, check *ident.CheckID) {
	if s.Value != value {
		s.Value, s.Since = value, now
		s.Fails, s.FailingSince = 0, nil
	}
	s.Reason = nil
	if reason != "" {
		s.Reason = &reason
	}
	s.CheckID = check
}

// fresh are the facets of a connection that nobody has looked at.
func fresh(now time.Time) Facets {
	return Facets{
		Ownership: FacetState{Value: NoOwnership, Since: now}, DNS: FacetState{Value: Unknown, Since: now},
		TLS: FacetState{Value: NoTLS, Since: now}, Edge: FacetState{Value: Off, Since: now},
	}
}

// Life is all that checks, timers and verbs move: the part of a connection that is folded and never set.
type Life struct {
	State          State
	StateReason    *string
	StateSince     time.Time
	Facets         Facets
	PassCount      int32 // good full passes in a row, at most 2
	LastPassAt     *time.Time
	FailCount      int32 // failing passes in a row while the dns facet still says correct
	FirstFailAt    *time.Time
	AttentionUntil *time.Time
	Ladder         Ladder
	WindowEndsAt   *time.Time
	GraceUntil     *time.Time
	AnalyzedAt     *time.Time // the last full analysis
	VerifyingSince *time.Time
	LiveAt         *time.Time // set while a live period is open
	FirstLiveAt    *time.Time
	SuspendedAt    *time.Time
	FailedAt       *time.Time
	ArchivedAt     *time.Time
	Person         string // code of the first finding that needs a person
}

// marks reads the stored times for Headline.
func (l *Life) marks() Marks {
	m := Marks{
		Archived: l.ArchivedAt != nil, Suspended: l.SuspendedAt != nil, Failed: l.FailedAt != nil, Live: l.LiveAt != nil, Analyzed: l.AnalyzedAt != nil,
		Verifying: l.VerifyingSince != nil, Person: l.Person, Contested: l.Facets.Ownership.Value == ContestedBy, Incoming: l.incoming(),
	}
	if (m.Failed || m.Suspended) && l.StateReason != nil {
		m.Why = *l.StateReason
	}
	return m
}

// settle brings the state in line with the facets and marks, and answers what it was.
func (l *Life) settle(now time.Time) (from State) {
	from = l.State
	state, reason := Headline(l.Facets, l.marks())
	if state != l.State {
		l.State, l.StateSince = state, now
	}
	l.StateReason = nil
	if reason != "" {
		l.StateReason = &reason
	}
	return from
}

// serves says whether the edge may route the name, certAllowed whether a certificate may be ordered for it (invariant I1). What a CA is shown over the
// web needs routed traffic: the last probe must have passed in every family. Where it is shown a line in the DNS, that line must stand, and the
// certificate may be there before the first visitor comes. A name that came from another connection with its visitors is asked what a renewal is: that the
// probe passes, wherever its records lead to us.
func (l *Life) serves() bool {
	return l.ArchivedAt == nil && (l.Facets.Ownership.Value == Verified || l.Facets.Ownership.Value == ContestedBy)
}

func (l *Life) certAllowed() bool {
	proven := l.Facets.Ownership.Value == Verified && l.ArchivedAt == nil && l.SuspendedAt == nil
	renewal := l.Facets.TLS.Value == Issued || l.Facets.TLS.Value == Renewing || l.Facets.TLS.Value == AtRisk || l.Facets.TLS.Value == Expired || l.Facets.Ownership.Moved
	return proven && (l.Facets.TLS.Delegated || l.Facets.Edge.Probed && (l.Facets.DNS.Value == Correct || renewal))
}
