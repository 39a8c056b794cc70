package finding

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// fill replaces {name} by the detail of that name.
func (c catalogue) fill(template string, params map[string]any) string {
	var b strings.Builder
	for rest := template; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			break
		}
		name, tail, _ := strings.Cut(after, "}")
		value := ""
		if v, ok := params[name]; ok && v != nil {
			value = c.show(v)
		}
		b.WriteString(cmp.Or(value, "…"))
		rest = tail
	}
	return b.String()
}

// show writes what Go has and what comes back from JSON alike. Details come from other people's servers and from
// people: what is not printable is left out, and what is long is cut.
func (c catalogue) show(v any) string {
	switch v := v.(type) {
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return c.show(at)
		}
		return printable(v)
	case time.Time:
		return v.UTC().Format(c.Time)
	case *time.Time:
		if v == nil {
			return ""
		}
		return c.show(*v)
	case []string:
		return c.list(v)
	case []any:
		items := make([]string, 0, len(v))
		for _, item := range v {
			items = append(items, c.show(item))
		}
		return c.list(items)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	case []int64:
		items := make([]string, 0, len(v))
		for _, n := range v {
			items = append(items, strconv.FormatInt(n, 10))
		}
		return c.list(items)
	}
	return printable(fmt.Sprint(v))
}

const (
	maxShown = 300
	maxItems = 6
)

func (c catalogue) list(items []string) string {
	items = slices.Clone(items)
	if len(items) > maxItems {
		items = append(items[:maxItems-1], "…")
	}
	for i := range items {
		items[i] = printable(items[i])
	}
	switch n := len(items); n {
	case 0:
		return c.None
	case 1:
		return items[0]
	default:
		return strings.Join(items[:n-1], ", ") + " " + c.And + " " + items[n-1]
	}
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
