package finding

import "strings"

// The codes. Added, never renamed.
const (
	HostnameEmpty        = "hostname_empty"
	HostnameTooLong      = "hostname_too_long"
	LabelTooLong         = "label_too_long"
	LabelEmpty           = "label_empty"
	HostnameCharacters   = "hostname_characters"
	HostnameIDNA         = "hostname_idna"
	HostnameUnderscore   = "hostname_underscore"
	HostnameIPAddress    = "hostname_ip_address"
	HostnameSingleLabel  = "hostname_single_label"
	HostnameReservedTLD  = "hostname_reserved_tld"
	HostnamePublicSuffix = "hostname_public_suffix"
	HostnameOwnZone      = "hostname_own_zone"
	WildcardPosition     = "wildcard_position"
	WildcardNotAllowed   = "wildcard_not_allowed"
	HostClassNotAllowed  = "host_class_not_allowed"
	HostnameTypo         = "hostname_typo"
	HostnameConfusable   = "hostname_confusable"

	NotRegistered           = "not_registered"
	ParkedDomain            = "parked_domain"
	LameDelegation          = "lame_delegation"
	NoNSAddress             = "no_ns_address"
	NSUnreachable           = "ns_unreachable"
	AllNSUnreachable        = "all_ns_unreachable"
	NSFailing               = "ns_failing"
	NSSlow                  = "ns_slow"
	ParentChildNSMismatch   = "parent_child_ns_mismatch"
	Subzone                 = "subzone"
	DelegationLoop          = "delegation_loop"
	SerialMismatch          = "serial_mismatch"
	MixedDNS                = "mixed_dns"
	WrongZone               = "wrong_zone"
	CouldNotAsk             = "could_not_ask"
	AnalysisIncomplete      = "analysis_incomplete"
	RecordAbsent            = "record_absent"
	RecordPartial           = "record_partial"
	WrongValue              = "wrong_value"
	WrongType               = "wrong_type"
	WrongNameDoubled        = "wrong_name_doubled"
	WrongNamePrefix         = "wrong_name_prefix"
	WrongNameWWW            = "wrong_name_www"
	ValueWithScheme         = "value_with_scheme"
	ValueQuoted             = "value_quoted"
	ValueTrailingText       = "value_trailing_text"
	TargetMissingDot        = "target_missing_dot"
	TargetAsAddress         = "target_as_address"
	TargetOfOtherConnection = "target_of_other_connection"
	CNAMEChain              = "cname_chain"
	ShadowedByWildcard      = "shadowed_by_wildcard"
	TTLHigh                 = "ttl_high"
	TTLZero                 = "ttl_zero"
	RecordFlattened         = "record_flattened"
	IllegalApexCNAME        = "illegal_apex_cname"
	CNAMECollision          = "cname_collision"
	MultipleCNAME           = "multiple_cname"
	ForeignAddress          = "foreign_address"
	StaleAAAA               = "stale_aaaa"
	MXLostIfCNAME           = "mx_lost_if_cname"
	NSBelow                 = "ns_below"
	HTTPSRRConflict         = "https_rr_conflict"
	Drifted                 = "drifted"

	SPFMissing     = "spf_missing"
	SPFMultiple    = "spf_multiple"
	SPFLookupLimit = "spf_lookup_limit"
	SPFVoidLookups = "spf_void_lookups"
	SPFSyntax      = "spf_syntax"
	DKIMMissing    = "dkim_missing"
	DKIMMismatch   = "dkim_mismatch"
	DMARCMissing   = "dmarc_missing"
	DMARCInvalid   = "dmarc_invalid"
	MXForeign      = "mx_foreign"

	ApexUnsupported    = "apex_unsupported"
	PropagationTimeout = "propagation_timeout"
	SetupIncomplete    = "setup_incomplete"
	PlanLimit          = "plan_limit"
	PolicyBlocked      = "policy_blocked"

	HeldElsewhere     = "held_elsewhere"
	OwnershipUnproven = "ownership_unproven"
	OwnershipTXTWrong = "ownership_txt_wrong"
	ClaimContested    = "claim_contested"
	TransferRefused   = "transfer_refused"

	RedirectService     = "redirect_service"
	Proxied             = "proxied"
	HTTPUnreachable     = "http_unreachable"
	HTTPClosed          = "http_closed"
	HTTPSUnreachable    = "https_unreachable"
	IPv6Unreachable     = "ipv6_unreachable"
	OtherServer         = "other_server"
	RedirectElsewhere   = "redirect_elsewhere"
	RedirectLoopRisk    = "redirect_loop_risk"
	ProbeTLSError       = "probe_tls_error"
	UpstreamMissing     = "upstream_missing"
	UpstreamUnreachable = "upstream_unreachable"
	UpstreamError       = "upstream_error"

	ACMEChallengeTXTAndCNAME = "acme_challenge_txt_and_cname"
	CAAForbidden             = "caa_forbidden"
	CAAWildcardForbidden     = "caa_wildcard_forbidden"
	CAALookupFailure         = "caa_lookup_failure"
	CAAAccountMismatch       = "caa_account_mismatch"
	CAAMethodMismatch        = "caa_method_mismatch"
	CAACriticalUnknown       = "caa_critical_unknown"
	DNSSECBogus              = "dnssec_bogus"
	DNSSECExpired            = "dnssec_signature_expired"
	DNSSECExpiring           = "dnssec_signature_expiring"
	DNSSECAlgorithm          = "dnssec_algorithm"
	DNSSECDenialMissing      = "dnssec_denial_missing"
	CARateLimited            = "ca_rate_limited"
	CAPaused                 = "ca_paused"
	CAUnavailable            = "ca_unavailable"
	CARejectedIdentifier     = "ca_rejected_identifier"
	ChallengeFailed          = "challenge_failed"
	BudgetExhausted          = "budget_exhausted"
	NameTooLongForCommonName = "name_too_long_for_common_name"
	RenewalAtRisk            = "renewal_at_risk"
	CertificateExpired       = "certificate_expired"
	CertificateExpiring      = "certificate_expiring"

	URLInvalid        = "url_invalid"
	URLNotHTTPS       = "url_not_https"
	URLPrivateAddress = "url_private_address"
	URLCredentials    = "url_credentials"
	URLPort           = "url_port"
	URLRedirect       = "url_redirect"
	TokenExpired      = "token_expired"
	TokenInvalid      = "token_invalid"
	TokenAudience     = "token_audience"
	OriginNotAllowed  = "origin_not_allowed"
	KeyInBrowser      = "key_in_browser"
	RateLimited       = "rate_limited"
	FreeTextRefused   = "free_text_refused"
	TopicUnknown      = "topic_unknown"
	TopicsCount       = "topics_count"
	Filter            = "filter"
	EndpointsMany     = "endpoints_many"
	EndpointDisabled  = "endpoint_disabled"
)

// Spec is one row of the table.
type Spec struct {
	Code       string
	Severity   FindingSeverity // the usual one
	Facet      Facet
	Who        []Who   // who can act, most likely first
	Params     string  // names of the details, separated by blanks
	Waivable   bool    // a person may decide to live with it
	Confidence float64 // how sure the statement is, 1 where it repeats what servers said
}

// Names of the details.
func (s Spec) Names() []string { return strings.Fields(s.Params) }

var specs = []Spec{
	{HostnameEmpty, Blocking, Setup, []Who{Customer}, "", false, 1},
	{HostnameTooLong, Blocking, Setup, []Who{Customer}, "length limit", false, 1},
	{LabelTooLong, Blocking, Setup, []Who{Customer}, "label length limit", false, 1},
	{LabelEmpty, Blocking, Setup, []Who{Customer}, "name", false, 1},
	{HostnameCharacters, Blocking, Setup, []Who{Customer}, "character", false, 1},
	{HostnameIDNA, Blocking, Setup, []Who{Customer}, "character", false, 1},
	{HostnameUnderscore, Blocking, Setup, []Who{Customer}, "name", false, 1},
	{HostnameIPAddress, Blocking, Setup, []Who{Customer}, "address", false, 1},
	{HostnameSingleLabel, Blocking, Setup, []Who{Customer}, "name", false, 1},
	{HostnameReservedTLD, Blocking, Setup, []Who{Customer}, "tld", false, 1},
	{HostnamePublicSuffix, Blocking, Setup, []Who{Customer}, "suffix", false, 1},
	{HostnameOwnZone, Blocking, Setup, []Who{Customer}, "zone", false, 1},
	{WildcardPosition, Blocking, Setup, []Who{Customer}, "name", false, 1},
	{WildcardNotAllowed, Blocking, Setup, []Who{Customer}, "name", false, 1},
	{HostClassNotAllowed, Blocking, Setup, []Who{Customer}, "name suggestion", false, 1},
	{HostnameTypo, Warning, DNS, []Who{Customer}, "name suggestion", false, 1},
	{HostnameConfusable, Warning, DNS, []Who{Customer}, "name ascii scripts", false, 1},

	{NotRegistered, Blocking, DNS, []Who{Customer}, "domain", false, 1},
	{ParkedDomain, Warning, DNS, []Who{Customer}, "domain service", false, 0.8},
	{LameDelegation, Blocking, DNS, []Who{Customer, Provider}, "zone servers rcode", false, 1},
	{NoNSAddress, Blocking, DNS, []Who{Provider}, "zone servers", false, 1},
	{NSUnreachable, Warning, DNS, []Who{Provider}, "k n servers", true, 1},
	{AllNSUnreachable, Blocking, DNS, []Who{Provider}, "zone servers", false, 1},
	{NSFailing, Warning, DNS, []Who{Provider}, "servers name types", false, 1},
	{NSSlow, Info, DNS, []Who{Provider}, "servers", false, 1},
	{ParentChildNSMismatch, Warning, DNS, []Who{Customer}, "zone parent child", true, 1},
	{Subzone, Info, DNS, []Who{Customer}, "zone name", false, 1},
	{DelegationLoop, Blocking, DNS, []Who{Provider}, "zone servers", false, 1},
	{SerialMismatch, Info, DNS, []Who{Provider}, "zone serials", false, 1},
	{MixedDNS, Warning, DNS, []Who{Customer}, "domain providers", false, 1},
	{WrongZone, Warning, DNS, []Who{Customer}, "name provider other", false, 0.7},
	{CouldNotAsk, Info, DNS, []Who{Operator}, "", false, 1},
	{AnalysisIncomplete, Info, DNS, []Who{Operator}, "at", false, 1},
	{RecordAbsent, Info, DNS, []Who{Customer}, "name type", false, 1},
	{RecordPartial, Info, DNS, []Who{Provider}, "name have of", false, 1},
	{WrongValue, Blocking, DNS, []Who{Customer}, "name type observed desired", false, 1},
	{WrongType, Blocking, DNS, []Who{Customer}, "name type desiredType desired", false, 1},
	{WrongNameDoubled, Blocking, DNS, []Who{Customer}, "observedName name host", false, 1},
	{WrongNamePrefix, Blocking, DNS, []Who{Customer}, "observedName name host", false, 1},
	{WrongNameWWW, Blocking, DNS, []Who{Customer}, "observedName name host", false, 1},
	{ValueWithScheme, Blocking, DNS, []Who{Customer}, "name observed desired", false, 1},
	{ValueQuoted, Blocking, DNS, []Who{Customer}, "name observed desired", false, 1},
	{ValueTrailingText, Blocking, DNS, []Who{Customer}, "name observed desired", false, 1},
	{TargetMissingDot, Blocking, DNS, []Who{Customer}, "name observed desired", false, 1},
	{TargetAsAddress, Blocking, DNS, []Who{Customer}, "name addresses desired", false, 1},
	{TargetOfOtherConnection, Blocking, DNS, []Who{Customer}, "name observed desired", false, 1},
	{CNAMEChain, Blocking, DNS, []Who{Customer}, "name chain", false, 1},
	{ShadowedByWildcard, Info, DNS, []Who{Customer}, "name wildcard", false, 1},
	{TTLHigh, Warning, DNS, []Who{Customer}, "name until", true, 1},
	{TTLZero, Info, DNS, []Who{Customer}, "name", false, 1},
	{RecordFlattened, Info, DNS, []Who{Customer}, "name", false, 1},
	{IllegalApexCNAME, Warning, DNS, []Who{Customer}, "name", false, 1},
	{CNAMECollision, Blocking, DNS, []Who{Customer}, "name types", false, 1},
	{MultipleCNAME, Blocking, DNS, []Who{Customer}, "name values", false, 1},
	{ForeignAddress, Blocking, DNS, []Who{Customer}, "name addresses", false, 1},
	{StaleAAAA, Blocking, DNS, []Who{Customer}, "name addresses", false, 1},
	{MXLostIfCNAME, Blocking, DNS, []Who{Customer}, "name suggestion", false, 1},
	{NSBelow, Blocking, DNS, []Who{Customer}, "name servers", false, 1},
	{HTTPSRRConflict, Warning, DNS, []Who{Customer}, "name observed", true, 1},
	{Drifted, Warning, DNS, []Who{Customer}, "name before now", false, 1},

	{SPFMissing, Warning, Email, []Who{Customer}, "name record", false, 1},
	{SPFMultiple, Blocking, Email, []Who{Customer}, "name values record", false, 1},
	{SPFLookupLimit, Blocking, Email, []Who{Customer}, "name count limit", false, 1},
	{SPFVoidLookups, Warning, Email, []Who{Customer}, "name count", false, 1},
	{SPFSyntax, Blocking, Email, []Who{Customer}, "name observed detail", false, 1},
	{DKIMMissing, Blocking, Email, []Who{Customer}, "name selector record", false, 1},
	{DKIMMismatch, Blocking, Email, []Who{Customer}, "name selector record", false, 1},
	{DMARCMissing, Warning, Email, []Who{Customer}, "name record", true, 1},
	{DMARCInvalid, Warning, Email, []Who{Customer}, "name observed detail", false, 1},
	{MXForeign, Warning, Email, []Who{Customer}, "name values desired", false, 1},

	{ApexUnsupported, Blocking, Setup, []Who{Customer}, "name provider options", false, 1},
	{PropagationTimeout, Blocking, Setup, []Who{Customer}, "name", false, 1},
	{SetupIncomplete, Blocking, Setup, []Who{Customer}, "name", false, 1},
	{PlanLimit, Blocking, Setup, []Who{Developer}, "used limit", false, 1},
	{PolicyBlocked, Blocking, Setup, []Who{Operator}, "", false, 1},

	{HeldElsewhere, Blocking, Ownership, []Who{Customer}, "name record", false, 1},
	{OwnershipUnproven, Blocking, Ownership, []Who{Customer}, "name record", false, 1},
	{OwnershipTXTWrong, Blocking, Ownership, []Who{Customer}, "name observed record", false, 1},
	{ClaimContested, Blocking, Ownership, []Who{Customer, Developer}, "name record until", false, 1},
	{TransferRefused, Blocking, Ownership, []Who{Customer}, "name", false, 1},

	{RedirectService, Warning, Edge, []Who{Customer}, "name location", true, 0.8},
	{Proxied, Warning, Edge, []Who{Customer}, "name provider", false, 0.9},
	{HTTPUnreachable, Blocking, Edge, []Who{Customer, Operator}, "name address", false, 1},
	{HTTPClosed, Warning, Edge, []Who{Customer, Operator}, "name", false, 1},
	{HTTPSUnreachable, Blocking, Edge, []Who{Customer, Operator}, "name address", false, 1},
	{IPv6Unreachable, Blocking, Edge, []Who{Customer, Operator}, "name address", false, 1},
	{OtherServer, Blocking, Edge, []Who{Customer}, "name address", false, 1},
	{RedirectElsewhere, Warning, Edge, []Who{Customer}, "name location", false, 1},
	{RedirectLoopRisk, Warning, Edge, []Who{Customer}, "name provider", false, 1},
	{ProbeTLSError, Blocking, Edge, []Who{Operator}, "name detail", false, 1},
	{UpstreamMissing, Warning, Edge, []Who{Developer}, "name", false, 1},
	{UpstreamUnreachable, Warning, Edge, []Who{Developer}, "name detail", true, 1},
	{UpstreamError, Warning, Edge, []Who{Developer}, "name status", false, 1},

	{ACMEChallengeTXTAndCNAME, Blocking, TLS, []Who{Customer}, "name", false, 1},
	{CAAForbidden, Blocking, TLS, []Who{Customer}, "name allowed record addAt", false, 1},
	{CAAWildcardForbidden, Blocking, TLS, []Who{Customer}, "name allowed record addAt", false, 1},
	{CAALookupFailure, Blocking, TLS, []Who{Provider}, "name rcode", false, 1},
	{CAAAccountMismatch, Blocking, TLS, []Who{Customer}, "name observed record addAt", false, 1},
	{CAAMethodMismatch, Blocking, TLS, []Who{Customer}, "name methods record addAt", false, 1},
	{CAACriticalUnknown, Blocking, TLS, []Who{Customer}, "name tag", false, 1},
	{DNSSECBogus, Blocking, TLS, []Who{Customer}, "zone", false, 1},
	{DNSSECExpired, Blocking, TLS, []Who{Provider}, "zone at", false, 1},
	{DNSSECExpiring, Warning, TLS, []Who{Provider}, "zone at", false, 1},
	{DNSSECAlgorithm, Warning, TLS, []Who{Provider}, "zone", false, 1},
	{DNSSECDenialMissing, Blocking, TLS, []Who{Provider}, "zone name", false, 1},
	{CARateLimited, Warning, TLS, []Who{Operator}, "ca until", false, 1},
	{CAPaused, Warning, TLS, []Who{Operator}, "ca name detail", false, 1},
	{CAUnavailable, Warning, TLS, []Who{Operator}, "ca", false, 1},
	{CARejectedIdentifier, Blocking, TLS, []Who{Operator}, "ca name detail", false, 1},
	{ChallengeFailed, Blocking, TLS, []Who{Customer, Operator}, "name ca caDetail", false, 1},
	{BudgetExhausted, Warning, TLS, []Who{Operator}, "name at", false, 1},
	{NameTooLongForCommonName, Info, TLS, []Who{Customer}, "name", false, 1},
	{RenewalAtRisk, Warning, TLS, []Who{Customer, Operator}, "name daysLeft", false, 1},
	{CertificateExpired, Blocking, TLS, []Who{Customer, Operator}, "name", false, 1},
	{CertificateExpiring, Warning, TLS, []Who{Developer}, "name daysLeft", false, 1},

	{URLInvalid, Blocking, Setup, []Who{Developer}, "detail", false, 1},
	{URLNotHTTPS, Blocking, Setup, []Who{Developer}, "", false, 1},
	{URLPrivateAddress, Blocking, Setup, []Who{Developer}, "detail", false, 1},
	{URLCredentials, Blocking, Setup, []Who{Developer}, "", false, 1},
	{URLPort, Blocking, Setup, []Who{Developer}, "detail", false, 1},
	{URLRedirect, Blocking, Setup, []Who{Developer}, "detail", false, 1},
	{TokenExpired, Blocking, Setup, []Who{Developer}, "", false, 1},
	{TokenInvalid, Blocking, Setup, []Who{Developer}, "", false, 1},
	{TokenAudience, Blocking, Setup, []Who{Developer}, "", false, 1},
	{OriginNotAllowed, Blocking, Setup, []Who{Developer}, "origin", false, 1},
	{KeyInBrowser, Blocking, Setup, []Who{Developer}, "", false, 1},
	{RateLimited, Warning, Setup, []Who{Customer}, "", false, 1},
	{FreeTextRefused, Blocking, Setup, []Who{Developer}, "", false, 1},
	{TopicUnknown, Blocking, Setup, []Who{Developer}, "", false, 1},
	{TopicsCount, Blocking, Setup, []Who{Developer}, "", false, 1},
	{Filter, Blocking, Setup, []Who{Developer}, "", false, 1},
	{EndpointsMany, Blocking, Setup, []Who{Developer}, "", false, 1},
	{EndpointDisabled, Blocking, Setup, []Who{Developer}, "", false, 1},
}

var byCode = func() map[string]Spec {
	m := make(map[string]Spec, len(specs))
	for _, s := range specs {
		m[s.Code] = s
	}
	return m
}()

// Lookup answers the row of a code.
func Lookup(code string) (Spec, bool) {
	s, ok := byCode[code]
	return s, ok
}

// Codes answers every row, in the order of the table.
func Codes() []Spec { return append([]Spec(nil), specs...) }
