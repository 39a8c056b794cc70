// Package webhook tells other people's servers what happened.
//
// Somebody names an address and the topics that matter. From then on each event of the ledger that carries such a topic becomes a delivery: a message
// whose bytes are frozen at that moment, signed as Standard Webhooks 1.0 says, and sent until a server answers 2xx or ten attempts have failed over
// three days. Every attempt is kept with what was answered, and any delivery can be sent again with the same bytes and the same webhook-id.
//
// A delivery begins PENDING, or WAITING_FOR_EARLIER while an earlier one of the same connection is on its way to an ordered endpoint. A failure makes
// it RETRYING. It ends as SUCCEEDED, FAILED (given up), or SKIPPED (the endpoint was disabled or deleted first). Messages arrive at least once: who
// receives one twice knows it by webhook-id, and who keeps the highest data.sequence of a connection never goes back.
package webhook

import (
	"encoding/json"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// WebhookEndpointStatus says whether anything is sent. AUTO_DISABLED was the product's own decision.
type WebhookEndpointStatus string

const (
	Enabled      WebhookEndpointStatus = "ENABLED"
	Disabled     WebhookEndpointStatus = "DISABLED"
	AutoDisabled WebhookEndpointStatus = "AUTO_DISABLED"
)

// Why an endpoint is disabled.
const (
	ByHand  = "by_hand"
	Gone    = "gone"    // it answered 410
	Failing = "failing" // nothing got through for five days
)

// FailingEvent is the ledger's action for an endpoint that nothing got through to for a day. It is told once; a success begins anew.
const FailingEvent = "webhook_endpoint.failing"

// WebhookEndpoint is an address with what it wants to hear.
type WebhookEndpoint struct {
	ID             ident.WebhookID
	OrganizationID ident.OrgID
	ApplicationID  *ident.ApplicationID // nil: all of the organization's
	URL            string
	Description    string
	Topics         []string
	Filter         json.RawMessage // a message.Filter
	Status         WebhookEndpointStatus
	DisabledReason *string
	Ordered        bool
	APIVersion     string
	SecretHint     string
	// PreviousSecretUntil is set while the secret of before the last rotation signs along.
	PreviousSecretUntil *time.Time
	// DisabledAt is when it stopped; what happened since was not sent.
	DisabledAt *time.Time
	Pending    int32
	Version    int32
	CreatedAt  time.Time
}

func (*WebhookEndpoint) IsNode() {}

// Health is how an endpoint did in the last 24 hours; tests do not count. What is nil could not be measured: nothing was sent, or nothing waits.
type Health struct {
	SuccessRate24h       *float64 // of attempts
	P95Ms                *int32
	OldestPendingSeconds *int32
	Hours                []*HealthHour // those of the last 24 in which something was sent, the oldest first
}

// WebhookDeliveryState is where a delivery stands; see the package's comment.
type WebhookDeliveryState string

const (
	Pending           WebhookDeliveryState = "PENDING"
	WaitingForEarlier WebhookDeliveryState = "WAITING_FOR_EARLIER"
	Retrying          WebhookDeliveryState = "RETRYING"
	Succeeded         WebhookDeliveryState = "SUCCEEDED"
	Failed            WebhookDeliveryState = "FAILED"
	Skipped           WebhookDeliveryState = "SKIPPED"
)

// WebhookDelivery is one message to one endpoint. Cursor continues the live stream after it.
type WebhookDelivery struct {
	ID            ident.DeliveryID
	Cursor        string
	Sequence      int64
	EndpointID    ident.WebhookID
	EventID       ident.EventID
	Topic         string
	State         WebhookDeliveryState
	Payload       json.RawMessage
	NextAttemptAt *time.Time
	ReplayOf      *ident.DeliveryID
	CreatedAt     time.Time
	FinishedAt    *time.Time
	Tries         int32 // attempts made
}

func (*WebhookDelivery) IsNode() {}

// WebhookAttempt is one try and what came back. Secrets are blacked out; of the body the first 64 KiB are kept.
type WebhookAttempt struct {
	N               int32
	At              time.Time
	LatencyMs       *int32
	ResolvedIP      *string
	Status          *int32
	Error           *string
	RequestHeaders  json.RawMessage
	ResponseHeaders json.RawMessage
	ResponseBody    *string
}

// WebhookDeliveryPage is a page of the log. Cursor is where Watch goes on from it, which an empty page has too.
type WebhookDeliveryPage struct {
	page.Of[*WebhookDelivery]
	Cursor string
}

type WebhookDeliveryEdge = page.Edge[*WebhookDelivery]

// WebhookEndpointResult carries the secret when the endpoint was just made or its secret rotated, and never again.
type WebhookEndpointResult struct {
	Endpoint *WebhookEndpoint
	Secret   *secret.String
	Replay   *WebhookReplay // what is sent of that which was missed; nil: nothing
}

// WebhookReplay is many deliveries that are sent again, and how far that is. At, when it began, names it at its endpoint.
type WebhookReplay struct {
	At        time.Time
	Queued    int32
	Waiting   int32
	Succeeded int32
	Failed    int32 // or skipped
}

// ReplayResult is what a replay sends again; Replay is nil when that is nothing.
type ReplayResult struct {
	Queued int32
	Replay *WebhookReplay
}

// WebhookTopic is a topic with the shape of its messages and an example.
type WebhookTopic struct {
	Topic       string
	Audience    string
	Description string
	Optional    bool
	Schema      json.RawMessage
	Example     json.RawMessage
}

// Topics lists what can be subscribed to; anybody may know.
func (s *Service) Topics() []*WebhookTopic {
	out := make([]*WebhookTopic, len(message.All))
	for n, t := range message.All {
		out[n] = &WebhookTopic{Topic: t.Name, Audience: "ORGANIZATION", Description: t.What, Optional: t.Optional, Schema: t.Schema(), Example: t.Sample()}
	}
	return out
}

// TimeWindow is a half-open stretch of time.
type TimeWindow struct {
	From time.Time
	To   time.Time
}
