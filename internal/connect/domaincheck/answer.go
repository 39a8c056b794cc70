package domaincheck

import (
	"slices"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/connect/recipe"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

const (
	manual      = "MANUAL"
	byHand      = "NONE"
	manualTakes = 300 // seconds

	delegation      = "DELEGATION"
	byNameServers   = "NS_DELEGATION"
	delegationTakes = 180
	www             = "www."
)

// answer puts together what the engine saw and what the product makes of it.
func (a *asking) answer(seen *analysis.Answer) *DomainCheck {
	n := a.name
	v := record.View{Zone: n.Registrable, Locale: a.locale, Now: seen.FinishedAt}
	if seen.Zone != nil && seen.Zone.Apex != "" {
		v.Zone = seen.Zone.Apex
	}
	if p := seen.Provider.Provider; p != nil {
		v.Dialect = &p.Dialect
	}
	d := &DomainCheck{
		Hostname: n.ASCII, UnicodeName: n.Unicode, Typed: n.Typed, HostLabel: n.HostLabel, IsApex: n.Apex, IsWildcard: n.Wildcard, RegistrableDomain: n.Registrable,
		PublicSuffix: n.PublicSuffix, PublicSuffixIcann: n.ICANN, Registered: seen.Registered, Zone: seen.Zone, Provider: seen.Provider,
		Setup: a.setup(), Best: manual,
		Records: a.records(seen, v), Conflicts: a.conflicts(seen, v), Findings: a.findings(seen), Suggestions: a.suggestions(), Companion: a.companion(),
		DurationMs: int32(seen.Duration().Milliseconds()), Queries: int32(seen.Questions),
	}
	if d.Provider.Evidence == nil {
		d.Provider.Evidence = []provider.ProviderEvidence{}
	}
	d.Apex = a.apex(seen.Provider.Provider)
	if f := a.noApex(d); f != nil {
		d.Findings = append(d.Findings, *f)
	}
	return d
}

// setup are the ways to get the records into the zone. Handing a name over is for names below a domain, and takes all below them along.
func (a *asking) setup() []SetupOption {
	out := []SetupOption{{Type: manual, Mechanism: byHand, Recommended: true, Available: true, SecondsEstimate: manualTakes, SharesWithUs: []string{}}}
	if !a.s.Settings.Delegation {
		return out
	}
	handed := SetupOption{Type: delegation, Mechanism: byNameServers, Available: !a.name.Apex && !a.name.Wildcard, SecondsEstimate: delegationTakes, SharesWithUs: []string{}}
	if !handed.Available {
		handed.Reason = new(finding.HostClassNotAllowed)
	}
	return append(out, handed)
}

// apex says how the domain itself can be pointed at us: by a name where the provider and the recipe know how, by our addresses everywhere.
func (a *asking) apex(p *provider.Provider) ApexSupport {
	s := ApexSupport{How: []provider.ApexMethod{}}
	asks := func(types ...string) bool {
		return slices.ContainsFunc(a.recipe.Records, func(t recipe.RecordTemplate) bool { return t.Purpose == "ROUTING" && slices.Contains(types, t.Type) })
	}
	if p != nil && asks("ALIAS") {
		for _, m := range p.Apex {
			if m != provider.Address {
				s.How = append(s.How, m)
			}
		}
	}
	if asks("A") && len(a.s.Settings.EdgeV4)+len(a.s.Settings.EdgeV6) > 0 {
		s.How = append(s.How, provider.Address)
	}
	if s.Supported = len(s.How) > 0; !s.Supported {
		s.Message = new(finding.Sentence(finding.ApexUnsupported, a.locale, a.apexParams(p)))
	}
	return s
}

func (a *asking) apexParams(p *provider.Provider) map[string]any {
	params := map[string]any{"name": a.name.Registrable, "provider": "DNS", "options": []string{www + a.name.Registrable}}
	if p != nil {
		params["provider"] = p.Name
	}
	return params
}

// noApex is the finding of somebody who asks for a domain that cannot be pointed at us.
func (a *asking) noApex(d *DomainCheck) *finding.Finding {
	if !a.name.Apex || d.Apex.Supported || !d.Registered {
		return nil
	}
	return new(finding.New(finding.ApexUnsupported, a.apexParams(d.Provider.Provider)))
}

// suggestions are the names that people confuse this one with, as far as the application connects them.
func (a *asking) suggestions() []Suggestion {
	out := []Suggestion{}
	add := func(kind SuggestionKind, name, text string) {
		n, err := hostname.Parse(name, a.s.Settings.Hostnames)
		twice := slices.ContainsFunc(out, func(s Suggestion) bool { return s.Hostname == n.ASCII })
		if err == nil && n.ASCII != a.name.ASCII && a.may(n) && !twice {
			out = append(out, Suggestion{kind, n.ASCII, book.Say(a.locale, text, locale.Values{"name": n.Unicode})})
		}
	}
	for _, doubt := range a.name.Warnings() {
		if better, ok := doubt.Params["suggestion"].(string); ok && doubt.Code == hostname.Typo {
			add(Typo, better, "typo")
		}
	}
	if a.name.Wildcard {
		return out
	}
	if other := a.name.Companion(); other != "" {
		kind, text := WWW, "www"
		if !a.name.Apex {
			kind, text = Apex, "apex"
		}
		add(kind, other, text)
	}
	if a.app.DefaultSubdomain != nil && *a.app.DefaultSubdomain != "" {
		add(Subdomain, a.subdomain(), "subdomain")
	}
	return out
}

// companion is what a start of the name can take along, as far as application and recipe do.
func (a *asking) companion() *CompanionOffer {
	mode := application.EndAtWWW
	if a.name.Apex {
		mode = application.EndAtApex
	}
	other, err := hostname.Parse(a.name.Companion(), a.s.Settings.Hostnames)
	if a.name.Wildcard || err != nil || a.app.Companion != application.AskCompanion && a.app.Companion != mode {
		return nil
	}
	class := recipe.Subdomain
	if other.Apex {
		class = recipe.Apex
	}
	if !slices.Contains(a.recipe.Hosts, class) {
		return nil
	}
	return &CompanionOffer{other.ASCII, mode, a.app.Companion == mode}
}
