package graph

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const (
	plainJSON   = "application/json"
	graphqlJSON = "application/graphql-response+json"
)

// Post serves GraphQL over HTTP. It is the last transport: whatever is not a socket or an event stream ends here, so every refusal is a GraphQL error.
type Post struct{ MaxBody int64 }

func (Post) Supports(*http.Request) bool { return true }

func (t Post) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	accept := negotiate(r.Header.Values("Accept"))
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", cmp.Or(accept, plainJSON)+"; charset=utf-8")
	switch {
	case r.Method != http.MethodPost:
		h.Set("Allow", "POST")
		refuse(w, http.StatusMethodNotAllowed, "INVALID", "Send GraphQL by POST.")
		return
	case accept == "":
		refuse(w, http.StatusNotAcceptable, "INVALID", "Accept application/graphql-response+json or application/json.")
		return
	case !isJSON(r.Header.Get("Content-Type")):
		refuse(w, http.StatusUnsupportedMediaType, "INVALID", "Send Content-Type: application/json in UTF-8.")
		return
	}
	p, err := decode(http.MaxBytesReader(w, r.Body, t.MaxBody))
	if err != nil {
		if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
			refuse(w, http.StatusRequestEntityTooLarge, "INVALID", "The request is larger than "+strconv.FormatInt(tooBig.Limit, 10)+" bytes.")
			return
		}
		refuse(w, http.StatusBadRequest, "INVALID", err.Error())
		return
	}
	p.Headers = r.Header
	p.ReadTime = graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}
	rc, list := exec.CreateOperationContext(r.Context(), p)
	if list != nil { // a request error: nothing ran, so there is no "data"
		status := http.StatusOK
		if accept == graphqlJSON {
			status = http.StatusBadRequest
		}
		resp := exec.DispatchError(graphql.WithOperationContext(r.Context(), rc), list)
		write(w, status, struct {
			Errors     gqlerror.List  `json:"errors"`
			Extensions map[string]any `json:"extensions,omitempty"`
		}{resp.Errors, resp.Extensions})
		return
	}
	run, ctx := exec.DispatchOperation(r.Context(), rc)
	write(w, http.StatusOK, run(ctx))
}

// decode reads exactly one JSON object and never quotes the body back.
func decode(body io.Reader) (*graphql.RawParams, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var in struct {
		Query         *string        `json:"query"`
		DocumentID    *string        `json:"documentId"`
		OperationName *string        `json:"operationName"`
		Variables     map[string]any `json:"variables"`
		Extensions    map[string]any `json:"extensions"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		if t := (*json.UnmarshalTypeError)(nil); errors.As(err, &t) {
			return nil, errors.New("The member " + strconv.Quote(cmp.Or(t.Field, "(root)")) + " has the wrong JSON type.")
		}
		return nil, errors.New("The body is not valid JSON.")
	}
	if _, err := d.Token(); err != io.EOF { // More would miss a trailing ] or }
		return nil, errors.New("The body holds more than one JSON value.")
	}
	p := &graphql.RawParams{Variables: in.Variables, Extensions: in.Extensions}
	if in.OperationName != nil {
		p.OperationName = *in.OperationName
	}
	if in.DocumentID != nil {
		if p.Extensions == nil {
			p.Extensions = map[string]any{}
		}
		p.Extensions["documentId"] = *in.DocumentID
	}
	switch {
	case in.Query != nil:
		p.Query = *in.Query
	case p.Extensions["documentId"] == nil:
		return nil, errors.New("Send query, or documentId.")
	}
	return p, nil
}

// negotiate picks the response type with the highest q; nothing or */* means application/json. "" means neither is wanted.
func negotiate(accept []string) string {
	line := strings.Join(accept, ",")
	if strings.TrimSpace(line) == "" {
		return plainJSON
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
			mt = plainJSON
		case plainJSON, graphqlJSON:
		default:
			continue
		}
		if cs := params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") {
			continue
		}
		if q > bestQ || q == bestQ && q > 0 && mt == graphqlJSON && best == plainJSON && !strings.Contains(part, "*") {
			best, bestQ = mt, q
		}
	}
	return best
}

func isJSON(contentType string) bool {
	mt, params, err := mime.ParseMediaType(contentType)
	return err == nil && mt == plainJSON && (params["charset"] == "" || strings.EqualFold(params["charset"], "utf-8"))
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	write(w, status, map[string]any{"errors": []any{map[string]any{"message": message, "extensions": map[string]any{"code": code}}}})
}

func write(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
