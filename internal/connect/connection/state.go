package connection

import "cmp"

// Marks are the facts beside the facets that decide the state: stored times that are set or not, and what the last check needs.
type Marks struct {
	Archived  bool
	Blocked   bool   // by policy or an operator
	Contested bool   // holds the name while a transfer window runs against it
	Suspended bool   //
	Failed    bool   // gave up
	Why       string // the reason that was stored with blocked, suspended or failed
	Live      bool   // a live period is open
	Changing  bool   // a zone change is running or a consent window is open
	Analyzed  bool
	Analyzing bool   // the first check is leased
	Incoming  bool   // a transfer window runs in its favour
	Verifying bool   // the person said "I added them", or a required record was seen
	Person    string // code of the first finding that needs a person, "" when none does
}

// Headline is the state that four facets and a few marks come to, with the code that says why ("" when the state says enough). It is pure: worker,
// API, console and widget cannot disagree. The first line that matches wins.
func Headline(f Facets, m Marks) (State, string) {
	proven, right := f.Ownership.Value == Verified, f.DNS.Value == Correct
	switch {
	case m.Archived:
		return Archived, ""
	case m.Blocked:
		return Blocked, cmp.Or(m.Why, "policy_blocked")
	case m.Contested:
		return Contested, "claim_contested"
	case m.Suspended:
		return Suspended, m.Why
	case m.Failed:
		return Failed, cmp.Or(m.Why, "setup_incomplete")
	case m.Live && f.whole():
		return Live, ""
	case m.Live:
		return Degraded, f.broken()
	case m.Changing:
		return Applying, ""
	case !m.Analyzed && m.Analyzing:
		return Analyzing, ""
	case !m.Analyzed:
		return Draft, ""
	case right && proven && f.TLS.Value != BlockedTLS:
		return Securing, f.Edge.why()
	case f.TLS.Value == BlockedTLS:
		return ActionRequired, cmp.Or(f.TLS.why(), m.Person, "ca_unavailable")
	case f.DNS.Value == Conflicting:
		return ActionRequired, cmp.Or(f.DNS.why(), m.Person, "cname_collision")
	case right && !proven && !m.Incoming:
		return ActionRequired, cmp.Or(f.Ownership.why(), "ownership_unproven")
	case m.Verifying && (f.DNS.Value == Absent || f.DNS.Value == Partial) && m.Person == "", m.Incoming:
		return Verifying, f.DNS.why()
	}
	return ActionRequired, cmp.Or(m.Person, f.DNS.why(), "record_absent")
}

// whole is what a live connection has: everything stands and is proven.
func (f Facets) whole() bool {
	return f.DNS.Value == Correct && f.Ownership.Value == Verified && (f.TLS.Value == Issued || f.TLS.Value == Renewing) &&
		(f.Edge.Value == Serving || f.Edge.Value == Redirecting)
}

// broken is the code of the first facet that is not as a live connection needs it.
func (f Facets) broken() string {
	switch {
	case f.Ownership.Value != Verified:
		return cmp.Or(f.Ownership.why(), "ownership_unproven")
	case f.DNS.Value != Correct:
		return cmp.Or(f.DNS.why(), "drifted")
	case f.TLS.Value == Expired:
		return "certificate_expired"
	case f.TLS.Value != Issued && f.TLS.Value != Renewing:
		return cmp.Or(f.TLS.why(), "renewal_at_risk")
	}
	return cmp.Or(f.Edge.why(), "https_unreachable")
}
