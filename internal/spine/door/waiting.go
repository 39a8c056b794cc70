package door

import "time"

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
