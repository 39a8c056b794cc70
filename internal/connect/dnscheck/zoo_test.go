package dnscheck

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/caa"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/lab/zoo"
)

// TestZoo shows the engine the shapes that zones have in the wild.
func TestZoo(t *testing.T) {
	t.Parallel()
	catalogue, err := provider.Load(provider.LabRows)
	if err != nil {
		t.Fatal(err)
	}
	shapes := zoo.Shapes()
	if len(shapes) < 80 {
		t.Errorf("%d shapes", len(shapes))
	}
	names := map[string]bool{}
	for _, s := range shapes {
		if names[s.Name] {
			t.Errorf("two shapes are called %s", s.Name)
		}
		names[s.Name] = true
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s.Make(w.World)
			e := w.engine()
			e.Catalogue = catalogue
			e.CAs = func() []caa.CA { return []caa.CA{mainCA, secondCA} }
			a, err := e.Analyze(t.Context(), question(s.Ask))
			if err != nil {
				t.Fatal(err)
			}
			got := codes(a)
			for _, r := range a.Records {
				got = append(got, r.Key+":"+r.Status)
			}
			slices.Sort(got)
			want := strings.Fields(s.Says)
			slices.Sort(want)
			if !slices.Equal(want, got) || string(a.Verdict) != s.Verdict {
				t.Errorf("verdict %s, want %s\n got %v\nwant %v", a.Verdict, s.Verdict, got, want)
			}
			if zone := zoneOf(a); zone != s.Zone {
				t.Errorf("zone %q, want %q", zone, s.Zone)
			}
			if slug := providerOf(a); slug != s.Provider {
				t.Errorf("provider %q, want %q", slug, s.Provider)
			}
			if a.Questions > s.Questions {
				t.Errorf("%d questions, at most %d", a.Questions, s.Questions)
			}
			for fact := range strings.SplitSeq(s.Facts, "; ") {
				if what, value, ok := strings.Cut(fact, "="); ok && !has(a, what, value) {
					t.Errorf("%s is not %q: %+v", what, value, a)
				}
			}
			for _, f := range a.Findings {
				if len(f.Evidence) == 0 && !slices.Contains([]string{finding.CouldNotAsk, finding.AnalysisIncomplete, finding.NameTooLongForCommonName}, f.Code) {
					t.Errorf("%s rests on nothing", f.Code)
				}
				spec, _ := finding.Lookup(f.Code)
				for name := range f.Params {
					if !slices.Contains(spec.Names(), name) {
						t.Errorf("%s has a detail %s that its sentence does not know (%s)", f.Code, name, spec.Params)
					}
				}
			}
		})
	}
}

func providerOf(a analysis.Answer) string {
	if a.Provider.Provider == nil || a.Provider.Mixed {
		return ""
	}
	return a.Provider.Provider.Slug
}

// has says that a fact of a shape is true.
func has(a analysis.Answer, what, value string) bool {
	area, detail, _ := strings.Cut(what, ".")
	switch area {
	case "registered":
		return fmt.Sprint(a.Registered) == value
	case "flattened":
		return fmt.Sprint(a.Apex.Flattened) == value
	case "dnssec":
		return string(a.Dnssec) == value && (a.Zone == nil || string(a.Zone.Dnssec) == value)
	case "servers":
		return fmt.Sprint(len(a.Zone.NameServers)) == value
	case "server":
		return slices.ContainsFunc(a.Zone.NameServers, func(s analysis.NameServer) bool { return s.Name == detail && string(s.Verdict) == value })
	case "probes":
		words := []string{}
		for _, p := range a.Probes {
			words = append(words, string(p.Result))
		}
		return strings.Join(words, " ") == value
	case "have":
		return fmt.Sprintf("%d/%d", a.Records[0].Have, a.Records[0].Of) == value
	case "ownership":
		words := []string{}
		for word, proven := range map[string]bool{"target": a.Ownership.Target, "txt": a.Ownership.TXT} {
			if proven {
				words = append(words, word)
			}
		}
		slices.Sort(words)
		return strings.Join(words, " ") == value
	case "caa":
		if a.Caa == nil {
			return false
		}
		if detail == "allowed" {
			return strings.Join(a.Caa.Allowed, " ") == value
		}
		return a.Caa.RelevantName == nil && value == "" || a.Caa.RelevantName != nil && *a.Caa.RelevantName == value
	}
	return slices.ContainsFunc(a.Findings, func(f finding.Finding) bool {
		return f.Code == area && (detail == "severity" && string(f.Severity) == value || fmt.Sprint(f.Params[detail]) == value)
	})
}
