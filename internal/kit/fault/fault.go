// Package fault holds the one kind of error that may reach a person.
//
// A Fault says what is wrong in words that a person can act on, with a code that programs can rely on. Everything else that goes wrong is
// logged once and shown as INTERNAL with a reference.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Code is the class of a fault; the values are public and stable.
type Code string

const (
	Unauthenticated     Code = "UNAUTHENTICATED"
	ForbiddenCode       Code = "FORBIDDEN"
	NotFoundCode        Code = "NOT_FOUND"
	InvalidCode         Code = "INVALID"
	ConflictCode        Code = "CONFLICT"
	PreconditionCode    Code = "PRECONDITION_FAILED"
	VersionConflictCode Code = "VERSION_CONFLICT"
	EntitlementCode     Code = "ENTITLEMENT_REQUIRED"
	QuotaCode           Code = "QUOTA_EXCEEDED"
	StepUpCode          Code = "STEP_UP_REQUIRED"
	LockedCode          Code = "LOCKED"
	RateLimitedCode     Code = "RATE_LIMITED"
	UnavailableCode     Code = "UNAVAILABLE"
	Internal            Code = "INTERNAL"
)

// Fault is an error for people.
type Fault struct {
	Code    Code
	Reason  string         // lower_snake_case, public; "" when the code says enough
	Message string         // a sentence
	Field   string         // path inside the input, dotted: records.2.value; or the argument's name
	Meta    map[string]any // copied into the answer's extensions as it is
	Err     error          // for the log only
}

func (f *Fault) Error() string {
	s := string(f.Code)
	if f.Reason != "" {
		s += " " + f.Reason
	}
	if f.Field != "" {
		s += " at " + f.Field
	}
	return s + ": " + f.Message
}

func (f *Fault) Unwrap() error { return f.Err }

// With answers a copy that carries one more member of the answer's extensions.
func (f *Fault) With(key string, value any) *Fault {
	g := *f
	g.Meta = maps.Clone(f.Meta)
	if g.Meta == nil {
		g.Meta = map[string]any{}
	}
	g.Meta[key] = value
	return &g
}

// Because answers a copy that carries the cause for the log.
func (f *Fault) Because(err error) *Fault { g := *f; g.Err = err; return &g }

func Invalid(field, reason, message string, args ...any) *Fault {
	return &Fault{Code: InvalidCode, Field: field, Reason: reason, Message: text(message, args)}
}

// NotFound is the answer for what does not exist and for what is somebody else's: both look the same, to the last byte. noun is for the log.
func NotFound(noun string) *Fault {
	return &Fault{Code: NotFoundCode, Message: "This does not exist, or it is not yours.", Err: errors.New("no such " + noun)}
}

func Forbidden(permission string) *Fault {
	f := &Fault{Code: ForbiddenCode, Message: "You need the permission " + permission + " for this. An owner of the organization can give it."}
	return f.With("permission", permission)
}

// Refused is FORBIDDEN for another reason than a missing permission.
func Refused(reason, message string, args ...any) *Fault {
	return &Fault{Code: ForbiddenCode, Reason: reason, Message: text(message, args)}
}

func Unauthorized(reason, message string, args ...any) *Fault {
	return &Fault{Code: Unauthenticated, Reason: reason, Message: text(message, args)}
}

func Conflict(field, reason, message string, args ...any) *Fault {
	return &Fault{Code: ConflictCode, Field: field, Reason: reason, Message: text(message, args)}
}

func Precondition(reason, message string, args ...any) *Fault {
	return &Fault{Code: PreconditionCode, Reason: reason, Message: text(message, args)}
}

// Locked says that the right credential does not open, because somebody closed what is behind it.
func Locked(reason, message string, args ...any) *Fault {
	return &Fault{Code: LockedCode, Reason: reason, Message: text(message, args)}
}

// VersionConflict says that somebody else changed the object since it was read.
func VersionConflict(current int32) *Fault {
	f := &Fault{Code: VersionConflictCode, Field: "version", Message: "Somebody changed this in the meantime. Look at the newer version, then save again."}
	return f.With("current", current)
}

// RateLimited says when to come back, in whole seconds, at least one.
func RateLimited(retryAfter time.Duration) *Fault {
	f := &Fault{Code: RateLimitedCode, Message: "That was too often. Please wait a moment."}
	return f.With("retryAfter", int((retryAfter+time.Second-1)/time.Second))
}

// Unavailable says that this would be answered at another time: in a second, unless With("retryAfter", …) knows better.
func Unavailable(reason, message string, args ...any) *Fault {
	f := &Fault{Code: UnavailableCode, Reason: reason, Message: text(message, args)}
	return f.With("retryAfter", 1)
}

// At answers err with its faults moved to the field: the fault "id" of an id of the wrong kind becomes that of its argument.
func At(err error, field string) error {
	if f, ok := errors.AsType[*Fault](err); ok {
		g := *f
		g.Field = field
		return &g
	}
	return err
}

// Is says whether err holds a fault of this code.
func Is(err error, c Code) bool {
	for _, f := range All(err) {
		if f.Code == c {
			return true
		}
	}
	return false
}

// All answers every fault in the tree of err, in order; nil when there is none.
func All(err error) []*Fault {
	var out []*Fault
	var walk func(error)
	walk = func(e error) {
		switch x := e.(type) {
		case nil:
		case *Fault:
			out = append(out, x)
		case interface{ Unwrap() []error }:
			for _, e := range x.Unwrap() {
				walk(e)
			}
		case interface{ Unwrap() error }:
			walk(x.Unwrap())
		}
	}
	walk(err)
	return out
}

func text(message string, args []any) string {
	if len(args) == 0 {
		return message
	}
	return fmt.Sprintf(message, args...)
}
