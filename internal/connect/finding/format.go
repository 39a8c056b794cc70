package finding

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

// fill puts the details into a sentence.
func (c catalogue) fill(template string, params map[string]any) string {
	return locale.FillFunc(c.lang, template, func(name string) locale.Value {
		v, ok := params[name]
		if !ok || v == nil {
			return locale.Value{}
		}
		n, counts := count(v)
		if ascii, ok := v.(string); ok && name == "ascii" { // the sentence tells how a name is written in DNS
			return locale.Value{Shown: locale.Isolate(c.lang, printable(ascii))}
		}
		return locale.Value{Shown: c.show(v), Count: n, Counts: counts}
	})
}

// count is a detail as a whole number, as Go has it and as it comes back from JSON.
func count(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		return int64(v), v == float64(int64(v))
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return 0, false
}

// show writes what Go has and what comes back from JSON alike, each piece kept in its own direction. Details come from other people's servers and
// from people: what is not printable is left out, and what is long is cut.
func (c catalogue) show(v any) string {
	switch v := v.(type) {
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return c.show(at)
		}
		return c.piece(v)
	case time.Time:
		return locale.LTR(c.lang, v.UTC().Format(c.Time))
	case *time.Time:
		if v == nil {
			return ""
		}
		return c.show(*v)
	case []string:
		return list(c, v, c.piece)
	case []any:
		return list(c, v, c.show)
	case []int64:
		return list(c, v, func(n int64) string { return strconv.FormatInt(n, 10) })
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	if n, ok := count(v); ok {
		return strconv.FormatInt(n, 10)
	}
	return c.piece(fmt.Sprint(v))
}

func (c catalogue) piece(s string) string {
	return locale.Isolate(c.lang, hostname.ForPeople(printable(s)))
}

const (
	maxShown = 300
	maxItems = 6
)

// list joins the items, of which an ellipsis stands for those after the fifth.
func list[T any](c catalogue, items []T, show func(T) string) string {
	if len(items) == 0 {
		return c.None
	}
	var shown []string
	for _, item := range items[:min(len(items), maxItems)] {
		shown = append(shown, show(item))
	}
	if len(items) > maxItems {
		shown[maxItems-1] = "…"
	}
	last := len(shown) - 1
	if last == 0 {
		return shown[0]
	}
	return strings.Join(shown[:last], c.Comma) + c.And + shown[last]
}

func printable(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i >= maxShown {
			b.WriteRune('…')
			break
		}
		if unicode.IsPrint(r) && !unicode.Is(unicode.Bidi_Control, r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}
