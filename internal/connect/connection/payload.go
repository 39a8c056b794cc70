package connection

import (
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/claim"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// Created is the payload of connection.created. Payloads are public: webhooks, timelines and the audit log show them as they are.
type Created struct {
	V             int                 `json:"v"`
	Hostname      string              `json:"hostname"`
	ApplicationID ident.ApplicationID `json:"applicationId"`
	Origin        SetupOrigin         `json:"origin"`
	SetupType     *SetupType          `json:"setupType"`
	ExternalRef   *string             `json:"externalRef,omitempty"`
	CompanionOf   *ident.ConnectionID `json:"companionOf,omitempty"` // where it leads its visitors
}

// Moved is the payload of every event that a check, a certificate or a timer makes: the state now, and what moved.
type Moved struct {
	V             int                 `json:"v"`
	Hostname      string              `json:"hostname"`
	ApplicationID ident.ApplicationID `json:"applicationId"`
	From          State               `json:"from,omitempty"`
	State         State               `json:"state"`
	Reason        *string             `json:"reason,omitempty"`
	CheckID       *ident.CheckID      `json:"checkId,omitempty"`
	Provider      *string             `json:"provider,omitempty"`
	Records       []record.Moved      `json:"records,omitempty"`
	Facets        []FacetMoved        `json:"facets,omitempty"`
	Appeared      []string            `json:"findingsAppeared,omitempty"` // codes
	Cleared       []string            `json:"findingsCleared,omitempty"`
	Finding       *finding.Finding    `json:"finding,omitempty"` // what the person has to look at
	Servers       *analysis.Ratio     `json:"servers,omitempty"`
	SetupType     *SetupType          `json:"setupType,omitempty"`
	Mechanism     *Mechanism          `json:"mechanism,omitempty"`
	Seconds       *int64              `json:"secondsSinceStart,omitempty"`
	CertificateID string              `json:"certificateId,omitempty"`
	TLSDowntime   *int32              `json:"tlsDowntimeSeconds,omitempty"` // visitors met no valid certificate for so long while the name moved to us
	GraceUntil    *time.Time          `json:"graceUntil,omitempty"`
	TransferAt    *time.Time          `json:"transferAt,omitempty"`
}

// FacetMoved is a facet that has another value, reason or number of servers.
type FacetMoved struct {
	Facet  string  `json:"facet"`
	From   string  `json:"from"`
	To     string  `json:"to"`
	Reason *string `json:"reason,omitempty"`
}

// news compares a connection before and after, and answers what an event says about it; nothing moved when Facets, Records, Appeared and Cleared are
// empty, the state is the same and its reason too.
func news(before, after *Connection) Moved {
	m := Moved{V: 1, Hostname: after.Hostname, ApplicationID: after.ApplicationID, State: after.State, Reason: after.StateReason, Provider: after.ProviderSlug}
	if before.State != after.State {
		m.From = before.State
	}
	for _, f := range []struct {
		name string
		a, b FacetState
	}{
		{"ownership", before.Facets.Ownership, after.Facets.Ownership}, {"dns", before.Facets.DNS, after.Facets.DNS},
		{"tls", before.Facets.TLS, after.Facets.TLS}, {"edge", before.Facets.Edge, after.Facets.Edge},
	} {
		if f.a.Value != f.b.Value || f.a.why() != f.b.why() || ratio(f.a.Servers) != ratio(f.b.Servers) {
			m.Facets = append(m.Facets, FacetMoved{f.name, f.a.Value, f.b.Value, f.b.Reason})
		}
	}
	m.Appeared, m.Cleared = missing(after.Findings, before.Findings), missing(before.Findings, after.Findings)
	return m
}

// any says that something a watcher can see has moved.
func (m *Moved) any(before, after *Connection) bool {
	return len(m.Facets)+len(m.Records)+len(m.Appeared)+len(m.Cleared) > 0 || before.State != after.State || deref(before.StateReason) != deref(after.StateReason) ||
		before.Facets.TLS.Certificate != after.Facets.TLS.Certificate || deref(before.ProviderSlug) != deref(after.ProviderSlug) || deref(before.ZoneApex) != deref(after.ZoneApex) || etaMoved(before.Eta, after.Eta)
}

// tell adds what the event of a change of state says beyond what moved (connect 26.1).
func (m *Moved) tell(action string, c *Connection) {
	switch action {
	case "connection.dns_verified":
		m.Servers = c.Facets.DNS.Servers
	case "connection.live":
		m.SetupType, m.Mechanism, m.Seconds = c.SetupType, c.Mechanism, new(int64(c.LiveAt.Sub(c.CreatedAt).Seconds()))
		m.CertificateID = c.Facets.TLS.Certificate.String()
		if cut := c.Cutover(); cut != nil {
			m.TLSDowntime = &cut.TlsDowntimeSeconds
		}
	case "connection.degraded":
		m.GraceUntil = c.GraceUntil
	case "connection.contested":
		m.TransferAt = c.TransferAt()
	case "connection.recovered":
		m.CertificateID = c.Facets.TLS.Certificate.String()
	}
	if reason := deref(c.StateReason); reason != "" {
		if at := slices.IndexFunc(c.Findings, func(f finding.Finding) bool { return f.Code == reason }); at >= 0 {
			m.Finding = &c.Findings[at]
		}
	}
}

// audited are the events of this package that stand in the hash chain.
var audited = []string{"connection.created", "connection.live", "connection.degraded", "connection.recovered", "connection.suspended", "connection.contested", "connection.transferred", "connection.archived", "connection.updated", "connection.ownership_verified",
	"edge_zone.delegated", "edge_zone.removed"}

func change(c *Connection, action string, payload any) event.Change {
	return event.Change{OrgID: c.OrgID, Action: action, Subject: c.ID.String(), Version: c.Version, Payload: payload, Audited: slices.Contains(audited, action)}
}

func ratio(r *analysis.Ratio) analysis.Ratio {
	if r == nil {
		return analysis.Ratio{}
	}
	return *r
}

// missing are the codes of a that b does not have.
func missing(a, b []finding.Finding) []string {
	var out []string
	for _, f := range a {
		if !slices.Contains(out, f.Code) && !slices.ContainsFunc(b, func(g finding.Finding) bool { return g.Code == f.Code }) {
			out = append(out, f.Code)
		}
	}
	return out
}

// etaMoved ignores what a clock does to an ETA.
func etaMoved(a, b *analysis.Eta) bool {
	if a == nil || b == nil {
		return a != b
	}
	return a.Until.Sub(b.Until).Abs() > 5*time.Second
}

// Transferred is the payload of connection.transferred, on both sides. Who the other side is it does not say.
type Transferred struct {
	V             int                 `json:"v"`
	Hostname      string              `json:"hostname"`
	ApplicationID ident.ApplicationID `json:"applicationId"`
	Direction     string              `json:"direction"`                    // in: the name came here; out: it went
	Within        bool                `json:"withinOrganization,omitempty"` // the organization moved it between two of its applications
}

// Proven is the payload of connection.ownership_verified.
type Proven struct {
	V        int           `json:"v"`
	Hostname string        `json:"hostname"`
	Proof    claim.Proof   `json:"proof"`
	CheckID  ident.CheckID `json:"checkId"`
}
