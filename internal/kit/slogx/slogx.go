// Package slogx sets up the log: JSON for machines, text for people, and nothing secret in either.
//
// Secrets are kept out twice: an attribute whose key sounds like one never shows its value, and credentials of known
// shapes (API keys, bearer tokens, JSON web tokens, webhook secrets, passwords inside addresses) are cut out of every
// text, messages and errors included. This is the safety net, not the rule: values that are secret have a type of
// their own (kit/secret).
//
// Nobody writes lines of their own: a record is one line, whatever its values hold, and what moves or hides text in a
// terminal is shown by its number.
package slogx

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

const hidden = "[secret]"

// Format of the log lines.
type Format string

const (
	JSON Format = "json"
	Text Format = "text"
)

// New is a logger that writes to w. Attributes put into the context by With stand in every line logged with it.
func New(w io.Writer, format Format, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	var h slog.Handler = slog.NewJSONHandler(w, o)
	if format == Text {
		h = slog.NewTextHandler(w, o)
	}
	return slog.New(handler{h})
}

type key struct{}

// With answers a context whose log lines carry attrs too, such as request_id.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	have, _ := ctx.Value(key{}).([]slog.Attr)
	return context.WithValue(ctx, key{}, append(have[:len(have):len(have)], attrs...))
}

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if attrs, _ := ctx.Value(key{}).([]slog.Attr); len(attrs) > 0 {
		r = r.Clone()
		r.AddAttrs(attrs...)
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

// secretKeys are compared with the end of a key without its separators: "new_password", "X-Api-Key", "clientSecret".
var secretKeys = []string{
	"token", "tokens", "secret", "secrets", "password", "passwords", "passphrase", "authorization", "cookie", "cookies",
	"apikey", "privatekey", "credential", "credentials", "dsn", "databaseurl", "redisurl", "kek",
}

var withoutSeparators = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

func isSecretKey(k string) bool {
	k = withoutSeparators.Replace(strings.ToLower(k))
	for _, s := range secretKeys {
		if strings.HasSuffix(k, s) {
			return true
		}
	}
	return false
}

func redact(_ []string, a slog.Attr) slog.Attr {
	if isSecretKey(a.Key) {
		return slog.String(shown(a.Key), hidden)
	}
	a.Key = shown(a.Key)
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(shown(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(shown(v.Error()))
		case slog.LogValuer, *slog.Source:
		case fmt.Stringer:
			a.Value = slog.StringValue(shown(v.String()))
		case []byte:
			a.Value = slog.StringValue(shown(string(v)))
		default: // maps and structs: their text form, because nothing can look inside them later
			a.Value = slog.StringValue(shown(fmt.Sprintf("%+v", v)))
		}
	}
	return a
}

// shown is a text as it may stand in the log.
func shown(s string) string {
	s = Scrub(s)
	if !strings.ContainsFunc(s, moves) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if moves(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// moves says whether a terminal or an editor would move, end or turn a line at it. The controls below U+0020 are escaped by the formats themselves.
func moves(r rune) bool {
	return r >= 0x7f && r <= 0x9f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

var credentials = regexp.MustCompile(
	`\b(np[a-z]|whsec|sgn|rt)_[A-Za-z0-9_+/=-]{12,}` + // our own keys, tokens and webhook secrets
		`|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)?` + // JSON web tokens
		`|(?i:\b(bearer|basic))\s+[A-Za-z0-9._~+/=-]{8,}` +
		`|(?i:\b(password|passwd|secret|token|apikey|api_key|authorization)["']?\s*[=:]\s*["']?)[^\s"'&,;})\]]+` +
		`|://[^/\s:@]*:[^/\s@]+@` + // the password in a connection string
		`|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(-----END [A-Z ]*PRIVATE KEY-----)?`)

// Scrub replaces what looks like a credential inside a text.
func Scrub(s string) string {
	return credentials.ReplaceAllStringFunc(s, func(found string) string {
		switch {
		case strings.HasPrefix(found, "://"):
			return "://" + hidden + "@"
		case strings.HasPrefix(found, "-----"):
			return hidden
		}
		if i := strings.IndexAny(found, "=: "); i > 0 && i < 24 {
			return found[:i+1] + hidden
		}
		if i := strings.IndexByte(found, '_'); i > 0 && i < 6 {
			return found[:i+1] + hidden
		}
		return hidden
	})
}
