package hostname

import (
	"strings"
	"unicode"
)

// clean takes the host out of a pasted address: scheme, user information or the local part of an e-mail address,
// port, path, query and fragment go. typed is what may be kept and shown; what stood before an "@" is in neither.
func clean(input string) (typed, host string) {
	s := trim(input)
	typed = s
	scheme := ""
	if i := schemeEnd(s); i > 0 {
		scheme, s = s[:i], s[i:]
	}
	rest := ""
	if i := strings.IndexAny(s, `/?#\`); i >= 0 {
		s, rest = s[:i], s[i:]
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
		typed = trim(scheme + s + rest)
	}
	s = trim(s)
	if isIPv6(s) {
		return typed, s
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && strings.Trim(s[i+1:], "0123456789") == "" {
		s = s[:i]
	}
	return typed, s
}

// trim removes white space and the quotes, brackets and commas that come along when a name is copied from a text.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' || strings.ContainsRune("<>\"'`,;“”„‘’«»()", r)
	})
}

// schemeEnd is the length of "https://", "//" or "mailto:" in front of s, 0 where there is none.
func schemeEnd(s string) int {
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		return 7
	}
	i := strings.Index(s, "//")
	if i < 0 || i > 0 && s[i-1] != ':' {
		return 0
	}
	for j := range max(i-1, 0) {
		c := s[j] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (j == 0 || !strings.ContainsRune("0123456789+-.", rune(s[j]))) {
			return 0
		}
	}
	return i + 2
}

// foldDots writes the full stops of other scripts as the one of DNS (UTS #46 section 2.3).
func foldDots(s string) string {
	return strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".").Replace(s)
}

// cutWildcard accepts an asterisk in one place: alone in the first label.
func cutWildcard(host string) (base string, wildcard bool, err *Error) {
	base, wildcard = strings.CutPrefix(host, "*.")
	if strings.Contains(base, "*") {
		return "", false, refuse(WildcardPosition, "name", host)
	}
	return base, wildcard, nil
}

// checkASCII names the first thing that cannot stand in a host name, before any conversion hides it.
func checkASCII(host string) *Error {
	for _, r := range host {
		switch {
		case r == '_':
			return refuse(Underscore, "name", host)
		case r == '.' || r == '-' || r >= 0x80 || 'a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9':
		default:
			return refuse(Characters, "character", string(r))
		}
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" {
			return refuse(LabelEmpty, "name", host)
		}
	}
	return nil
}
