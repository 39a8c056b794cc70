package present

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// TestPresent_WireForm: each code has the members that spec/frontend.md 2.3 promises, whatever wraps it.
func TestPresent_WireForm(t *testing.T) {
	t.Parallel()
	ctx := authz.With(t.Context(), authz.Principal{RequestID: "req-1"})
	for name, c := range map[string]struct {
		err  error
		want map[string]any
	}{
		"Invalid":     {fault.Invalid("address.city", "empty", "Give a city."), map[string]any{"code": "INVALID", "field": "address.city", "reason": "empty"}},
		"Forbidden":   {fault.Forbidden("connection.start"), map[string]any{"code": "FORBIDDEN", "permission": "connection.start"}},
		"NotFound":    {fault.NotFound("connection"), map[string]any{"code": "NOT_FOUND"}},
		"Conflict":    {fault.Conflict("slug", "slug_taken", "Taken.").With("subjectId", "app_1"), map[string]any{"code": "CONFLICT", "field": "slug", "reason": "slug_taken", "subjectId": "app_1"}},
		"Version":     {fault.VersionConflict(7), map[string]any{"code": "VERSION_CONFLICT", "field": "version", "current": int32(7)}},
		"RateLimited": {fault.RateLimited(1500 * time.Millisecond), map[string]any{"code": "RATE_LIMITED", "retryAfter": 2}},
		"Unavailable": {fault.Unavailable("timeout", "Later."), map[string]any{"code": "UNAVAILABLE", "reason": "timeout", "retryAfter": 1}},
		"Wrapped":     {fmt.Errorf("start the connection: %w", fault.Unauthorized("", "Sign in.")), map[string]any{"code": "UNAUTHENTICATED"}},
		"Timeout":     {fmt.Errorf("ask: %w", context.DeadlineExceeded), map[string]any{"code": "UNAVAILABLE", "reason": "timeout", "retryAfter": 1}},
		"IDOfAnArgument": {&gqlerror.Error{Err: fault.Invalid("id", "id_kind", "No."), Path: ast.Path{ast.PathName("connection"), ast.PathName("id")}},
			map[string]any{"code": "INVALID", "field": "id", "reason": "id_kind"}},
		"IDInsideAnInput": {&gqlerror.Error{Err: fault.Invalid("id", "id_kind", "No."), Path: ast.Path{ast.PathName("start"), ast.PathName("input"), ast.PathName("records"), ast.PathIndex(2), ast.PathName("applicationId")}},
			map[string]any{"code": "INVALID", "field": "records.2.applicationId", "reason": "id_kind"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want["requestId"] = "req-1"
			if g := Error(ctx, c.err); !maps.Equal(g.Extensions, c.want) || g.Message == "" || strings.Contains(g.Message, "start the") {
				t.Errorf("%+v", g)
			}
		})
	}
}

// TestPresent_TheUnknownIsLoggedOnce and shown as a reference alone. It replaces the default log, so it is not parallel.
func TestPresent_TheUnknownIsLoggedOnce(t *testing.T) {
	logged := &bytes.Buffer{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	for name, err := range map[string]error{"Error": errors.New("hunter2"), "Panic": Panic(t.Context(), "hunter2")} {
		logged.Reset()
		g := Error(t.Context(), err)
		ref, _ := g.Extensions["ref"].(string)
		if out := logged.String(); g.Extensions["code"] != "INTERNAL" || ref == "" || !strings.Contains(g.Message, ref) || strings.Contains(g.Message, "hunter2") ||
			strings.Count(out, "\n") != 1 || !strings.Contains(out, ref) || !strings.Contains(out, "hunter2") {
			t.Errorf("%s: %+v; log %s", name, g, out)
		}
	}
}

// TestPresent_RefusalsOfTheKnownAreLogged: who asks for what they may not see is named in the log, once; strangers fill no log. It replaces the default log.
func TestPresent_RefusalsOfTheKnownAreLogged(t *testing.T) {
	logged := &bytes.Buffer{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	user := ident.New[ident.UserID](time.Now())
	known := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: user, IP: "192.0.2.7", RequestID: "req-1"})
	for name, c := range map[string]struct {
		ctx   context.Context
		err   error
		lines int
	}{
		"Forbidden": {known, fault.Forbidden("member.invite"), 1},
		"NotFound":  {known, fault.NotFound("connection"), 1},
		"Invalid":   {known, fault.Invalid("name", "", "Give a name."), 0},
		"Nobody":    {t.Context(), fault.NotFound("connection"), 0},
	} {
		logged.Reset()
		Error(c.ctx, c.err)
		out := logged.String()
		if n := strings.Count(out, "\n"); n != c.lines || n == 1 && (!strings.Contains(out, user.String()) || !strings.Contains(out, "192.0.2.7")) {
			t.Errorf("%s: %s", name, out)
		}
	}
}
