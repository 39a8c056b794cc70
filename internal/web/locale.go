package web

import (
	"strconv"
	"strings"
)

// locale picks the language of sentences out of Accept-Language (RFC 9110, 12.5.4): the best of those that we speak, else English.
func locale(header string) string {
	best, bestQ := "en", 0.0
	for part := range strings.SplitSeq(header[:min(len(header), 200)], ",") {
		tag, params, _ := strings.Cut(part, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		q := 1.0
		if _, v, ok := strings.Cut(params, "="); ok {
			parsed, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				continue
			}
			q = parsed
		}
		if (primary == "en" || primary == "de") && q > bestQ {
			best, bestQ = primary, q
		}
	}
	return best
}
