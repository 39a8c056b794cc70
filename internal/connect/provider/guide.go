package provider

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

//go:embed guide.json
var guideFile []byte

// guides hold the steps that are the same everywhere, per language; what is special at one provider stands in its row.
var guides = func() locale.Book {
	var g locale.Book
	if err := json.Unmarshal(guideFile, &g); err != nil {
		panic(fmt.Sprintf("provider: guide.json: %v", err))
	}
	return g
}()

// Guide is what to do at the provider's, in order, for somebody who has never done it. domain fills in the address of
// the provider's page and may be empty. A nil provider gives the guide for providers nobody knows.
func (p *Provider) Guide(tag, domain string) []GuideStep {
	lang := locale.Of(tag)
	step := func(key string, name string) GuideStep {
		return GuideStep{Text: guides.Say(lang, key, locale.Values{"provider": name})}
	}
	if p == nil {
		return []GuideStep{step("sign_in_unknown", ""), step("open_domain", ""), step("add", ""), step("names_unknown", ""), step("save", ""), step("back", "")}
	}
	first := step("sign_in", p.Name)
	if domain != "" || !strings.Contains(p.console, "{domain}") {
		first.URL = p.ConsoleURL(domain)
	}
	steps := []GuideStep{first, step("open_domain", p.Name), step("add", p.Name)}
	switch d := p.Dialect; {
	case d.AppendsZone:
		steps = append(steps, step("names_appended", p.Name))
	case !d.RelativeNames:
		steps = append(steps, step("names_full", p.Name))
	default:
		steps = append(steps, step("names_short", p.Name))
	}
	if p.Dialect.TrailingDot == Needed {
		steps = append(steps, step("dot", p.Name))
	}
	own, ok := p.guide[lang]
	if !ok {
		own = p.guide["en"]
	}
	for _, text := range own {
		steps = append(steps, GuideStep{Text: text})
	}
	return append(steps, step("save", p.Name), step("back", p.Name))
}
