package send

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

const (
	keptBody    = 64 << 10
	keptHeaders = 100
	keptValue   = 1000
	redacted    = "[redacted]"
)

var (
	secrets   = regexp.MustCompile(`whsec_[A-Za-z0-9+/=]{8,}|npk_[a-z0-9]{4,}_[a-z0-9]{8,}|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}`)
	sensitive = strings.Fields("cookie authorization token secret api-key apikey password signature")
)

// redact blacks out what servers echo and must not be read in a log: the endpoint's own secret, signatures, keys of ours, bearer credentials.
func redact(text string, hidden []secret.String) string {
	for _, h := range hidden {
		text = strings.ReplaceAll(text, h.Reveal(), redacted)
		text = strings.ReplaceAll(text, strings.TrimPrefix(h.Reveal(), secretPrefix), redacted)
	}
	if !suspicious(text) {
		return text
	}
	return secrets.ReplaceAllString(text, redacted)
}

// suspicious says that the expression may find something. It costs a hundredth of the expression, and most answers are innocent.
func suspicious(text string) bool {
	if strings.Contains(text, "whsec_") || strings.Contains(text, "npk_") {
		return true
	}
	for n := 0; n+4 < len(text); n++ {
		if text[n]|0x20 == 'b' && (strings.EqualFold(text[n:n+5], "basic") || strings.EqualFold(text[n:n+5], "beare")) {
			return true
		}
	}
	return false
}

// Readable makes text of whatever a server sent: valid UTF-8 without NUL, which the database does not take, and at most so many bytes.
func Readable(text string, most int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// headers are kept with the values that may be seen, as a JSON object. It is written by hand because every attempt has one.
func headers(h http.Header, hidden []secret.String) []byte {
	names := slices.Sorted(maps.Keys(h))
	out := append(make([]byte, 0, 256), '{')
	for n, name := range names[:min(len(names), keptHeaders)] {
		lower := strings.ToLower(Readable(name, keptValue))
		value := redacted
		if !slices.ContainsFunc(sensitive, func(word string) bool { return strings.Contains(lower, word) }) {
			value = Readable(redact(strings.Join(h[name], ", "), hidden), keptValue)
		}
		if n > 0 {
			out = append(out, ',')
		}
		out = appendQuoted(append(appendQuoted(out, lower), ':'), value)
	}
	return append(out, '}')
}

// appendQuoted appends a JSON string.
func appendQuoted(out []byte, s string) []byte {
	for n := range len(s) {
		if c := s[n]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			raw, _ := json.Marshal(s) // of a string there is no error
			return append(out, raw...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}
