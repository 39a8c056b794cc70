package profile

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

const longest = 100 // characters of a name, or of a line of an address

// Name answers a name as it is kept (NFC, without spaces around it), of least to 100 characters on one line.
func Name(field, typed string, least int) (string, error) {
	n := norm.NFC.String(strings.TrimSpace(typed))
	if c := utf8.RuneCountInString(n); c < least || c > longest || !utf8.ValidString(n) || strings.ContainsFunc(n, unicode.IsControl) {
		return n, fault.Invalid(field, "name_length", "Write %d to %d characters on one line.", least, longest)
	}
	return n, nil
}

// Timezone answers a time zone that the tz database has.
func Timezone(field, name string) (string, error) {
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" || len(name) > 64 {
		return name, fault.Invalid(field, "timezone", "Name a time zone of the tz database, such as Europe/Berlin.")
	}
	return name, nil
}

// Locale answers a language tag (BCP 47) in its canonical form; each of its parts exists.
func Locale(field, tag string) (string, error) {
	t, err := language.Parse(tag)
	if err != nil || tag == "" || len(tag) > 35 {
		return tag, fault.Invalid(field, "locale", "Name a language by its tag, such as en or de-AT.")
	}
	return t.String(), nil
}

// Country answers the code of a country in three letters (ISO 3166-1 alpha-3), of which two letters (alpha-2) are understood too; "" is none.
func Country(field, code string) (string, error) {
	if code == "" {
		return "", nil
	}
	r, err := language.ParseRegion(code)
	if err != nil || !r.IsCountry() || len(code) > 3 || strings.ContainsAny(code, "0123456789") || r.ISO3() == "ZZZ" {
		return code, fault.Invalid(field, "country", "Name a country by its code, such as DEU.")
	}
	return r.ISO3(), nil
}
