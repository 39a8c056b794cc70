package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/web/rest"
)

// fail answers an error in the shape of its address: a GraphQL error under /graphql, where nothing ran and so there is no "data", a problem below /v1/;
// else plain JSON.
func (s *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	faults := fault.All(err)
	tooBig, big := errors.AsType[*http.MaxBytesError](err)
	switch {
	case big:
		s.refuse(w, r, http.StatusRequestEntityTooLarge, fault.Invalid("", "too_large", "The request is larger than %d bytes.", tooBig.Limit))
	case len(faults) > 0:
		s.refuse(w, r, httpx.Status(faults[0].Code), faults[0])
	default:
		id := httpx.RequestID(r.Context())
		if r.Context().Err() == nil && !errors.Is(err, httpx.ErrPanic) {
			s.log.ErrorContext(r.Context(), "request ended with an error", "error", err, "method", r.Method, "path", r.URL.Path)
		}
		f := &fault.Fault{Code: fault.Internal, Message: "Something went wrong on our side. It is in our log under " + id + "."}
		s.refuse(w, r, http.StatusInternalServerError, f.With("ref", id))
	}
}

// refuse answers one fault with a status of its own.
func (s *Door) refuse(w http.ResponseWriter, r *http.Request, status int, f *fault.Fault) {
	if wait, ok := f.Meta["retryAfter"].(int); ok {
		w.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		rest.Refuse(w, r, status, f)
		return
	}
	members := map[string]any{}
	for k, v := range f.Meta {
		members[k] = v
	}
	members["code"] = f.Code
	for k, v := range map[string]string{"reason": f.Reason, "field": f.Field, "requestId": httpx.RequestID(r.Context())} {
		if v != "" {
			members[k] = v
		}
	}
	if r.URL.Path != "/graphql" {
		members["message"] = f.Message
		httpx.WriteJSON(w, status, members)
		return
	}
	kind := "application/json"
	if strings.Contains(r.Header.Get("Accept"), "application/graphql-response+json") {
		kind = "application/graphql-response+json"
	}
	raw, err := json.Marshal(map[string]any{"errors": []any{map[string]any{"message": f.Message, "extensions": members}}})
	if err != nil {
		panic(err) // the members of a fault are JSON
	}
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the caller may be gone
}

// read takes exactly one JSON object from a body that says it is JSON: no page of another site can send that without asking first (PF-CSRF-4).
func (s *Door) read(w http.ResponseWriter, r *http.Request, into any) bool {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		s.refuse(w, r, http.StatusUnsupportedMediaType, fault.Invalid("", "content_type", "Send Content-Type: application/json in UTF-8."))
		return false
	}
	d := json.NewDecoder(r.Body)
	err = d.Decode(into)
	if err == nil {
		if _, more := d.Token(); more == nil {
			err = errors.New("more than one value")
		} else if !errors.Is(more, io.EOF) {
			err = more
		}
	}
	if err == nil {
		return true
	}
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		s.fail(w, r, err)
		return false
	}
	s.refuse(w, r, http.StatusBadRequest, fault.Invalid("", "json", "Send one JSON object."))
	return false
}

func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// unreadable keeps the one error of a body that has its own status.
func unreadable(err error) error {
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooBig
	}
	return fault.Invalid("", "form", "This form cannot be read.")
}
