package finding

import (
	"fmt"
	"strings"
)

// Document is the catalogue as a page: every code with its weight, who can act, what it means and how it is mended, by the example of
// shop.example.com. docs/findings.md is this text.
func Document() string {
	var b strings.Builder
	b.WriteString("# Findings\n\nWhat Nameplate can notice about a domain. The codes are public API: they are added, never renamed. This page is made from the catalogue\n")
	b.WriteString("(`internal/connect/finding`); `make generate` writes it anew.\n")
	titles := map[Facet]string{Ownership: "Ownership", DNS: "DNS", TLS: "Certificates", Edge: "The edge", Email: "Mail", Setup: "Setting up"}
	for _, facet := range []Facet{Ownership, DNS, TLS, Edge, Email, Setup} {
		fmt.Fprintf(&b, "\n## %s\n", titles[facet])
		for _, s := range specs {
			if s.Facet == facet {
				s.document(&b)
			}
		}
	}
	return b.String()
}

func (s Spec) document(b *strings.Builder) {
	e, _ := Explain(s.Code, "en", nil)
	who := make([]string, len(s.Who))
	for i, w := range s.Who {
		who[i] = strings.ToLower(string(w))
	}
	title := e.Title
	if !strings.HasSuffix(title, "?") {
		title += "."
	}
	fmt.Fprintf(b, "\n### `%s`\n\n**%s** %s\n\n", s.Code, title, e.Body)
	for i, step := range e.Steps {
		fmt.Fprintf(b, "%d. %s\n", i+1, step)
	}
	if len(e.Steps) > 0 {
		b.WriteString("\n")
	}
	facts := []string{strings.ToLower(string(s.Severity)), "for the " + strings.Join(who, " or the ")}
	if s.Confidence < 1 {
		facts = append(facts, fmt.Sprintf("concluded, %.0f %% sure", 100*s.Confidence))
	}
	if s.Waivable {
		facts = append(facts, "can be waived")
	}
	if s.Params != "" {
		facts = append(facts, "details: `"+strings.Join(s.Names(), "`, `")+"`")
	}
	fmt.Fprintf(b, "*%s*\n", strings.Join(facts, "; "))
}
