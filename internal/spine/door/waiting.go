package door

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
)

// Waiting is an outcome that is not an error: the change is stored and runs when a second person agrees or a window opens.
type Waiting struct {
	Kind      WaitingKind
	RequestID string
	Message   string
	Until     *time.Time
}

// WaitingKind says what a change waits for.
type WaitingKind string

const (
	WaitingForApproval WaitingKind = "APPROVAL"
	WaitingForWindow   WaitingKind = "MAINTENANCE_WINDOW"
	CoolingOff         WaitingKind = "COOLING_OFF"
)

// Ask is what a second person is shown of a call that has to wait, beside its input.
type Ask struct {
	Subject string // prefixed id of what changes
	Label   string // what people call it
	Version int32  // of the subject: with another one the request is stale
	Reason  string // why, in the words of who asks; may be empty
}

// Call is a change that may have to wait: authorised, valid, and past the guards.
type Call struct {
	Action Action
	Input  json.RawMessage
	Ask
}

// Holder keeps changes that have to wait. It is asked inside the change's transaction.
type Holder interface {
	// Hold answers nil when the call may run now: its request was agreed to, and is used up by this very transaction. Else it keeps the request, records
	// that, and answers what the call waits for.
	Hold(ctx context.Context, e *Effect, c Call) (*Waiting, error)
	// Stands answers how a wait stands now, for a repeat of the call under its idempotency key.
	Stands(ctx context.Context, tx *db.Tx, id string) (*Waiting, error)
}

// hold asks whether the call has to wait; nil: it need not. It may have to when the change says Ask and Waits.
func hold[In, Out any](ctx context.Context, d *Door, c Change[In, Out], e *Effect, in In) (*Waiting, error) {
	if c.Ask == nil {
		return nil, nil
	}
	ask, err := c.Ask(ctx, e, in)
	if err != nil || ask == nil {
		return nil, err
	}
	if d.Holder == nil || c.Waits == nil {
		return nil, fmt.Errorf("the change %s has to wait, and nobody keeps it", c.Action.Name)
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("read the input: %w", err)
	}
	return d.Holder.Hold(ctx, e, Call{Action: c.Action, Input: raw, Ask: *ask})
}
