// Package localetest holds catalogues to what a reader may expect of each language.
package localetest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

// Check fails the test for every fault of a book, and names what is to be added where.
func Check(t testing.TB, book locale.Book) {
	t.Helper()
	for _, fault := range Faults(book) {
		t.Error(fault)
	}
}

// Faults are what is wrong with a book: a language that lacks texts of English, or has others; other placeholders; a plural without a form that
// CLDR asks for; a technical word that a line from right to left would tear apart.
func Faults(book locale.Book) (faults []string) {
	english := book[locale.English]
	for _, lang := range locale.Languages() {
		texts, ok := book[lang]
		if !ok {
			faults = append(faults, fmt.Sprintf("%s: there is no catalogue", lang))
			continue
		}
		if lacking := without(english, texts); len(lacking) > 0 {
			faults = append(faults, fmt.Sprintf("%s lacks %d texts that English has; translate: %s", lang, len(lacking), strings.Join(lacking, ", ")))
		}
		if extra := without(texts, english); len(extra) > 0 {
			faults = append(faults, fmt.Sprintf("%s has %d texts that English does not have; add them there or remove them: %s", lang, len(extra), strings.Join(extra, ", ")))
		}
		for _, key := range slices.Sorted(maps.Keys(texts)) {
			for _, why := range sentence(lang, texts[key], english[key]) {
				faults = append(faults, fmt.Sprintf("%s, %s: %s: %q", lang, key, why, texts[key]))
			}
		}
	}
	return faults
}

func without(a, b map[string]string) (keys []string) {
	for key := range a {
		if _, ok := b[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func sentence(lang, text, english string) (faults []string) {
	if strings.TrimSpace(text) == "" || strings.TrimSpace(text) != text || strings.Contains(text, "  ") {
		faults = append(faults, "empty, or with a space too many")
	}
	names, forms, balanced := Placeholders(text)
	if !balanced {
		return append(faults, "a brace is not closed")
	}
	if want, _, _ := Placeholders(english); english != "" && !slices.Equal(names, want) {
		faults = append(faults, fmt.Sprintf("uses %q, English uses %q", names, want))
	}
	for name, has := range forms {
		if want := Forms(lang); !slices.Equal(has, want) {
			faults = append(faults, fmt.Sprintf("the plural of %s has the forms %q, and CLDR asks for %q", name, has, want))
		}
	}
	if locale.RTL(lang) {
		faults = append(faults, torn(text)...)
	}
	return faults
}

// Placeholders are the names that a text uses, sorted, and the forms of each plural.
func Placeholders(text string) (names []string, plurals map[string][]string, balanced bool) {
	plurals, balanced = map[string][]string{}, strings.Count(text, "{") == strings.Count(text, "}")
	depth, start := 0, 0
	for i, c := range []byte(text) {
		switch {
		case c == '{':
			if depth++; depth == 1 {
				start = i + 1
			}
		case c == '}':
			if depth--; depth != 0 {
				continue
			}
			name, forms, plural := locale.Plural(text[start:i])
			names = append(names, name)
			if plural {
				plurals[name] = slices.Sorted(maps.Keys(forms))
				for _, form := range forms {
					inner, _, ok := Placeholders(form)
					names, balanced = append(names, inner...), balanced && ok
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), plurals, balanced && depth == 0
}

// Forms are the plural categories that whole numbers have in a language, sorted.
func Forms(lang string) []string {
	seen := map[string]bool{}
	for n := range int64(1001) {
		seen[locale.Form(lang, n)] = true
	}
	seen[locale.Form(lang, 1e6)] = true
	return slices.Sorted(maps.Keys(seen))
}

var (
	isolated = regexp.MustCompile("[\u2066\u2068][^\u2066-\u2069]*\u2069")
	heads    = regexp.MustCompile(`\{\w+, plural,|\b(zero|one|two|few|many|other) \{`)
	braces   = regexp.MustCompile(`\{\w*\}|[{}]`)
	foreign  = regexp.MustCompile(`[!-~]*[A-Za-z][!-~]*`)
	whole    = regexp.MustCompile(`^\(*[A-Za-z0-9]([!-~]*[A-Za-z0-9])?[.,:;!)]*$`)
)

// torn finds Latin words that begin or end with a sign which the direction of the line would carry to the other side: "https://" has to be written
// between U+2066 and U+2069.
func torn(text string) (faults []string) {
	for _, marks := range []*regexp.Regexp{isolated, heads, braces} {
		text = marks.ReplaceAllString(text, " ")
	}
	for _, word := range foreign.FindAllString(text, -1) {
		if !whole.MatchString(word) {
			faults = append(faults, fmt.Sprintf("put %q between U+2066 and U+2069", word))
		}
	}
	return faults
}
