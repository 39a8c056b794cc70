package terminal

import (
	"encoding/json"
	"io"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// document is the report for scripts. Fields are added, never renamed.
type document struct {
	Hostname     string                 `json:"hostname"`
	Verdict      analysis.CheckVerdict  `json:"verdict"`
	Registered   bool                   `json:"registered"`
	Zone         *zoneDocument          `json:"zone"`
	Provider     *providerDocument      `json:"provider"`
	Dnssec       analysis.DnssecState   `json:"dnssec"`
	Caa          *caaDocument           `json:"caa"`
	Records      []recordDocument       `json:"records"`
	Existing     []rrsetDocument        `json:"existing"`
	Findings     []findingDocument      `json:"findings"`
	Resolvers    []resolverDocument     `json:"resolvers"`
	VisibleAt    *time.Time             `json:"visibleAt"` // when the last resolver asked will have it; null when it is not known
	Questions    int                    `json:"questions"`
	Unanswered   int                    `json:"unanswered"`
	DurationMs   int64                  `json:"durationMs"`
	Observations []observationsDocument `json:"observations,omitempty"` // with trace
}

type zoneDocument struct {
	Apex        string           `json:"apex"`
	Chain       []string         `json:"chain"`
	NameServers []serverDocument `json:"nameServers"`
}

type serverDocument struct {
	Name      string                 `json:"name"`
	Address   string                 `json:"address"`
	Verdict   analysis.ServerVerdict `json:"verdict"`
	ElapsedMs float64                `json:"elapsedMs"`
	Serial    *int64                 `json:"serial"`
}

type providerDocument struct {
	Slug       string  `json:"slug"`
	Name       string  `json:"name"`
	Confidence float64 `json:"confidence"`
	ConsoleURL *string `json:"consoleUrl"`
}

type caaDocument struct {
	At      *string  `json:"at"`
	Set     []string `json:"set"`
	Allowed []string `json:"allowed"`
	Refused []string `json:"refused"`
}

type recordDocument struct {
	Type     string   `json:"type"`
	Name     string   `json:"name"`
	Expected string   `json:"expected"`
	Status   string   `json:"status"`
	Seen     []string `json:"seen"`
	Have     int32    `json:"have"`
	Of       int32    `json:"of"`
}

type rrsetDocument struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	TTL    int32    `json:"ttl"`
	Values []string `json:"values"`
}

type findingDocument struct {
	Code     string                  `json:"code"`
	Severity finding.FindingSeverity `json:"severity"`
	Who      finding.Who             `json:"who"`
	Title    string                  `json:"title"`
	Body     string                  `json:"body"`
	Steps    []string                `json:"steps"`
	Params   map[string]any          `json:"params"`
	Evidence []ident.ObservationID   `json:"evidence"`
}

type resolverDocument struct {
	Name    string             `json:"name"`
	Reason  analysis.EtaReason `json:"reason"`
	Seconds int32              `json:"seconds"`
}

type observationsDocument struct {
	ID        ident.ObservationID `json:"id"`
	Source    string              `json:"source"`
	Type      string              `json:"type"`
	Name      string              `json:"name"`
	Rcode     string              `json:"rcode"`
	Values    []string            `json:"values"`
	Authority bool                `json:"authoritative"`
	ElapsedMs float64             `json:"elapsedMs"`
	Error     *string             `json:"error"`
}

// WriteJSON writes the report as one JSON object on one line.
func WriteJSON(w io.Writer, r Report, trace bool) error {
	a := r.Answer
	d := document{
		Hostname: a.Hostname, Verdict: a.Verdict, Registered: a.Registered, Dnssec: a.Dnssec, Records: []recordDocument{}, Existing: []rrsetDocument{},
		Findings: []findingDocument{}, Resolvers: []resolverDocument{}, Questions: a.Questions, Unanswered: a.Errors, DurationMs: a.Duration().Milliseconds(),
	}
	if a.Zone != nil {
		d.Zone = &zoneDocument{a.Zone.Apex, a.Zone.Chain, []serverDocument{}}
		for _, s := range a.Zone.NameServers {
			d.Zone.NameServers = append(d.Zone.NameServers, serverDocument(s))
		}
	}
	if p := a.Provider.Provider; p != nil {
		d.Provider = &providerDocument{p.Slug, p.Name, a.Provider.Confidence, p.ConsoleURL(a.Zone.Apex)}
	}
	if c := a.Caa; c != nil {
		d.Caa = &caaDocument{c.RelevantName, c.Set, c.Allowed, c.Refused}
	}
	for i, x := range r.Question.Expected {
		res := a.Records[i]
		d.Records = append(d.Records, recordDocument{x.Type, x.FQDN, x.Value, res.Status, res.Seen, res.Have, res.Of})
	}
	for _, s := range a.Existing {
		d.Existing = append(d.Existing, rrsetDocument{s.Name, s.Type, s.TTL, s.Values})
	}
	for _, f := range a.Findings {
		e := f.Explain(r.Locale)
		d.Findings = append(d.Findings, findingDocument{f.Code, f.Severity, e.Who, e.Title, e.Body, e.Steps, f.Params, f.Evidence})
	}
	if a.Eta != nil {
		d.VisibleAt = &a.Eta.Until
		for _, e := range a.Eta.PerResolver {
			d.Resolvers = append(d.Resolvers, resolverDocument{e.Resolver, e.Reason, e.Seconds})
		}
	}
	if trace {
		for _, o := range a.Observations {
			d.Observations = append(d.Observations, observationsDocument{o.ID, o.Source, o.Type, o.Name, o.Rcode, o.Values, o.Authoritative, float64(o.ElapsedUs) / 1000, o.Error})
		}
	}
	return json.NewEncoder(w).Encode(d)
}
