// Package request reads requests for GraphQL, strictly, and answers those that came over HTTP. Who may send them, and what comes of them, is told by the
// server around it.
package request

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/klauspost/compress/gzip"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/vektah/gqlparser/v2/ast"
)

// The media types of answers.
const (
	JSON        = "application/json"
	GraphQLJSON = "application/graphql-response+json"
)

// HTTP serves GraphQL over HTTP (the draft "GraphQL over HTTP"): by POST for everybody, and queries by GET for callers with a bearer credential. It is
// the last transport: whatever is neither a socket nor an event stream ends here, so every refusal is a GraphQL error.
type HTTP struct {
	// MaxBody is how many octets a request may have, and as many when its compression is undone.
	MaxBody int64
	// Room has a place for each operation that may run at once; nil has no end of them.
	Room chan struct{}
	// Wait is how long an operation waits for a place before it is refused with 503.
	Wait time.Duration
}

func (HTTP) Supports(*http.Request) bool { return true }

func (t HTTP) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	ctx, accept := r.Context(), negotiate(r.Header.Values("Accept"))
	a := &Answer{Writer: w, Request: r, Kind: cmp.Or(accept, JSON)}
	defer a.Crash(ctx)
	w.Header().Add("Vary", "Accept, Accept-Encoding")
	get := r.Method == http.MethodGet
	switch {
	case get && !bearer(r), !get && r.Method != http.MethodPost:
		a.notAllowed(ctx, "Send GraphQL by POST. Queries may come by GET with a bearer credential.")
		return
	case accept == "":
		a.Refuse(ctx, http.StatusNotAcceptable, fault.Invalid("", "accept", "Accept application/graphql-response+json or application/json."))
		return
	}
	read := Receive
	if get {
		read = receiveQuery
	}
	p, status, err := read(w, r, t.MaxBody)
	if err != nil {
		a.Refuse(ctx, status, err)
		return
	}
	p.Headers = r.Header
	p.ReadTime = graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}
	if !t.enter(ctx) {
		a.Refuse(ctx, http.StatusServiceUnavailable, errFull)
		return
	}
	defer t.leave()
	rc, list := exec.CreateOperationContext(ctx, p)
	if list != nil {
		resp := exec.DispatchError(graphql.WithOperationContext(ctx, rc), list)
		resp.Data = nil
		a.Write(resp)
		return
	}
	if get && rc.Operation.Operation != ast.Query {
		a.notAllowed(ctx, "Send mutations and subscriptions by POST.")
		return
	}
	run, ctx := exec.DispatchOperation(ctx, rc)
	resp := run(ctx)
	if resp == nil { // the caller is gone, or the server stops
		a.Refuse(ctx, http.StatusServiceUnavailable, errCut)
		return
	}
	a.Write(resp)
}

var (
	errFull = fault.Unavailable("overloaded", "Too much is going on here. Please try again.")
	errCut  = fault.Unavailable("stopped", "This request was cut off. Please try again.")
)

// enter takes a place for one operation, or answers false when none is free in time.
func (t HTTP) enter(ctx context.Context) bool {
	if t.Room == nil {
		return true
	}
	select {
	case t.Room <- struct{}{}:
		return true
	default:
	}
	late := time.NewTimer(t.Wait)
	defer late.Stop()
	select {
	case t.Room <- struct{}{}:
		return true
	case <-late.C:
	case <-ctx.Done():
	}
	return false
}

func (t HTTP) leave() {
	if t.Room != nil {
		<-t.Room
	}
}

// bearer says whether a request brings a credential that no browser adds by itself.
func bearer(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer")
}

// Receive reads the operation of a POST: one JSON object of at most limit octets, which may come compressed by gzip. The status goes with the fault.
func Receive(w http.ResponseWriter, r *http.Request, limit int64) (*graphql.RawParams, int, error) {
	in, status, err := Body(w, r, limit)
	if err != nil {
		return nil, status, err
	}
	p, err := Params(in)
	return p, http.StatusBadRequest, err
}

// Body reads the one JSON object that a request brings, of at most limit octets, which may come compressed by gzip. The status goes with the fault.
func Body(w http.ResponseWriter, r *http.Request, limit int64) (map[string]any, int, error) {
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, http.StatusUnsupportedMediaType, fault.Invalid("", "content_type", "Send Content-Type: application/json in UTF-8.")
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, limit))
	switch encoding := strings.Join(r.Header.Values("Content-Encoding"), ","); {
	case encoding == "" || strings.EqualFold(encoding, "identity"):
	case strings.EqualFold(encoding, "gzip"):
		z, err := gzip.NewReader(body)
		if err != nil {
			return unread(err, limit)
		}
		body = io.LimitReader(z, limit+1)
	default:
		w.Header().Set("Accept-Encoding", "gzip") // RFC 9110, 15.5.16
		return nil, http.StatusUnsupportedMediaType, fault.Invalid("", "content_encoding", "Send the body as it is, or with Content-Encoding: gzip.")
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return unread(err, limit)
	}
	if int64(len(raw)) > limit {
		return unread(&http.MaxBytesError{Limit: limit}, limit)
	}
	in, err := Object(raw)
	return in, http.StatusBadRequest, err
}

func unread(err error, limit int64) (map[string]any, int, error) {
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return nil, http.StatusRequestEntityTooLarge, fault.Invalid("", "too_large", "The request is larger than %d bytes.", limit)
	}
	return nil, http.StatusBadRequest, fault.Invalid("", "body", "The body did not arrive whole, or in time.")
}

// receiveQuery reads the operation of a GET from the address. Each parameter stands at most once; variables and extensions are JSON objects.
func receiveQuery(_ http.ResponseWriter, r *http.Request, _ int64) (*graphql.RawParams, int, error) {
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, http.StatusBadRequest, fault.Invalid("", "address", "The parameters of the address cannot be read.")
	}
	in := map[string]any{}
	for _, name := range []string{"query", "operationName", "documentId", "variables", "extensions"} {
		switch values := given[name]; {
		case len(values) == 0:
		case len(values) > 1:
			return nil, http.StatusBadRequest, fault.Invalid(name, "repeated", "The parameter %s stands more than once.", name)
		case name == "variables" || name == "extensions":
			if in[name], err = Object([]byte(values[0])); err != nil {
				return nil, http.StatusBadRequest, fault.At(err, name)
			}
		default:
			in[name] = values[0]
		}
	}
	p, err := Params(in)
	return p, http.StatusBadRequest, err
}

// negotiate picks the response type with the highest q; nothing or */* means application/json. "" means neither is wanted.
func negotiate(accept []string) string {
	line := strings.Join(accept, ",")
	if strings.TrimSpace(line) == "" {
		return JSON
	}
	best, bestQ := "", 0.0
	for part := range strings.SplitSeq(line, ",") {
		mt, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		q := 1.0
		if v, err := strconv.ParseFloat(params["q"], 64); err == nil {
			q = v
		}
		switch mt {
		case "*/*", "application/*":
			mt = JSON
		case JSON, GraphQLJSON:
		default:
			continue
		}
		if cs := params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") {
			continue
		}
		if q > bestQ || q == bestQ && q > 0 && mt == GraphQLJSON && best == JSON && !strings.Contains(part, "*") {
			best, bestQ = mt, q
		}
	}
	return best
}

func isJSON(contentType string) bool {
	mt, params, err := mime.ParseMediaType(contentType)
	return err == nil && mt == JSON && (params["charset"] == "" || strings.EqualFold(params["charset"], "utf-8"))
}
