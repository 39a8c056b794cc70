package rest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// statuses are those of the classes of faults (RE-3).
var statuses = map[fault.Code]int{
	fault.Unauthenticated: http.StatusUnauthorized, fault.ForbiddenCode: http.StatusForbidden, fault.StepUpCode: http.StatusForbidden,
	fault.NotFoundCode: http.StatusNotFound, fault.InvalidCode: http.StatusUnprocessableEntity, fault.ConflictCode: http.StatusConflict,
	fault.PreconditionCode: http.StatusPreconditionFailed, fault.VersionConflictCode: http.StatusPreconditionFailed,
	fault.EntitlementCode: http.StatusPaymentRequired, fault.QuotaCode: http.StatusPaymentRequired, fault.LockedCode: http.StatusLocked,
	fault.RateLimitedCode: http.StatusTooManyRequests, fault.UnavailableCode: http.StatusServiceUnavailable, fault.Internal: http.StatusInternalServerError,
}

// answer writes what came of the operation: all of it, or a problem.
func (t *route) answer(w http.ResponseWriter, r *http.Request, inPath map[string]string, resp *graphql.Response) {
	if len(resp.Errors) > 0 {
		all := make([]map[string]any, len(resp.Errors))
		for n, e := range resp.Errors {
			all[n] = members(e)
		}
		code, _ := all[0]["code"].(string)
		problem(w, statuses[fault.Code(code)], all)
		return
	}
	value, err := pick(resp.Data, t.field)
	if err != nil || len(value) == 0 || bytes.Equal(value, []byte("null")) || bytes.Equal(value, []byte("{}")) {
		Refuse(w, r, http.StatusNotFound, fault.NotFound(t.field)) // {}: something else has this id
		return
	}
	if t.empty {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h := w.Header()
	if tag := version(value, t.object); tag != "" {
		h.Set("ETag", strconv.Quote(tag))
	}
	status := http.StatusOK
	if waits, err := pick(value, "waiting"); err == nil && bytes.HasPrefix(waits, []byte("{")) { // of a replay it is a number
		status = http.StatusAccepted
	} else if created, _ := pick(value, "created"); t.made != "" && !bytes.Equal(created, []byte("false")) {
		status = http.StatusCreated
		h.Set("Location", t.made+text(value, t.of))
	} else if t.operation == "CreateWidgetToken" {
		status = http.StatusCreated // it is read nowhere
	}
	body := t.list(h, r, value)
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the caller may be gone
}

// list wraps a list (RE-1): its rows are data, and the address of the next page stands in Link (RFC 8288).
func (t *route) list(h http.Header, r *http.Request, value json.RawMessage) []byte {
	if value[0] == '[' {
		return bytes.Join([][]byte{[]byte(`{"data":`), value, []byte(`}`)}, nil)
	}
	var page struct {
		Nodes    json.RawMessage `json:"nodes"`
		PageInfo *struct {
			HasNextPage bool    `json:"hasNextPage"`
			EndCursor   *string `json:"endCursor"`
		} `json:"pageInfo"`
		TotalCount json.RawMessage `json:"totalCount"`
	}
	if json.Unmarshal(value, &page) != nil || page.PageInfo == nil || page.Nodes == nil {
		return value
	}
	if page.PageInfo.HasNextPage && page.PageInfo.EndCursor != nil {
		query, _ := url.ParseQuery(r.URL.RawQuery) // it was read before
		query.Set("after", *page.PageInfo.EndCursor)
		h.Set("Link", "<"+r.URL.EscapedPath()+"?"+query.Encode()+`>; rel="next"`)
	}
	info, _ := json.Marshal(page.PageInfo)
	out := bytes.Join([][]byte{[]byte(`{"data":`), page.Nodes, []byte(`,"pageInfo":`), info}, nil)
	if page.TotalCount != nil {
		out = bytes.Join([][]byte{out, []byte(`,"totalCount":`), page.TotalCount}, nil)
	}
	return append(out, '}')
}

// pick goes down into an object. A member that is not there is empty, null below null.
func pick(raw json.RawMessage, field string) (json.RawMessage, error) {
	for name := range strings.SplitSeq(field, ".") {
		if bytes.Equal(raw, []byte("null")) {
			return raw, nil
		}
		object := map[string]json.RawMessage{}
		if err := json.Unmarshal(raw, &object); err != nil {
			return nil, err
		}
		raw = object[name]
		if raw == nil {
			return nil, nil
		}
	}
	return raw, nil
}

func text(raw json.RawMessage, field string) (s string) {
	if value, err := pick(raw, field); err == nil && value != nil {
		_ = json.Unmarshal(value, &s) // "" for what is no text
	}
	return s
}

// version is the version of the answer's object; "" without one.
func version(value json.RawMessage, object string) string {
	if object == "" {
		return ""
	}
	field := versionField
	if object != "." {
		field = object + "." + versionField
	}
	raw, err := pick(value, field)
	if err != nil || bytes.Equal(raw, []byte("null")) {
		return ""
	}
	return string(raw)
}

// members are what a problem says of one error.
func members(e *gqlerror.Error) map[string]any {
	out := map[string]any{"detail": e.Message}
	maps.Copy(out, e.Extensions)
	if out["field"] == nil && out["reason"] == "variables" {
		if field := inBody(e.Path); field != "" {
			out["field"] = field
			_, out["detail"], _ = strings.Cut(e.Message, " ") // it begins with the path, as GraphQL has it
		}
	}
	return out
}

// inBody is the path of a variable that could not be read (variable.input.topics.2) as the body has it (topics.2).
func inBody(path ast.Path) string {
	var words []string
	for n, p := range path {
		switch p := p.(type) {
		case ast.PathName:
			if n > 1 || n == 1 && p != "input" {
				words = append(words, string(p))
			}
		case ast.PathIndex:
			words = append(words, strconv.Itoa(int(p)))
		}
	}
	return strings.Join(words, ".")
}

// Refuse answers faults that were found before anything ran, as a problem (RFC 9457).
func Refuse(w http.ResponseWriter, r *http.Request, status int, faults ...*fault.Fault) {
	all := make([]map[string]any, len(faults))
	for n, f := range faults {
		one := map[string]any{}
		maps.Copy(one, f.Meta)
		one["code"], one["detail"] = f.Code, f.Message
		for name, value := range map[string]string{"reason": f.Reason, "field": f.Field, "requestId": httpx.RequestID(r.Context())} {
			if value != "" {
				one[name] = value
			}
		}
		all[n] = one
	}
	problem(w, status, all)
}

// problem writes a problem: the members of the first fault, and all of them as errors.
func problem(w http.ResponseWriter, status int, all []map[string]any) {
	if status == 0 {
		status = http.StatusInternalServerError
	}
	out := maps.Clone(all[0])
	out["type"], out["title"], out["status"], out["errors"] = "about:blank", http.StatusText(status), status, all
	h := w.Header()
	if wait, ok := out["retryAfter"].(int); ok {
		h.Set("Retry-After", strconv.Itoa(wait))
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	raw, err := json.Marshal(out)
	if err != nil {
		panic(err) // the members of a fault are JSON
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // the caller may be gone
}
