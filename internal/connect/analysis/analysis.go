// Package analysis holds the words in which the DNS engine is asked and answers. Types only: every package of the district may import it.
//
// A Question says what should stand in the DNS of a name and how deep to look; an Answer says what stands there, who said so, and what that
// means. Statements point at the observations that prove them.
package analysis

import (
	"net/netip"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Depth says how much of an analysis is wanted.
type Depth int

const (
	Full  Depth = iota // walk, discovery, every authoritative server for what decides, resolvers when allowed, probe
	Light              // one question for each Expected (those that are missing) to every server of Zone (somebody is looking). A record is OK, FLATTENED, PARTIAL, UNVERIFIABLE or else PENDING; news is also a changed Seen
	Watch              // a live connection: the deciding RRsets and the probe, no discovery
)

// Question is one request to the engine.
type Question struct {
	Hostname     string // lower-case A-label without trailing dot; wildcard: without "*."
	Wildcard     bool
	Apex         bool
	Registrable  string   // from the public suffix list: wording and doubled names, never zone cuts
	Target       string   // the connection's own target, "" before there is a connection
	Targets      []string // names of our edge zone that belong to other connections look like *.<EdgeZone>
	EdgeZone     string
	Expected     []Expected
	Verification string // value of the ownership TXT, "" when none is asked for
	Depth        Depth
	Interactive  bool        // a person waits: budget 3 s instead of 10 s
	Eager        bool        // asks at once what may be wanted later: a few questions more, a few ways to far servers less
	First        bool        // nothing is known of the name yet: goes before what is looked at again
	Zone         *ZoneView   // what was found last: Light needs it, and a full pass looks for records at servers that answered then
	Modes        []string    // ACME challenge types we may use: "http-01", "tls-alpn-01"
	Probe        ProbeWanted // which probes
	AskResolvers bool        // ask recursive resolvers for the ETA once the authorities have the record (DN-1)
	Progress     func(Step)  // called as rows of the analysis are answered; may be nil
}

// ProbeWanted says which HTTP probes an analysis makes. They are made once the routing record stands, or anyway: the name has led to us before.
type ProbeWanted struct{ HTTP, HTTPS, Anyway bool }

// Step is one row of a running analysis: delegation, provider, records, certificate, method.
type Step struct {
	Key    string // "delegation" "provider" "records" "certificate" "method"
	State  string // WAITING RUNNING DONE WARNING FAILED
	Text   string // finding or progress code
	Params map[string]any
}

// Expected is one record that should stand in the zone.
type Expected struct {
	Key         string // the record's key in its recipe
	Type        string // CNAME A AAAA TXT ALIAS CAA MX NS
	FQDN        string // lower case, no trailing dot
	Value       string // canonical
	Purpose     string // ROUTING OWNERSHIP …
	Requirement string // REQUIRED ONE_OF RECOMMENDED OPTIONAL REMOVE
	Group       string
}

// CheckVerdict is what an analysis comes to.
type CheckVerdict string

const (
	Absent      CheckVerdict = "ABSENT"
	Partial     CheckVerdict = "PARTIAL"
	Conflicting CheckVerdict = "CONFLICTING"
	Correct     CheckVerdict = "CORRECT"
	CouldNotAsk CheckVerdict = "COULD_NOT_ASK"
)

// CheckTrigger is why an analysis ran.
type CheckTrigger string

const (
	TriggerCreate   CheckTrigger = "CREATE"
	TriggerWatch    CheckTrigger = "WATCH"
	TriggerSchedule CheckTrigger = "SCHEDULE"
	TriggerManual   CheckTrigger = "MANUAL"
	TriggerWebhook  CheckTrigger = "WEBHOOK"
	TriggerPreIssue CheckTrigger = "PRE_ISSUE"
	TriggerPreRenew CheckTrigger = "PRE_RENEW"
)

// Answer is what an analysis found.
type Answer struct {
	Hostname              string
	Verdict               CheckVerdict
	Registered            bool
	Zone                  *ZoneView
	Provider              provider.ProviderMatch
	Records               []RecordResult // one for each Expected, same order
	Ownership             Ownership
	Conflicts             []ConflictSeen
	Findings              []finding.Finding
	Resolvers             []ResolverView
	Caa                   *CaaView
	Dnssec                DnssecState
	Probes                []ProbeResult
	Eta                   *Eta
	Apex                  ApexView
	Existing              []RRset // what stands at the name now, for the diff: every type that was asked for
	Observations          []Observation
	Questions             int
	Errors                int // questions that nobody answered
	StartedAt, FinishedAt time.Time
}

// Duration is how long the analysis took.
func (a *Answer) Duration() time.Duration { return a.FinishedAt.Sub(a.StartedAt) }

// Ownership says which proof of ownership was seen, on all responsive servers.
type Ownership struct {
	Target bool // the host's CNAME is exactly this connection's target
	TXT    bool // the verification TXT stands

	Delegated bool // the zone above delegates the name to this connection's name servers
}

// RRset is what one name has of one type.
type RRset struct {
	Name   string
	Type   string
	Values []string
	TTL    int32
}

// RecordResult is what was seen of one expected record. Status is one of record.RecordStatus' words.
type RecordResult struct {
	Key      string
	Status   string
	Have, Of int32 // name servers that have it, of those that answered; of all when fewer than half of them did
	Observed []ServerRRset
	Seen     []string // values of its own type over all servers, sorted: the same at every depth, so that passes can be compared
	Type     string   // what to type: the merged SPF record in place of its part; "" where it is the expected record itself
	Value    string
	Finding  *finding.Finding // what is wrong or missing, or how it was recognised; nil when the record simply stands
}

// ServerRRset is what one server answers for a record's name and type.
type ServerRRset struct {
	Server        string // name (address)
	Values        []string
	TTL           *int32
	Rcode         string
	Authoritative bool
	At            time.Time
}

// ConflictSeen is something in the way of an expected record. Kind is a finding code.
type ConflictSeen struct {
	Kind     string
	Severity finding.FindingSeverity
	Name     string
	Type     string
	Existing []string
	Desired  *string
	Choices  []string // REPLACE DELETE MERGE KEEP
}

// ZoneView is the zone that answers for the name.
type ZoneView struct {
	Apex        string
	Chain       []string // "." "lab" "acme.lab"
	NameServers []NameServer
	Serials     []int64
	Dnssec      DnssecState
}

// NameServer is one address of one name server of the zone.
type NameServer struct {
	Name      string
	Address   string
	Verdict   ServerVerdict
	ElapsedMs float64
	Serial    *int64
}

type ServerVerdict string

const (
	ServerOK       ServerVerdict = "OK"
	ServerTimeout  ServerVerdict = "TIMEOUT"
	ServerRefused  ServerVerdict = "REFUSED"
	ServerServfail ServerVerdict = "SERVFAIL"
	ServerLame     ServerVerdict = "LAME"
	ServerSlow     ServerVerdict = "SLOW"
)

type DnssecState string

const (
	DnssecUnsigned        DnssecState = "UNSIGNED"
	DnssecSignedOK        DnssecState = "SIGNED_OK"
	DnssecDSWithoutDNSKEY DnssecState = "DS_WITHOUT_DNSKEY"
	DnssecDSMismatch      DnssecState = "DS_MISMATCH"           // or another signature that does not fit
	DnssecExpired         DnssecState = "RRSIG_EXPIRED"         // or not valid yet
	DnssecExpiring        DnssecState = "RRSIG_EXPIRING"        // within two days
	DnssecUnsupported     DnssecState = "UNSUPPORTED_ALGORITHM" // validators take the zone as unsigned
	DnssecMissingNSEC     DnssecState = "MISSING_NSEC"
	DnssecUnknown         DnssecState = "UNKNOWN"
)

// ApexView says whether the zone's provider flattens at the apex.
type ApexView struct{ Flattened bool }

// ResolverView is what one recursive resolver answers for the routing name.
type ResolverView struct {
	Name   string
	Region *string
	Values []string
	TTL    *int32
	Rcode  string
}

// Eta is when the rest of the world will see the records.
type Eta struct {
	Seconds     int32
	Until       time.Time
	PerResolver []ResolverEta
}

type ResolverEta struct {
	Resolver string
	Region   *string
	Seconds  int32
	Reason   EtaReason
}

type EtaReason string

const (
	OldAnswer      EtaReason = "OLD_ANSWER"
	NegativeAnswer EtaReason = "NEGATIVE_ANSWER"
	UpToDate       EtaReason = "UP_TO_DATE"
	NotAsked       EtaReason = "NOT_ASKED"
)

// Ratio is k of n.
type Ratio struct{ Have, Of int32 }

// CaaView is the relevant CAA set (RFC 8659) and what it means for our CAs.
type CaaView struct {
	RelevantName *string
	Set          []string
	Allowed      []string // our CAs' identities
	Refused      []string
	Methods      []string // that some CA of ours may use
	AccountOk    bool
	CAs          []CaaVerdict // in the order of preference
}

// Lets says whether some CA of ours may issue with a challenge type. Without a view nothing forbids it.
func (v *CaaView) Lets(method string) bool {
	return v == nil || len(v.CAs) == 0 || slices.ContainsFunc(v.CAs, func(c CaaVerdict) bool { return c.Allowed && slices.Contains(c.Methods, method) })
}

// CaaVerdict says whether one of our CAs may issue, with which ACME challenge types, and else which finding code says why not.
type CaaVerdict struct {
	CA      string
	Allowed bool
	Methods []string
	Reason  string
}

// ProbeResult is one question to one address of the name: is our edge there?
type ProbeResult struct {
	Address   string
	Family    int32
	Port      int32
	Over      ProbeWay // "" in checks of before it was noted
	Result    ProbeOutcome
	Detail    *string
	ElapsedMs float64
}

// ProbeWay is how a probe asks.
type ProbeWay string

const (
	OverHTTP  ProbeWay = "HTTP"
	OverHTTPS ProbeWay = "HTTPS"
	OverTLS   ProbeWay = "TLS" // a handshake alone, which needs no certificate: asked where nobody answers over HTTP
)

// Closed says that nobody answers: what a firewall in front of an edge looks like.
func (p ProbeResult) Closed() bool { return p.Result == ProbeTimeout || p.Result == ProbeRefused }

// Reached says that the probe arrived at an edge of ours. A proxy that hands it through has answered.
func (p ProbeResult) Reached() bool {
	return p.Result == ProbeOK || p.Result == ProbeViaProxy || p.Result == ProbeLoopRisk
}

// TLSAlone says that a CA reaches us over TLS alone: at every address our edge answers there, and somewhere nobody answers over HTTP.
func TLSAlone(all []ProbeResult) bool {
	closed, tls := false, false
	for _, p := range all {
		switch {
		case p.Over == OverTLS && !p.Reached(), p.Over != OverTLS && !p.Reached() && !p.Closed():
			return false
		case p.Over == OverTLS:
			tls = true
		case !p.Reached():
			closed = true
		}
	}
	return closed && tls
}

type ProbeOutcome string

const (
	ProbeOK          ProbeOutcome = "OK"
	ProbeOtherServer ProbeOutcome = "OTHER_SERVER"
	ProbeRedirect    ProbeOutcome = "REDIRECT_ELSEWHERE"
	ProbeTimeout     ProbeOutcome = "TIMEOUT"
	ProbeTLSError    ProbeOutcome = "TLS_ERROR"
	ProbeViaProxy    ProbeOutcome = "VIA_PROXY"
	ProbeLoopRisk    ProbeOutcome = "LOOP_RISK"
	ProbeRefused     ProbeOutcome = "REFUSED"
)

// Observation is one answer of one server: the evidence.
type Observation struct {
	ID            ident.ObservationID
	At            time.Time
	SourceKind    SourceKind
	Source        string
	Family        int32
	Type          string
	Name          string
	Values        []string
	TTL           *int32
	Rcode         string
	Authoritative bool
	Authenticated bool
	ElapsedUs     int32
	Error         *string
}

type SourceKind string

const (
	Authoritative SourceKind = "AUTHORITATIVE"
	Resolver      SourceKind = "RESOLVER"
	Probe         SourceKind = "PROBE"
)

// Edge is what the engine must know of our own edge to judge addresses.
type Edge struct {
	V4, V6 []netip.Addr
}
