package message

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Schema is the shape of a topic's bodies (JSON Schema 2020-12).
func (t Topic) Schema() json.RawMessage { return must(json.Marshal(t.schema())) }

// Sample is a body of the topic as it could arrive.
func (t Topic) Sample() json.RawMessage {
	return must(Example(t, sampleOrg, sampleEndpoint).Write(sampleTime, Version, t.kind == ofTest))
}

// must panics for structs of ours that cannot be written.
func must(raw []byte, err error) json.RawMessage {
	if err != nil {
		panic(err)
	}
	return raw
}

func (t Topic) schema() map[string]any {
	var shape reflect.Type
	switch t.kind {
	case ofRecords:
		shape = reflect.TypeFor[Body[RecordData]]()
	case ofCertificate:
		shape = reflect.TypeFor[Body[CertificateData]]()
	case ofIncident:
		shape = reflect.TypeFor[Body[IncidentData]]()
	case ofEndpoint:
		shape = reflect.TypeFor[Body[EndpointData]]()
	case ofTest:
		shape = reflect.TypeFor[Body[TestData]]()
	default:
		shape = reflect.TypeFor[Body[ConnectionData]]()
	}
	s := schemaOf(shape)
	s["$schema"], s["title"], s["description"] = "https://json-schema.org/draft/2020-12/schema", t.Name, t.What
	s["properties"].(map[string]any)["type"] = map[string]any{"const": t.Name}
	return s
}

// schemaOf describes what encoding/json makes of a type. Members may be added within a version, so others are never forbidden.
func schemaOf(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		s := schemaOf(t.Elem())
		s["type"] = []any{s["type"], "null"}
		return s
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Struct:
		properties, required := map[string]any{}, []string{}
		members(t, properties, &required)
		return map[string]any{"type": "object", "properties": properties, "required": required}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int32, reflect.Int64:
		return map[string]any{"type": "integer"}
	}
	return map[string]any{"type": "string"}
}

func members(t reflect.Type, properties map[string]any, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			members(f.Type, properties, required)
			continue
		}
		shape := f.Type
		if options == "omitempty" && shape.Kind() == reflect.Pointer {
			shape = shape.Elem() // absent, and never null
		}
		s := schemaOf(shape)
		if doc := f.Tag.Get("doc"); doc != "" {
			s["description"] = doc
		}
		properties[name] = s
		if options != "omitempty" {
			*required = append(*required, name)
		}
	}
}

// The samples are ids that nobody has.
var (
	sampleTime     = time.Date(2026, 11, 20, 23, 59, 59, 123456000, time.UTC)
	sampleOrg      = sample[ident.OrgID]("org_01k9s6v0z8e2r8n3b0m4q7t5ya")
	sampleEndpoint = sample[ident.WebhookID]("whk_01k9s6v0z8e2r8n3b0m4q7t5yb")
)

func sample[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](text string) (id T) {
	if err := P(&id).UnmarshalText([]byte(text)); err != nil {
		panic("webhook: " + text + " is no id")
	}
	return id
}

// Example is a message of a topic as it could be sent to an endpoint. Its sequence is 0, so that a test moves nobody's place.
func Example(t Topic, org ident.OrgID, endpoint ident.WebhookID) Message {
	m := Message{Topic: t}
	switch t.kind {
	case ofTest:
		m.Data = TestData{0, org, endpoint}
		return m
	case ofEndpoint:
		m.Data = EndpointData{0, org, sampleEndpoint, "gone"}
		return m
	}
	state, from, reason := exampleState(t.Name)
	subject := Subject{0, org, sample[ident.ApplicationID]("app_01k9s6v0z8e2r8n3b0m4q7t5yc"), Connection{
		ID: sample[ident.ConnectionID]("con_01k9s6v0z8e2r8n3b0m4q7t5yd"), Hostname: "shop.acme.com", State: state, SetupType: new("MANUAL"), Provider: new("cloudflare"),
		ExternalRef: new("cust_42"), Labels: []string{"eu"}}}
	certificate := sample[ident.CertificateID]("crt_01k9s6v0z8e2r8n3b0m4q7t5ye")
	moved := []Record{{Key: "target", From: "MISSING", To: "PARTIAL", Have: 1, Of: 2}}
	switch t.kind {
	case ofRecords:
		m.Data = RecordData{subject, moved}
	case ofCertificate:
		c := Certificate{ID: certificate, CA: new("letsencrypt"), Names: []string{"shop.acme.com"}, NotAfter: new(sampleTime.AddDate(0, 0, 90))}
		switch t.Name {
		case "certificate.renewal_at_risk":
			c.DaysLeft, c.Reason = new(int32(12)), new(finding.CAAForbidden)
		case "certificate.imported":
			c.CA = nil
		case "certificate.expiring":
			c.CA, c.DaysLeft = nil, new(int32(14))
		case "certificate.expired":
			c.DaysLeft, c.Reason = new(int32(0)), new(finding.CAAForbidden)
		}
		m.Data = CertificateData{subject, c}
	case ofIncident:
		i := Incident{ID: sample[ident.IncidentID]("inc_01k9s6v0z8e2r8n3b0m4q7t5yf"), Kind: "DRIFT", Severity: string(finding.Blocking), Reason: new(finding.Drifted), OpenedAt: new(sampleTime.Add(-time.Minute)),
			GraceUntil: new(sampleTime.Add(72 * time.Hour))}
		d := IncidentData{Subject: subject}
		switch t.Name {
		case "incident.opened":
			d.Finding = shown(finding.New(finding.Drifted, exampleParams[finding.Drifted]))
		case "incident.acknowledged":
			i.Note = new("I have called the customer.")
		case "incident.resolved":
			i.GraceUntil = nil
		}
		d.Incident, m.Data = i, d
	default:
		d := ConnectionData{Subject: subject}
		if from != "" {
			d.From = &from
		}
		if reason != "" {
			d.Reason = &reason
			d.Finding = shown(finding.New(reason, exampleParams[reason]))
		}
		switch t.Name {
		case "connection.live":
			d.Mechanism, d.SecondsSinceStart, d.CertificateID = new("MANUAL"), new(int64(93)), &certificate
		case "connection.dns_verified":
			d.Servers = &Servers{2, 2}
		case "connection.degraded":
			d.GraceUntil = new(sampleTime.Add(72 * time.Hour))
		case "connection.contested":
			d.TransferAt = new(sampleTime.Add(24 * time.Hour))
		case "connection.checked":
			d.Changes = &Changes{moved, []Facet{{Facet: "dns", From: "absent", To: "partial"}}, []string{}, []string{}}
		}
		m.Data = d
	}
	return m
}

func exampleState(topic string) (state, from, reason string) {
	switch topic {
	case "connection.created":
		return "DRAFT", "", ""
	case "connection.analyzed":
		return "ACTION_REQUIRED", "DRAFT", finding.RecordAbsent
	case "connection.verifying":
		return "VERIFYING", "ACTION_REQUIRED", ""
	case "connection.action_required":
		return "ACTION_REQUIRED", "VERIFYING", finding.CAAForbidden
	case "connection.dns_verified":
		return "SECURING", "VERIFYING", ""
	case "connection.live":
		return "LIVE", "SECURING", ""
	case "connection.certificate_failed":
		return "ACTION_REQUIRED", "SECURING", finding.CAAForbidden
	case "connection.degraded":
		return "DEGRADED", "LIVE", finding.Drifted
	case "connection.recovered":
		return "LIVE", "DEGRADED", ""
	case "connection.suspended":
		return "SUSPENDED", "DEGRADED", finding.RecordAbsent
	case "connection.contested":
		return "CONTESTED", "LIVE", finding.ClaimContested
	case "connection.transferred":
		return "ARCHIVED", "CONTESTED", ""
	case "connection.failed":
		return "FAILED", "VERIFYING", finding.SetupIncomplete
	case "connection.retried":
		return "ACTION_REQUIRED", "FAILED", finding.RecordAbsent
	case "connection.archived":
		return "ARCHIVED", "LIVE", ""
	case "incident.opened", "incident.acknowledged":
		return "DEGRADED", "", ""
	case "connection.checked", StatusChanged:
		return "VERIFYING", "", ""
	}
	return "LIVE", "", ""
}

var exampleParams = map[string]map[string]any{
	finding.CAAForbidden:    {"name": "acme.com", "allowed": []string{"ca.example.net"}, "record": `0 issue "letsencrypt.org"`, "addAt": "acme.com"},
	finding.Drifted:         {"name": "shop.acme.com", "before": "token.edge.example", "now": "old.example.net"},
	finding.SetupIncomplete: {"name": "shop.acme.com"},
	finding.ClaimContested:  {"name": "shop.acme.com", "record": `_nameplate.shop.acme.com TXT "np-verify=token"`, "until": sampleTime.Add(24 * time.Hour).Format(time.RFC3339)},
	finding.RecordAbsent:    {"name": "shop.acme.com", "type": "CNAME"},
}
