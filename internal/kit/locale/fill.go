package locale

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/bidi"
)

// Value is what stands for a placeholder.
type Value struct {
	Shown  string // as it is written; "" becomes an ellipsis, so that a hole is seen
	Count  int64  // chooses the form of a plural
	Counts bool   // there is a count
}

// Values are the values of a sentence by name: strings are isolated, whole numbers choose plurals.
type Values map[string]any

// Fill writes a sentence of a language.
func Fill(lang, text string, values Values) string {
	return FillFunc(lang, text, func(name string) Value {
		switch v := values[name].(type) {
		case nil:
			return Value{}
		case int:
			return Value{strconv.Itoa(v), int64(v), true}
		case int32:
			return Value{strconv.Itoa(int(v)), int64(v), true}
		case string:
			return Value{Shown: Isolate(lang, v)}
		default:
			return Value{Shown: Isolate(lang, fmt.Sprint(v))}
		}
	})
}

// FillFunc writes a sentence with values that are shown as they come: whoever makes them isolates them. Values are never read as placeholders.
func FillFunc(lang, text string, value func(name string) Value) string {
	if !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	fill(&b, lang, text, "#", value)
	return b.String()
}

// fill writes a text; in the form of a plural its signs # are the count.
func fill(b *strings.Builder, lang, text, count string, value func(string) Value) {
	for {
		open := strings.IndexByte(text, '{')
		end := closing(text, open)
		if open < 0 || end < 0 {
			b.WriteString(strings.ReplaceAll(text, "#", count))
			return
		}
		b.WriteString(strings.ReplaceAll(text[:open], "#", count))
		name, forms, plural := Plural(text[open+1 : end])
		if v := value(name); plural {
			fill(b, lang, v.form(lang, forms), cmp.Or(v.Shown, "…"), value)
		} else {
			b.WriteString(cmp.Or(v.Shown, "…"))
		}
		text = text[end+1:]
	}
}

func (v Value) form(lang string, forms map[string]string) string {
	if v.Counts {
		if chosen, ok := forms[Form(lang, v.Count)]; ok {
			return chosen
		}
	}
	return forms["other"]
}

// Plural takes apart what stands between the braces of a placeholder: its name, and the forms if it is a plural.
func Plural(inside string) (name string, forms map[string]string, ok bool) {
	name, rest, more := strings.Cut(inside, ",")
	kind, cases, _ := strings.Cut(rest, ",")
	if name = strings.TrimSpace(name); !more || strings.TrimSpace(kind) != "plural" {
		return name, nil, false
	}
	forms = map[string]string{}
	for {
		open := strings.IndexByte(cases, '{')
		end := closing(cases, open)
		if open < 0 || end < 0 {
			return name, forms, true
		}
		forms[strings.TrimSpace(cases[:open])] = cases[open+1 : end]
		cases = cases[end+1:]
	}
}

// closing finds the brace that closes the one at open; -1 when there is none.
func closing(text string, open int) int {
	depth := 0
	for i := max(open, 0); i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

var formNames = map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}

var tags = func() map[string]language.Tag {
	m := map[string]language.Tag{}
	for _, l := range languages {
		m[l] = language.MustParse(l)
	}
	return m
}()

// Form is the plural category of a whole number (CLDR): zero, one, two, few, many or other.
func Form(lang string, n int64) string {
	if n < 0 {
		n = -n
	}
	if n >= 1e9 {
		n = 1e9 + n%1e6 // no rule looks further, and the number fits everywhere
	}
	return formNames[plural.Cardinal.MatchPlural(tags[Of(lang)], int(n), 0, 0, 0, 0)]
}

const (
	firstStrong = "\u2068" // FSI
	leftToRight = "\u2066" // LRI
	popIsolate  = "\u2069" // PDI
)

// Isolate keeps a value out of the direction of its sentence (UAX #9, section 3.1.3): in a language from right to left each one, in the others
// those that hold letters from right to left. Marks of direction in the value itself are taken out, since they could turn what follows.
func Isolate(lang, value string) string {
	value = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, value)
	if value == "" || !RTL(lang) && !strings.ContainsFunc(value, turns) {
		return value
	}
	return firstStrong + value + popIsolate
}

// LTR isolates what reads from left to right in every language, such as a time in digits.
func LTR(lang, value string) string {
	if value == "" || !RTL(lang) {
		return value
	}
	return leftToRight + value + popIsolate
}

func turns(r rune) bool {
	p, _ := bidi.LookupRune(r)
	return p.Class() == bidi.R || p.Class() == bidi.AL
}

// Width is how many characters of a text take room: the marks around isolated values take none.
func Width(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.Is(unicode.Bidi_Control, r) && !unicode.Is(unicode.Mn, r) {
			n++
		}
	}
	return n
}
