package mailpolicy

import (
	"slices"
	"strings"
)

// Cost is how many questions a record makes everybody ask who receives mail.
type Cost struct {
	Lookups int  // at most 10 are followed
	Void    int  // of them, without an answer; at most 2 are forgiven
	Unknown bool // some could not be asked for, so that there may be more
	Loop    bool // a record includes itself
}

// Ask answers what a name has of a type: TXT, A or MX. False: it could not be asked.
type Ask func(name, typ string) (values []string, ok bool)

// stop is where counting ends: it is far beyond the limit, and whoever writes records must not make us ask for ever.
const stop = 2 * MaxLookups

// Measure counts the questions of a record, through all that it includes.
func Measure(domain string, record []Term, ask Ask) Cost {
	m := measure{ask: ask}
	m.follow(domain, record, []string{strings.ToLower(domain)})
	return m.cost
}

type measure struct {
	ask  Ask
	cost Cost
}

func (m *measure) follow(domain string, record []Term, path []string) {
	ends := slices.ContainsFunc(record, func(t Term) bool { return t.Name == "all" })
	for _, t := range record {
		if m.cost.Lookups >= stop {
			return
		}
		target := t.target()
		if target == "" {
			target = domain
		}
		target = strings.ToLower(strings.TrimSuffix(target, "."))
		switch t.Name {
		case "include":
			m.include(target, path)
		case "redirect":
			if !ends {
				m.include(target, path) // else it is ignored (RFC 7208 section 6.1)
			}
		case "a", "exists":
			m.count(target, "A")
		case "mx":
			m.count(target, "MX")
		case "ptr":
			m.cost.Lookups++
		}
	}
}

// count spends one lookup. A name with a macro depends on the mail, and has to be believed.
func (m *measure) count(name, typ string) []string {
	m.cost.Lookups++
	if strings.Contains(name, "%") {
		return nil
	}
	values, ok := m.ask(name, typ)
	switch {
	case !ok:
		m.cost.Unknown = true
	case len(values) == 0:
		m.cost.Void++
	}
	return values
}

func (m *measure) include(name string, path []string) {
	if slices.Contains(path, name) {
		m.cost.Lookups++
		m.cost.Loop = true
		return
	}
	list := Records(m.count(name, "TXT"))
	if len(list) != 1 {
		return
	}
	if terms, err := ParseSPF(list[0]); err == nil {
		m.follow(name, terms, append(slices.Clone(path), name))
	}
}
