package document

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

// Bounds of the variables of one request; their text is bounded by the request's size.
const (
	maxValues     = 5_000
	variableDepth = 12
	maxKey        = 256 // bytes; keys are repeated in messages
)

// Readable refuses variables that are too many or too deep, and text that the database cannot keep, wherever it stands. It ends at the first fault.
func Readable(variables map[string]any) error {
	left := maxValues
	return weigh(variables, "", 0, &left)
}

func weigh(v any, path string, depth int, left *int) error {
	if *left--; *left < 0 {
		return fault.Invalid("variables", "too_large", "The variables hold more than %d values.", maxValues)
	}
	if depth > variableDepth {
		return fault.Invalid("variables", "too_large", "The variables are nested deeper than %d levels.", variableDepth)
	}
	switch v := v.(type) {
	case string:
		return storable(v, path)
	case []any:
		for n, e := range v {
			if err := weigh(e, path+"."+strconv.Itoa(n), depth+1, left); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, e := range v {
			if len(k) > maxKey {
				return fault.Invalid("variables", "too_large", "A name in the variables is longer than %d bytes.", maxKey)
			}
			if err := storable(k, path); err != nil {
				return err
			}
			if err := weigh(e, path+"."+k, depth+1, left); err != nil {
				return err
			}
		}
	}
	return nil
}

func storable(text, path string) error {
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return fault.Invalid(strings.TrimPrefix(strings.TrimPrefix(path, "."), "input."), "characters", "This text holds characters that cannot be stored.")
	}
	return nil
}
