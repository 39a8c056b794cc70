package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

// Colours of a terminal (ECMA-48 section 8.3.117).
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// mark is a sign with its colour. The sign alone says it too, for those who see no colours.
type mark struct{ sign, colour string }

var (
	good    = mark{"✓", green}
	bad     = mark{"✗", red}
	waiting = mark{"●", yellow}
	note    = mark{"·", cyan}
	unknown = mark{"?", yellow}
)

func (p *page) mark(m mark) string { return p.paint(m.colour, m.sign) }

func (p *page) paint(colour, s string) string {
	if !p.v.Colour || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// clean takes out what other people's servers could do to a terminal: control characters and marks of direction.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-locale.Width(s)))
}

func clip(s string, width int) string {
	if r := []rune(s); len(r) > max(width, 10) {
		return string(r[:max(width, 10)-1]) + "…"
	}
	return s
}

// wrap breaks a text at its spaces. Escape sequences count as nothing.
func wrap(s string, width int) []string {
	var out []string
	line, length := "", 0
	for word := range strings.FieldsSeq(s) {
		n := visible(word)
		if length > 0 && length+1+n > width {
			out, line, length = append(out, line), "", 0
		}
		if length > 0 {
			line, length = line+" ", length+1
		}
		line, length = line+word, length+n
	}
	return append(out, line)
}

// visible counts the columns of a text without its escape sequences.
func visible(s string) int {
	n := 0
	for len(s) > 0 {
		if rest, ok := strings.CutPrefix(s, "\x1b["); ok {
			if _, after, ok := strings.Cut(rest, "m"); ok {
				s = after
				continue
			}
		}
		_, size := utf8.DecodeRuneInString(s)
		n += locale.Width(s[:size])
		s = s[size:]
	}
	return n
}
