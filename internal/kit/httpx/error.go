package httpx

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

var statuses = map[fault.Code]int{
	fault.Unauthenticated: http.StatusUnauthorized, fault.ForbiddenCode: http.StatusForbidden, fault.StepUpCode: http.StatusForbidden,
	fault.NotFoundCode: http.StatusNotFound, fault.InvalidCode: http.StatusUnprocessableEntity, fault.ConflictCode: http.StatusConflict,
	fault.PreconditionCode: http.StatusPreconditionFailed, fault.VersionConflictCode: http.StatusPreconditionFailed,
	fault.EntitlementCode: http.StatusPaymentRequired, fault.QuotaCode: http.StatusPaymentRequired, fault.LockedCode: http.StatusLocked,
	fault.RateLimitedCode: http.StatusTooManyRequests, fault.UnavailableCode: http.StatusServiceUnavailable, fault.Internal: http.StatusInternalServerError,
}

// Status of a fault's code.
func Status(c fault.Code) int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}

type errorBody struct {
	Code      fault.Code     `json:"code"`
	Reason    string         `json:"reason,omitempty"`
	Message   string         `json:"message"`
	Field     string         `json:"field,omitempty"`
	Meta      map[string]any `json:"meta,omitempty"`
	RequestID string         `json:"requestId"`
	Errors    []errorBody    `json:"errors,omitempty"`
}

// WriteError answers err as JSON. Faults are shown as they are, the first one decides about the status and several
// are listed; anything else is logged here, once, and shown as INTERNAL with the request id as reference.
func WriteError(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	id := RequestID(r.Context())
	faults := fault.All(err)
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok && len(faults) == 0 {
		WriteJSON(w, http.StatusRequestEntityTooLarge, errorBody{Code: fault.InvalidCode, Reason: "too_large", Message: "This is more than the " + strconv.FormatInt(tooBig.Limit, 10) + " octets that are accepted here.", RequestID: id})
		return
	}
	if len(faults) == 0 {
		if !errors.Is(err, ErrPanic) && r.Context().Err() == nil {
			log.ErrorContext(r.Context(), "request ended with an error", "error", err, "method", r.Method, "path", r.URL.Path)
		}
		WriteJSON(w, http.StatusInternalServerError, errorBody{Code: fault.Internal, Message: "Something went wrong on our side. It is in our log under " + id + ".", RequestID: id})
		return
	}
	body := ofFault(faults[0], id)
	if len(faults) > 1 {
		for _, f := range faults {
			body.Errors = append(body.Errors, ofFault(f, ""))
		}
	}
	if wait, ok := faults[0].Meta["retryAfter"].(int); ok {
		w.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	WriteJSON(w, Status(faults[0].Code), body)
}

func ofFault(f *fault.Fault, id string) errorBody {
	return errorBody{Code: f.Code, Reason: f.Reason, Message: f.Message, Field: f.Field, Meta: f.Meta, RequestID: id}
}

// WriteJSON answers v. It panics if v cannot be JSON, a mistake in the program.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the caller may be gone
}
