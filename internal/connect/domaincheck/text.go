package domaincheck

import "strings"

// text is what a check says besides findings, in one language.
type text struct{ later, www, apex, typo, subdomain, bound string }

var texts = map[string]text{
	"en": {
		later: "(we create it when you continue)", www: "Use %s instead", apex: "Use %s without www", typo: "Did you mean %s?", subdomain: "Use %s, which most people choose",
		bound: "This set-up is for %s only.",
	},
	"de": {
		later: "(legen wir an, wenn Sie fortfahren)", www: "Stattdessen %s verwenden", apex: "%s ohne www verwenden", typo: "Meinten Sie %s?",
		subdomain: "%s verwenden, wie die meisten", bound: "Diese Einrichtung gilt nur für %s.",
	},
}

func words(locale string) text {
	base, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(locale, "_", "-")), "-")
	if t, ok := texts[base]; ok {
		return t
	}
	return texts["en"]
}
