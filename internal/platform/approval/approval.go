// Package approval lets a second person agree before a sensitive change happens.
//
// A change that has to wait becomes a request and nothing else: its canonical input, the hash of it, the version of its subject, and why. It is PENDING until
// another operator decides. APPROVED, it runs by itself within moments, as a change of who asked and with the rights that this person has then: EXECUTED, or
// FAILED when it was refused, or STALE when its subject had changed meanwhile. REJECTED and CANCELED (by who asked) end it, and after a day without a word it
// is EXPIRED. Below two operators nobody could agree: then it cools off, every operator is told by mail, and it runs by itself after 24 hours unless
// somebody stops it. A request runs at most once: using it up and its effect are one transaction.
package approval

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/approvalq"
)

const (
	mayRead   authz.Permission = "approval.read"
	mayDecide authz.Permission = "approval.decide"

	required    = 1              // words besides that of who asks
	lives       = 24 * time.Hour // how long a request waits for a word
	runsWithin  = 4 * time.Hour  // how long an agreed request may take to run
	coolsFor    = 24 * time.Hour
	longest     = 500 // characters of a reason or comment
	changedHere = "approval"
	queueName   = "approval"
	chain       = "platform"
)

// perPerson bounds guessing and haste.
var perPerson = limit.Bucket{Name: "approval-decide", Rate: 20, Per: time.Minute, Burst: 20}

// ApprovalState is where a request stands; see the package's comment.
type ApprovalState string

const (
	Pending  ApprovalState = "PENDING"
	Approved ApprovalState = "APPROVED"
	Rejected ApprovalState = "REJECTED"
	Expired  ApprovalState = "EXPIRED"
	Canceled ApprovalState = "CANCELED"
	Executed ApprovalState = "EXECUTED"
	Failed   ApprovalState = "FAILED"
	Stale    ApprovalState = "STALE"
)

// Decision is a second person's word.
type Decision string

const (
	Approve Decision = "APPROVE"
	Reject  Decision = "REJECT"
)

// ApprovalRequest is a change that waits, or what became of it.
type ApprovalRequest struct {
	ID                ident.ApprovalID
	Number            int64
	Action            string
	SubjectID         ident.Any
	SubjectLabel      string
	State             ApprovalState
	Input             json.RawMessage
	InputSha256       string
	Reason            *string
	Requester         *ApprovalPerson
	Decisions         []*ApprovalDecision
	EligibleApprovers []*ApprovalPerson
	CanIDecide        bool
	WhyNot            *string
	CoolingOff        bool
	ExecuteNotBefore  *time.Time
	CreatedAt         time.Time
	ExpiresAt         time.Time
	DecidedAt         *time.Time
	ExecutedAt        *time.Time
	Failure           *string
	Version           int32
}

// ApprovalPerson is an operator, or somebody who was one, by name.
type ApprovalPerson struct {
	UserID ident.UserID
	Name   string
}

// ApprovalDecision is what somebody decided.
type ApprovalDecision struct {
	By       *ApprovalPerson
	Decision Decision
	Comment  *string
	At       time.Time
}

type (
	ApprovalRequestPage = page.Of[*ApprovalRequest]
	ApprovalRequestEdge = page.Edge[*ApprovalRequest]
)

// Held is an action that can have to wait.
type Held struct {
	Action string // the door's name of it
	Field  string // the mutation that asks for it; its payload has a member waiting
	// Run makes the change that was agreed to, in the name of who asked, by the same service method as the mutation: Agreed(service.Change).
	Run func(ctx context.Context, input json.RawMessage) error
}

// Agreed makes a change as it was agreed to: its input is that of the request.
func Agreed[In, Out any](change func(context.Context, In) (Out, error)) func(context.Context, json.RawMessage) error {
	return func(ctx context.Context, input json.RawMessage) error {
		var in In
		if err := json.Unmarshal(input, &in); err != nil {
			return fmt.Errorf("read the request: %w", err)
		}
		_, err := change(ctx, in)
		return err
	}
}

// News is what operators are mailed about a change that cools off.
type News struct {
	Request   ident.ApprovalID
	Action    string
	Requester string
	Until     time.Time
	To        []ident.UserID
}

// Service keeps requests. Its fields are set by the assembly.
type Service struct {
	DB      *db.DB
	Door    *door.Door
	Authz   *authz.Authorizer
	Work    *work.Runner
	Limit   *limit.Limiter
	Actions []Held
	// Tell mails the operators, in the transaction of the request; nil: nobody is told.
	Tell func(ctx context.Context, e *door.Effect, n News) error

	q approvalq.Queries
}

// Part is what approvals contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "approval", Grants: []authz.Grant{
		{Permission: mayRead, Operator: true, What: "see which changes wait for a second person, and what became of them"},
		{Permission: mayDecide, Operator: true, What: "agree to another operator's change, or stop it"},
	}, Queues: []work.Queue{s.queue()}}
}

// action finds what can wait.
func (s *Service) action(name string) (Held, bool) {
	for _, a := range s.Actions {
		if a.Action == name {
			return a, true
		}
	}
	return Held{}, false
}
