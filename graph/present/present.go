// Package present is the one place where an error becomes what a caller sees, and where a response becomes its octets, for every transport and for
// what comes of subscriptions.
package present

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Error makes what a caller sees of an error. Faults keep their words; several faults of one input become several errors;
// everything else is logged once and shown as INTERNAL with a reference.
func Error(ctx context.Context, err error) *gqlerror.Error {
	var path ast.Path
	g, ours := errors.AsType[*gqlerror.Error](err)
	if ours {
		path = g.Path
	} else if graphql.GetFieldContext(ctx) != nil {
		path = graphql.GetPath(ctx)
	}
	var list gqlerror.List // of a document that is not valid
	faults := fault.All(err)
	switch {
	case ours && shaped(g):
		return g
	case ours && errors.As(g.Err, &list):
		for _, e := range list[:len(list)-1] {
			graphql.AddError(ctx, e)
		}
		return Error(ctx, list[len(list)-1])
	case ours && g.Err != nil && g.Err.Error() == "introspection disabled":
		return shape(ctx, fault.Refused("introspection", "This credential cannot read the schema. Use an API key."), nil, g.Locations)
	case len(faults) > 0:
		refused(ctx, faults[len(faults)-1], path)
		for _, f := range faults[:len(faults)-1] {
			graphql.AddError(ctx, &gqlerror.Error{Err: f, Path: path})
		}
		return shape(ctx, faults[len(faults)-1], path, locations(g))
	case ours && g.Err == nil && g.Rule != "":
		return shape(ctx, early(g), path, g.Locations)
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return shape(ctx, fault.Unavailable("timeout", "This took too long. Please try again."), path, nil)
	case ours && g.Err == nil:
		return shape(ctx, fault.Invalid("", reasonOf(g), "%s", g.Message), path, g.Locations)
	}
	ref := rand.Text()[:12]
	slog.ErrorContext(ctx, "a request failed", "ref", ref, "request_id", authz.From(ctx).RequestID, "path", path.String(), "err", err)
	f := &fault.Fault{Code: fault.Internal, Message: "Something broke on our side. Please quote the reference " + ref + "."}
	return shape(ctx, f.With("ref", ref), path, nil)
}

// refused writes down that somebody who is known was not allowed to, or asked for what is not there for them (ASVS 16.3.2). Changes stand in the ledger too.
func refused(ctx context.Context, f *fault.Fault, path ast.Path) {
	caller := authz.From(ctx)
	if caller.Kind != authz.PUBLIC && (f.Code == fault.ForbiddenCode || f.Code == fault.NotFoundCode) {
		slog.InfoContext(ctx, "a request was refused", "code", f.Code, "reason", f.Reason, "actor", caller.Actor(), "path", path.String(), "ip", caller.IP)
	}
}

// shaped says that an error went through here before: a trusted document that was refused.
func shaped(g *gqlerror.Error) bool {
	code, _ := g.Extensions["code"].(string)
	return code != "" && !strings.HasPrefix(code, "GRAPHQL_") && code != "COMPLEXITY_LIMIT_EXCEEDED"
}

func locations(g *gqlerror.Error) []gqlerror.Location {
	if g == nil {
		return nil
	}
	return g.Locations
}

// Fault makes what a caller sees of a fault that stands alone, outside of any field.
func Fault(ctx context.Context, f *fault.Fault) *gqlerror.Error { return shape(ctx, f, nil, nil) }

// Errors makes all that a caller sees of an error: several faults of one input are several.
func Errors(ctx context.Context, err error) gqlerror.List {
	ctx = graphql.WithResponseContext(ctx, Error, Panic)
	graphql.AddError(ctx, err)
	return graphql.GetErrors(ctx)
}

// Refused answers an operation that does not run, so there is no data.
func Refused(ctx context.Context, err error) graphql.ResponseHandler {
	return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{Error(ctx, err)}})
}

// shape writes the wire form: message, path, and extensions with code, reason, field and requestId.
func shape(ctx context.Context, f *fault.Fault, path ast.Path, at []gqlerror.Location) *gqlerror.Error {
	e := &gqlerror.Error{Message: short(f.Message), Path: path, Locations: at, Extensions: map[string]any{"code": string(f.Code)}}
	for k, v := range f.Meta {
		e.Extensions[k] = v
	}
	field := f.Field
	if f.Reason == "id_kind" || f.Reason == "time" || f.Reason == "json_object" {
		field, e.Path = InInput(path, field)
	}
	for k, v := range map[string]string{"reason": f.Reason, "field": field, "requestId": authz.From(ctx).RequestID} {
		if v != "" {
			e.Extensions[k] = v
		}
	}
	return e
}

// InInput turns the path of a value that could not be read (startConnection.input.applicationId) into the fault's field (applicationId).
func InInput(path ast.Path, field string) (string, ast.Path) {
	for n, p := range path {
		name, ok := p.(ast.PathName)
		if n == 0 || !ok {
			continue
		}
		rest := path[n:]
		if name == "input" {
			rest = path[n+1:]
		}
		var words []string
		for _, r := range rest {
			words = append(words, strings.Trim(fmt.Sprint(r), `"`))
		}
		if len(words) > 0 {
			return strings.Join(words, "."), path[:1]
		}
	}
	return field, path
}

// early is an error that gqlgen or gqlparser made before anything ran.
func early(g *gqlerror.Error) *fault.Fault {
	return fault.Invalid("", reasonOf(g), "%s", g.Message)
}

func reasonOf(g *gqlerror.Error) string {
	switch {
	case g.Extensions["code"] == "GRAPHQL_PARSE_FAILED" && strings.Contains(g.Message, "exceeded token limit"):
		return "too_many_tokens"
	case g.Extensions["code"] == "GRAPHQL_PARSE_FAILED":
		return "parse_failed"
	case len(g.Path) > 0 && g.Path[0] == ast.PathName("variable"):
		return "variables"
	}
	return "validation_failed"
}

// longest is how many bytes a message may have; one may take six in JSON. With at most 20 of them a refusal stays below 64 kB.
const longest = 400

// short cuts a message that repeats a long input.
func short(message string) string {
	if len(message) <= longest {
		return message
	}
	cut := longest
	for cut > 0 && !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + "…"
}

// Panic makes an error of a panic; the process lives.
func Panic(_ context.Context, p any) error {
	return fmt.Errorf("panic: %v\n%s", p, debug.Stack())
}
