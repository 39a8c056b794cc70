package page

import "strings"

// Contains is the pattern of LIKE for what holds a text anywhere; the text has no wildcards.
func Contains(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text) + "%"
}
