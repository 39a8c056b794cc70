package check

import (
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
)

// Clean makes every text of an answer one that can be kept and shown: UTF-8 without NUL, at most 4096 octets. What stands in an answer was written by
// strangers' name servers; without this a single octet of theirs would make every check of the name fail to be stored.
func Clean(a *analysis.Answer) { clean(reflect.ValueOf(a).Elem()) }

func clean(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); v.CanSet() && tame(s) != s {
			v.SetString(tame(s))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			clean(v.Elem())
		}
	case reflect.Struct:
		for n := range v.NumField() {
			if v.Type().Field(n).IsExported() {
				clean(v.Field(n))
			}
		}
	case reflect.Slice:
		for n := range v.Len() {
			clean(v.Index(n))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(key, cleaned(v.MapIndex(key)))
		}
	case reflect.Interface:
		if !v.IsNil() && v.CanSet() {
			v.Set(cleaned(v.Elem()))
		}
	}
}

// cleaned is clean for what cannot be set in its place: the members of maps and interfaces.
func cleaned(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Interface && v.IsNil() {
		return v
	}
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	clean(c)
	return c
}

func tame(s string) string {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
	}
	return cut(s)
}

// longest is how many octets of one text are kept; what a server sends beyond is cut, with its length said.
const longest = 4096

func cut(s string) string {
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + fmt.Sprintf("… (%d octets)", len(s))
}
