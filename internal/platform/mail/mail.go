// Package mail sends what the product has to say to people.
//
// Whoever changes something stages a mail in the same transaction: it exists if the change commits, and only then. A mail is QUEUED until a mail server has
// taken it (SENT); a server or gateway may report later that it arrived (DELIVERED). A temporary failure is tried again, eight times in all over about a
// day, and then it has FAILED, as after a final refusal. Where the mailbox does not exist the mail BOUNCED, and the address joins the suppression list: what
// is staged for it from then on is SUPPRESSED, until an operator takes it off.
//
// The same key is sent once. Every try is written down before it is made, and all tries of a mail carry the same Message-ID; so when a process dies between
// the server's answer and our note of it, the second copy is recognised by whoever receives it. In short: at least once, and recognisable.
package mail

import (
	"encoding/json"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/queries/mailq"
)

// DeliveryState is where a mail stands; see the package's comment.
type DeliveryState string

const (
	Queued     DeliveryState = "QUEUED"
	Sent       DeliveryState = "SENT"
	Delivered  DeliveryState = "DELIVERED"
	Bounced    DeliveryState = "BOUNCED"
	Failed     DeliveryState = "FAILED"
	Suppressed DeliveryState = "SUPPRESSED"
)

// MessageChannel is the way that a message goes.
type MessageChannel string

const (
	Email MessageChannel = "EMAIL"
	SMS   MessageChannel = "SMS" // a text message: the short form of a letter, by its own gateway
)

// Mail is what somebody wants to be sent.
type Mail struct {
	// Key says what it is about: the id of an event or of a request. Letter, key and recipient together are sent once. "": each call is a mail of its own.
	Key string
	// User is the person it is for: address, language and time zone are theirs. Somebody without an address, suspended or erased gets none, which is no error.
	User ident.UserID
	// To is an address, when there is no user; Address checks and normalises it. Locale and Zone go with it.
	To, Locale, Zone string
	// Phone is a telephone number (E.164): the letter's short form goes there instead of a mail. The language is User's.
	Phone  string
	Org    ident.OrgID // whom it concerns; zero: no organization
	Brand  string      // whose name stands over it; "": the operator's
	Letter letter.Content
	In     func(locale string) letter.Content // in place of Letter, when the content itself has words in the reader's language
	Tags   []string                           // for operators, and for Withdraw: ids, never addresses
	// PerDay is how many mails of this letter an address gets in 24 hours; more are not staged, which is no error. 0: no such limit.
	PerDay int
	// NotBefore is when it may leave; zero: now.
	NotBefore time.Time
}

// EmailDelivery is a mail as operators see it: never its body.
type EmailDelivery struct {
	ID             ident.MessageID
	OrganizationID *ident.OrgID
	To             string
	Subject        string
	Template       string
	Tags           []string
	State          DeliveryState
	Attempts       []*DeliveryAttempt
	ReceiptID      *string // the Message-ID
	SentAt         *time.Time
	DeliveredAt    *time.Time
	FailedAt       *time.Time
	FailedReason   *string
	CreatedAt      time.Time
}

// IsDelivery makes it a member of the union Delivery.
func (*EmailDelivery) IsDelivery() {}

// Delivery is a message by whatever channel.
type Delivery interface{ IsDelivery() }

// DeliveryAttempt is one try. It is written before anything is sent, so the last one of a process that died is not ok and says so.
type DeliveryAttempt struct {
	At    time.Time `json:"at"`
	OK    bool      `json:"ok"`
	Error *string   `json:"error"`
}

type (
	EmailDeliveryPage = page.Of[*EmailDelivery]
	EmailDeliveryEdge = page.Edge[*EmailDelivery]
	SuppressionPage   = page.Of[*Suppression]
	SuppressionEdge   = page.Edge[*Suppression]
)

// DeliveryFilter narrows a list; what is nil or empty does not.
type DeliveryFilter struct {
	OrganizationID *ident.OrgID
	Since          *time.Time // nil: 14 days ago
	Tags           []string   // all of them
	State          *DeliveryState
	Recipient      *string
}

// Suppression is an address that nothing is sent to, and why: "bounce", "complaint".
type Suppression struct {
	Channel   MessageChannel
	Recipient string
	Reason    string
	Since     time.Time
}

// arguments are what is sealed of a mail: enough to write it when it leaves.
type arguments struct {
	Content json.RawMessage `json:"content"`
	Reader  letter.Reader   `json:"reader"`
}

func fromRow(r *mailq.OutboundMessage) *EmailDelivery {
	return &EmailDelivery{ID: ident.From[ident.MessageID](r.ID), OrganizationID: ident.FromPtr[ident.OrgID](r.OrgID), To: r.Recipient, Subject: r.Subject, Template: r.Template, Tags: r.Tags,
		State: DeliveryState(r.State), Attempts: attemptsOf(r), ReceiptID: r.ReceiptID, SentAt: r.SentAt, DeliveredAt: r.DeliveredAt, FailedAt: r.FailedAt, FailedReason: r.FailedReason, CreatedAt: r.QueuedAt}
}

func attemptsOf(r *mailq.OutboundMessage) []*DeliveryAttempt {
	out := []*DeliveryAttempt{}
	_ = json.Unmarshal(r.Attempts, &out) // written by us alone
	return out
}
