package finding

import "slices"

// Takes is how long something takes to go away, once whoever can act has acted.
type Takes string

const (
	Moments  Takes = "MOMENTS"   // seen as soon as it is done
	Minutes  Takes = "MINUTES"   // a change at the DNS provider, on its way to the provider's servers
	Hours    Takes = "HOURS"     // a change above the zone, or a time to live that has to end
	Days     Takes = "DAYS"      // somebody else has to act first, such as a registrar
	ByItself Takes = "BY_ITSELF" // nobody has to do anything
)

// takes holds what the rule below does not say.
var takes = map[Takes][]string{
	Hours: {
		LameDelegation, NoNSAddress, ParentChildNSMismatch, DelegationLoop, MixedDNS, ParkedDomain, TTLHigh, NSUnreachable, AllNSUnreachable, NSFailing, CAALookupFailure,
		DNSSECBogus, DNSSECExpired, DNSSECExpiring, DNSSECAlgorithm, DNSSECDenialMissing,
	},
	Days:     {NotRegistered, HeldElsewhere, ClaimContested, TransferRefused},
	Moments:  {Proxied, RedirectService, RedirectElsewhere, RedirectLoopRisk, OtherServer, HTTPUnreachable, HTTPClosed, HTTPSUnreachable, IPv6Unreachable},
	ByItself: {RecordPartial, SerialMismatch, NSSlow, RecordFlattened, Subzone},
}

// Takes says how long it takes until a finding of this kind is gone. What we have to mend goes by itself; records take minutes; all else is seen
// at once.
func (s Spec) Takes() Takes {
	for t, codes := range takes {
		if slices.Contains(codes, s.Code) {
			return t
		}
	}
	switch {
	case s.Who[0] == Operator:
		return ByItself
	case s.Who[0] == Customer && s.Facet != Setup && s.Facet != Edge && s.Code != HostnameTypo && s.Code != HostnameConfusable:
		return Minutes
	}
	return Moments
}
