package message

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

// StatusChanged is derived from events that list moved records; its webhook-id is the event's with a suffix, since the event may be a message itself.
const (
	StatusChanged = "record.status_changed"
	derivedSuffix = "-record"
	disabledTopic = "webhook.disabled"

	// DisabledEvent is the action of the ledger that webhook.disabled comes from.
	DisabledEvent = "webhook_endpoint.disabled"
	// TestTopic is sent by the test button.
	TestTopic = "webhook.test"
)

// Topic is what can be subscribed to: the public form of an action of the ledger.
type Topic struct {
	Name     string
	Optional bool // so frequent that it is sent only where it is named
	What     string
	kind     kind
}

// kind says which struct is the data of a topic.
type kind int

const (
	ofConnection kind = iota
	ofRecords
	ofCertificate
	ofIncident
	ofEndpoint
	ofTest
)

// All are the topics in the order in which they are shown.
var All = []Topic{
	{"connection.created", false, "Somebody began to connect a domain.", ofConnection},
	{"connection.analyzed", false, "The domain's DNS was looked at for the first time.", ofConnection},
	{"connection.verifying", false, "Records are expected or partly there; we keep looking.", ofConnection},
	{"connection.action_required", false, "A person has to do something; data.finding says what.", ofConnection},
	{"connection.dns_verified", false, "Every name server answers as expected.", ofConnection},
	{"connection.live", false, "The domain serves over TLS. Once per live period.", ofConnection},
	{"connection.certificate_failed", false, "No certificate could be had; data.finding says why.", ofConnection},
	{"connection.degraded", false, "A live domain lost something it needs; data.graceUntil says how long it is still served.", ofConnection},
	{"connection.recovered", false, "A degraded domain is whole again.", ofConnection},
	{"connection.suspended", false, "The domain stays the customer's, but visitors get 421: its records were gone when its grace was over, or its organization was deleted.", ofConnection},
	{"connection.contested", false, "Another connection proved the same name; data.transferAt says when it moves, unless the holder proves it too.", ofConnection},
	{"connection.transferred", false, "The name moved to another connection, or came from one.", ofConnection},
	{"connection.failed", false, "The set-up was given up; it can be retried.", ofConnection},
	{"connection.retried", false, "A failed set-up was begun again.", ofConnection},
	{"connection.archived", false, "The domain was disconnected.", ofConnection},
	{"connection.checked", true, "A check saw something move without a change of state.", ofConnection},
	{StatusChanged, true, "Records of a connection have another status, in checks and in changes of state.", ofRecords},
	{"certificate.issued", false, "A first certificate was issued.", ofCertificate},
	{"certificate.renewed", false, "A certificate was renewed.", ofCertificate},
	{"certificate.renewal_at_risk", false, "A renewal will fail unless somebody acts; data.certificate says why.", ofCertificate},
	{"certificate.imported", false, "The customer's own certificate was brought, and is presented from now on.", ofCertificate},
	{"certificate.expiring", false, "A certificate that was brought ends soon, and none of ours takes over: bring its successor.", ofCertificate},
	{"certificate.expired", false, "A certificate ran out before it could be renewed.", ofCertificate},
	{"incident.opened", false, "Something is wrong with a domain that was live; data.incident says what, and until when it is still served.", ofIncident},
	{"incident.acknowledged", false, "Somebody sees to an incident: its reminders end, its clock does not.", ofIncident},
	{"incident.resolved", false, "An incident is over: what was wrong is mended, or the domain was disconnected.", ofIncident},
	{"certificate.revoked", false, "Somebody revoked a certificate: it is presented no more, and another is ordered where the name may have one.", ofCertificate},
	{disabledTopic, false, "Another endpoint of the organization was disabled.", ofEndpoint},
	{TestTopic, false, "Sent by the test button, and by nothing else.", ofTest},
}

// LookUp finds a topic by its name.
func LookUp(name string) (Topic, bool) {
	at := slices.IndexFunc(All, func(t Topic) bool { return t.Name == name })
	if at < 0 {
		return Topic{}, false
	}
	return All[at], true
}

// Public answers the topic of an action of the ledger.
func Public(action string) (Topic, bool) {
	if action == DisabledEvent {
		action = disabledTopic
	}
	t, ok := LookUp(action)
	return t, ok && t.kind != ofRecords && t.kind != ofTest
}

// Actions are the actions of the ledger that have a topic.
func Actions() []string {
	var out []string
	for _, t := range All {
		switch {
		case t.kind == ofEndpoint:
			out = append(out, DisabledEvent)
		case t.kind != ofRecords && t.kind != ofTest:
			out = append(out, t.Name)
		}
	}
	return out
}

// Subscribed says whether a list of patterns asks for a topic: by its name, or, unless it is optional, by noun.* or *.
func Subscribed(patterns []string, t Topic) bool {
	noun, _, _ := strings.Cut(t.Name, ".")
	return slices.ContainsFunc(patterns, func(p string) bool { return p == t.Name || !t.Optional && (p == "*" || p == noun+".*") })
}

const maxTopics = 100

// Check answers the patterns without repetitions, and a fault for each that asks for nothing.
func Check(patterns []string) ([]string, []error) {
	if len(patterns) == 0 || len(patterns) > maxTopics {
		return nil, []error{fault.Invalid("topics", "topics_count", "Choose at least one topic, at most %d. * is all of them.", maxTopics)}
	}
	var clean []string
	var faults []error
	for n, p := range patterns {
		if !slices.ContainsFunc(All, func(t Topic) bool { return Subscribed([]string{p}, t) }) {
			faults = append(faults, fault.Invalid("topics."+strconv.Itoa(n), "topic_unknown", "There is no such topic. The list is at webhookTopics; noun.* and * are allowed."))
		} else if !slices.Contains(clean, p) {
			clean = append(clean, p)
		}
	}
	return clean, faults
}
