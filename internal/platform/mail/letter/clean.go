package letter

import (
	"encoding/json"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// longest is how many characters of one value are shown; the rest is an ellipsis.
const longest = 300

// Typed is what a person typed: their name, an organization's. Mail programs make links of whatever looks like an address, and a name is a place to put one
// into somebody else's mailbox; so an address in it is shown as it was typed and leads nowhere.
type Typed string

// MarshalJSON writes it with a leader in place of each dot and colon that could begin an address.
func (s Typed) MarshalJSON() ([]byte, error) { return json.Marshal(inert(string(s))) }

func inert(s string) string {
	runes := []rune(strings.ReplaceAll(s, "://", ":\u2060/\u2060/"))
	for n, r := range runes {
		if r == '.' && n > 0 && n+1 < len(runes) && !unicode.IsSpace(runes[n-1]) && (unicode.IsLetter(runes[n+1]) || unicode.IsDigit(runes[n+1])) {
			runes[n] = '\u2024' // one dot leader
		}
		if r == '@' && n > 0 {
			runes[n] = '\uff20' // fullwidth @
		}
	}
	return string(runes)
}

// clean makes one line of a value: no control characters, nothing invisible that turns text around, at most longest characters, NFC.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u2028', r == '\u2029', unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case r == unicode.ReplacementChar, unicode.Is(unicode.Bidi_Control, r), r == '\ufeff', r >= 0xE0000 && r <= 0xE007F:
			return -1
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(s, "")))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return s
}

// visible is clean, with a word where nothing is left.
func visible(s string) string {
	if s = clean(s); s == "" {
		return "–"
	}
	return s
}

// value is one value as this language shows it: apart from the direction of the words around it (UAX 9).
func (l *language) value(s string) string {
	if s = visible(s); l.locale == "ar" {
		return "\u2068" + s + "\u2069"
	}
	return s
}

// cleaned is the content with every text cleaned.
func (l *language) cleaned(values map[string]any) map[string]any {
	out := make(map[string]any, len(values))
	for k, v := range values {
		switch v := v.(type) {
		case string:
			out[k] = l.value(v)
			if v == "" {
				out[k] = "" // the words may ask whether there is one
			}
		case map[string]any:
			out[k] = l.cleaned(v)
		default:
			out[k] = v
		}
	}
	return out
}

// cleaned is the problem with its sentences cleaned.
func (p *Problem) cleaned() *Problem {
	if p == nil {
		return nil
	}
	out := &Problem{Title: clean(p.Title), Body: clean(p.Body)}
	for _, s := range p.Steps {
		out.Steps = append(out.Steps, clean(s))
	}
	return out
}
