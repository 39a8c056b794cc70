// Package locale knows the languages in which the product speaks. It finds the one that a reader gets, and fills sentences of catalogues: a value
// at its place, a plural in the form that the language wants, and a technical word so that a line from right to left keeps it in one piece.
//
// A sentence is written in a part of ICU MessageFormat, the same in Go and in the widget:
//
//	{name} is live.
//	It is valid for {days, plural, one {# day} other {# days}}.
//
// docs/languages.md says how a language is added.
package locale

import (
	"slices"
	"strconv"
	"strings"
)

// English is what everything falls back to.
const English = "en"

// languages that every catalogue of the product has, sorted.
var languages = []string{"ar", "de", "en", "fr"}

// Languages answers the languages that every catalogue has, sorted.
func Languages() []string { return slices.Clone(languages) }

// RTL says that a language is written from right to left. A region behind it does not matter.
func RTL(tag string) bool {
	base, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return base == "ar"
}

// longest is what every implementation can hold of a language tag (RFC 5646, section 4.4.1).
const longest = 35

// Chain is where a text is looked for, region before base before English (RFC 4647, section 3.4): "de_AT" gives de-at, de, en. Of a tag that is
// longer than any only the base counts.
func Chain(tag string) []string {
	l := strings.ToLower(strings.ReplaceAll(tag[:min(len(tag), longest)], "_", "-"))
	if len(tag) > longest {
		l, _, _ = strings.Cut(l, "-")
	}
	var chain []string
	for l != "" {
		chain = append(chain, l)
		l = l[:max(strings.LastIndexByte(l, '-'), 0)]
	}
	return append(chain, English)
}

// Of is the language among ours that serves a tag: English when none does.
func Of(tag string) string {
	for _, l := range Chain(tag) {
		if slices.Contains(languages, l) {
			return l
		}
	}
	return English
}

// Speaks says that a tag is served by a language of its own: "de-CH" is, "it" is not.
func Speaks(tag string) bool {
	base, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(tag, "_", "-")), "-")
	return slices.Contains(languages, base)
}

// Accept picks the language of sentences out of Accept-Language (RFC 9110, section 12.5.4): the best of ours, else English. Only the first 200
// octets are read.
func Accept(header string) string {
	best, bestQ := English, 0.0
	for part := range strings.SplitSeq(header[:min(len(header), 200)], ",") {
		tag, params, _ := strings.Cut(part, ";")
		base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		q := 1.0
		if _, v, ok := strings.Cut(params, "="); ok {
			parsed, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				continue
			}
			q = parsed
		}
		if slices.Contains(languages, base) && q > bestQ {
			best, bestQ = base, q
		}
	}
	return best
}
