// Package message knows what webhooks tell: the topics that can be subscribed to, the bodies, and their schemas and examples, which are made from the same
// structs. It has no state and asks nobody.
package message

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// Version is the shape of the bodies. An endpoint keeps the one it was made with; within a version fields are only added.
const Version = "2026-11-01"

// maxBody keeps messages small: what does not fit is left out and can be read by its id.
const maxBody = 20_000

// Body is what is sent. Schemas and examples are made from these structs; the doc tags are part of them.
type Body[D any] struct {
	Type       string    `json:"type" doc:"the topic"`
	Timestamp  time.Time `json:"timestamp" doc:"when it happened"`
	APIVersion string    `json:"apiVersion" doc:"the shape of this body; fields are only added within a version"`
	Test       bool      `json:"test,omitempty" doc:"true: sent by the test button, nothing happened"`
	Data       D         `json:"data"`
}

// ConnectionData is what a connection.* message tells.
type ConnectionData struct {
	Subject
	From              *string              `json:"from,omitempty" doc:"the state before, when it changed"`
	Reason            *string              `json:"reason,omitempty" doc:"code of why it is in this state"`
	Mechanism         *string              `json:"mechanism,omitempty" doc:"how the records got there"`
	Servers           *Servers             `json:"servers,omitempty" doc:"name servers that agree"`
	SecondsSinceStart *int64               `json:"secondsSinceStart,omitempty"`
	CertificateID     *ident.CertificateID `json:"certificateId,omitempty"`
	GraceUntil        *time.Time           `json:"graceUntil,omitempty" doc:"until then a degraded domain is still served"`
	TransferAt        *time.Time           `json:"transferAt,omitempty" doc:"when a contested name moves to whoever proved it since"`
	Changes           *Changes             `json:"changes,omitempty" doc:"what moved"`
	Finding           *Finding             `json:"finding" doc:"what a person has to look at"`
}

// RecordData is what record.status_changed tells.
type RecordData struct {
	Subject
	Records []Record `json:"records" doc:"the records that moved"`
}

// CertificateData is what a certificate.* message tells.
type CertificateData struct {
	Subject
	Certificate Certificate `json:"certificate"`
}

// IncidentData is what an incident.* message tells.
type IncidentData struct {
	Subject
	Incident Incident `json:"incident"`
	Finding  *Finding `json:"finding" doc:"what is wrong, where the incident was just opened"`
}

// Subject is the connection that a message is about.
type Subject struct {
	Sequence       int64               `json:"sequence" doc:"strictly increasing per connection; what you do not subscribe to leaves gaps"`
	OrganizationID ident.OrgID         `json:"organizationId"`
	ApplicationID  ident.ApplicationID `json:"applicationId"`
	Connection     Connection          `json:"connection"`
}

// Connection is a connection as it was when it happened.
type Connection struct {
	ID          ident.ConnectionID  `json:"id"`
	Hostname    string              `json:"hostname" doc:"in ASCII (RFC 5890)"`
	State       string              `json:"state"`
	SetupType   *string             `json:"setupType"`
	Provider    *string             `json:"provider" doc:"slug of who runs the DNS"`
	ExternalRef *string             `json:"externalRef" doc:"your own reference, as you gave it"`
	Labels      []string            `json:"labels"`
	CompanionOf *ident.ConnectionID `json:"companionOf,omitempty" doc:"the connection that its visitors are led to; only of a companion"`
}

// Servers counts name servers.
type Servers struct {
	Have int32 `json:"have"`
	Of   int32 `json:"of"`
}

// Changes is what a check saw move.
type Changes struct {
	Records          []Record `json:"records"`
	Facets           []Facet  `json:"facets"`
	FindingsAppeared []string `json:"findingsAppeared" doc:"codes"`
	FindingsCleared  []string `json:"findingsCleared" doc:"codes"`
}

// Record is a record that moved.
type Record struct {
	Key  string `json:"key" doc:"which of the connection's records"`
	From string `json:"from"`
	To   string `json:"to"`
	Have int32  `json:"have" doc:"name servers that answer as expected"`
	Of   int32  `json:"of"`
}

// Facet is one side of a connection that moved.
type Facet struct {
	Facet  string  `json:"facet" doc:"ownership, dns, tls or edge"`
	From   string  `json:"from"`
	To     string  `json:"to"`
	Reason *string `json:"reason,omitempty"`
}

// Finding is something that was noticed, with the sentence that people read everywhere.
type Finding struct {
	Code     string         `json:"code" doc:"stable; explain(code) tells more"`
	Severity string         `json:"severity"`
	Facet    string         `json:"facet"`
	Params   map[string]any `json:"params"`
	Sentence string         `json:"sentence" doc:"in English"`
}

// Certificate is what is told of a certificate.
type Certificate struct {
	ID       ident.CertificateID `json:"id"`
	CA       *string             `json:"ca,omitempty"`
	Names    []string            `json:"names,omitempty"`
	Serial   *string             `json:"serial,omitempty"`
	NotAfter *time.Time          `json:"notAfter,omitempty"`
	DaysLeft *int32              `json:"daysLeft,omitempty"`
	Reason   *string             `json:"reason,omitempty"`
}

// Incident is what is told of an incident.
type Incident struct {
	ID         ident.IncidentID `json:"id"`
	Kind       string           `json:"kind" doc:"DRIFT, RENEWAL_AT_RISK, UNREACHABLE or OWNERSHIP"`
	Severity   string           `json:"severity"`
	Reason     *string          `json:"reason,omitempty" doc:"code of what is wrong; explain(code) tells more"`
	OpenedAt   *time.Time       `json:"openedAt,omitempty"`
	GraceUntil *time.Time       `json:"graceUntil,omitempty" doc:"until then the domain is still served, and longer where visitors reach it"`
	Note       *string          `json:"note,omitempty" doc:"what the one who acknowledged it said"`
}

// EndpointData is what webhook.disabled tells.
type EndpointData struct {
	Sequence       int64           `json:"sequence"`
	OrganizationID ident.OrgID     `json:"organizationId"`
	EndpointID     ident.WebhookID `json:"endpointId" doc:"the endpoint that was disabled"`
	Reason         string          `json:"reason" doc:"by_hand, gone (it answered 410) or failing (for five days)"`
}

// TestData is what webhook.test tells.
type TestData struct {
	Sequence       int64           `json:"sequence"`
	OrganizationID ident.OrgID     `json:"organizationId"`
	EndpointID     ident.WebhookID `json:"endpointId"`
}

// told is what events of connections and certificates carry, as far as messages show it. What is not listed here is not sent.
type told struct {
	Hostname          string              `json:"hostname"`
	ApplicationID     ident.ApplicationID `json:"applicationId"`
	From              string              `json:"from"`
	State             string              `json:"state"`
	Reason            *string             `json:"reason"`
	Provider          *string             `json:"provider"`
	Records           []Record            `json:"records"`
	Facets            []Facet             `json:"facets"`
	Appeared          []string            `json:"findingsAppeared"`
	Cleared           []string            `json:"findingsCleared"`
	Finding           *finding.Finding    `json:"finding"`
	Servers           *Servers            `json:"servers"`
	SetupType         *string             `json:"setupType"`
	Mechanism         *string             `json:"mechanism"`
	SecondsSinceStart *int64              `json:"secondsSinceStart"`
	CertificateID     ident.CertificateID `json:"certificateId"`
	GraceUntil        *time.Time          `json:"graceUntil"`
	TransferAt        *time.Time          `json:"transferAt"`
	CA                *string             `json:"ca"`
	Names             []string            `json:"names"`
	Serial            *string             `json:"serial"`
	NotAfter          *time.Time          `json:"notAfter"`
	DaysLeft          *int32              `json:"daysLeft"`
	Kind              string              `json:"kind"`
	Severity          string              `json:"severity"`
	OpenedAt          *time.Time          `json:"openedAt"`
	Note              *string             `json:"note"`
}

// Message is a body that is not written yet.
type Message struct {
	Topic       Topic
	Application ident.ApplicationID // what it is about, for filters; zero: no application
	State       string              // "": no connection
	Data        any                 // one of the structs above
}

// Of answers what an event is told as: its own topic, and record.status_changed when it lists records. c is the connection of its stream.
func Of(r event.Row, c *Connection, app ident.ApplicationID) ([]Message, error) {
	t, ok := Public(r.Action)
	if !ok {
		return nil, nil
	}
	if t.kind == ofEndpoint {
		var p struct{ Reason string }
		id, err := ident.Parse[ident.WebhookID](r.Subject)
		if err != nil || json.Unmarshal(r.Payload, &p) != nil {
			return nil, fmt.Errorf("read the event %s", r.ID)
		}
		return []Message{{Topic: t, Data: EndpointData{r.Sequence, r.OrgID, id, p.Reason}}}, nil
	}
	var p told
	if err := json.Unmarshal(r.Payload, &p); err != nil {
		return nil, fmt.Errorf("read the payload of %s: %w", r.ID, err)
	}
	about := *c
	p.correct(&about)
	subject := Subject{r.Sequence, r.OrgID, app, about}
	own := Message{Topic: t, Application: app, State: about.State}
	switch t.kind {
	case ofCertificate:
		own.Data = CertificateData{subject, p.certificate(r.Subject)}
	case ofIncident:
		own.Data = p.incident(subject, r.Subject)
	default:
		own.Data = p.connection(subject)
	}
	all := []Message{own}
	if len(p.Records) > 0 && t.kind == ofConnection {
		derived, _ := LookUp(StatusChanged)
		all = append(all, Message{Topic: derived, Application: app, State: about.State, Data: RecordData{subject, p.Records}})
	}
	return all, nil
}

// correct sets what the event itself says: the row may have moved on since.
func (p *told) correct(c *Connection) {
	if p.Hostname != "" {
		c.Hostname = p.Hostname
	}
	if p.State != "" {
		c.State = p.State
	}
	if p.SetupType != nil {
		c.SetupType = p.SetupType
	}
	if p.Provider != nil {
		c.Provider = p.Provider
	}
}

func (p *told) connection(s Subject) ConnectionData {
	d := ConnectionData{Subject: s, Reason: p.Reason, Mechanism: p.Mechanism, Servers: p.Servers, SecondsSinceStart: p.SecondsSinceStart, GraceUntil: p.GraceUntil, TransferAt: p.TransferAt}
	if p.From != "" {
		d.From = &p.From
	}
	if !p.CertificateID.IsZero() {
		d.CertificateID = &p.CertificateID
	}
	if len(p.Records)+len(p.Facets)+len(p.Appeared)+len(p.Cleared) > 0 {
		d.Changes = &Changes{Full(p.Records), Full(p.Facets), Full(p.Appeared), Full(p.Cleared)}
	}
	if f := p.Finding; f != nil {
		d.Finding = shown(*f)
	}
	return d
}

func shown(f finding.Finding) *Finding {
	return &Finding{f.Code, string(f.Severity), string(f.Facet), f.Params, f.Sentence("en")}
}

func (p *told) certificate(subject string) Certificate {
	c := Certificate{ID: p.CertificateID, CA: p.CA, Names: p.Names, Serial: p.Serial, NotAfter: p.NotAfter, DaysLeft: p.DaysLeft, Reason: p.Reason}
	if id, err := ident.Parse[ident.CertificateID](subject); err == nil {
		c.ID = id
	}
	return c
}

func (p *told) incident(s Subject, subject string) IncidentData {
	id, _ := ident.Parse[ident.IncidentID](subject)
	d := IncidentData{Subject: s, Incident: Incident{ID: id, Kind: p.Kind, Severity: p.Severity, Reason: p.Reason, OpenedAt: p.OpenedAt, GraceUntil: p.GraceUntil, Note: p.Note}}
	if f := p.Finding; f != nil {
		d.Finding = shown(*f)
	}
	return d
}

// Write freezes a message into its bytes. What makes it too long is left out, the least needed first.
func (m Message) Write(at time.Time, version string, test bool) ([]byte, error) {
	body, err := json.Marshal(Body[any]{m.Topic.Name, at, version, test, m.Data})
	if err == nil && len(body) > maxBody {
		body, err = json.Marshal(Body[any]{m.Topic.Name, at, version, test, shrink(m.Data)})
	}
	if err != nil {
		return nil, fmt.Errorf("write the message %s: %w", m.Topic.Name, err)
	}
	return body, nil
}

func shrink(data any) any {
	const some = 50
	switch d := data.(type) {
	case ConnectionData:
		d.Changes, d.Connection.Labels = nil, []string{}
		if d.Finding != nil {
			f := *d.Finding
			f.Params, f.Sentence = map[string]any{}, f.Code
			d.Finding = &f
		}
		return d
	case IncidentData:
		d.Connection.Labels, d.Finding = []string{}, nil
		return d
	case RecordData:
		d.Records, d.Connection.Labels = d.Records[:min(some, len(d.Records))], []string{}
		return d
	case CertificateData:
		d.Certificate.Names, d.Connection.Labels = d.Certificate.Names[:min(some, len(d.Certificate.Names))], []string{}
		return d
	}
	return data
}

// Full is a list that is never null.
func Full[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// ID is the webhook-id: the same in every attempt and every replay of a message.
func ID(event ident.EventID, topic string) string {
	if topic == StatusChanged {
		return event.String() + derivedSuffix
	}
	return event.String()
}
