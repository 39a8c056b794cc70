package apikey

import (
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// Generate is what only tests may see.
var Generate = generate

// Compose makes a key of its two parts.
func Compose(lookup, hidden string) secret.String {
	return secret.New(prefix + lookup + "_" + hidden + checksum(lookup, hidden))
}

// Parts takes a key apart again.
func Parts(text string) (lookup, hidden string, ok bool) {
	lookup, _, ok = Split(prefix, secret.New(text))
	if ok {
		_, tail, _ := strings.Cut(strings.TrimPrefix(text, prefix), "_")
		hidden = tail[:secretSize]
	}
	return lookup, hidden, ok
}

// Notice is the daily round over keys that end.
var Notice = (*Service).notice
