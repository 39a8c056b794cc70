package safehttp

import (
	"fmt"
	"net/netip"
)

// notPublic are the IPv4 blocks that do not lead to somebody else's server: the special-purpose registry (RFC 6890
// and its updates), multicast, and the one public address that a cloud answers with its own control plane.
var notPublic = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by carriers (RFC 6598)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's control plane"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "protocol assignments"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relays"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},

	// Inside 2000::/3, the only IPv6 space that is handed out to networks; everything outside is refused as a whole.
	{netip.MustParsePrefix("2001::/32"), "Teredo"},
	{netip.MustParsePrefix("2001::/23"), "protocol assignments"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
}

var globalUnicast = netip.MustParsePrefix("2000::/3")

// PublicAddr is nil for an address of the public internet, and else an *Error with reason url_private_address.
// IPv4 addresses wrapped in IPv6 (mapped, NAT64, 6to4, Teredo, ISATAP) are never public, whatever they wrap.
func PublicAddr(a netip.Addr) error {
	if what := special(a); what != "" {
		return &Error{Reason: PrivateAddress, Detail: fmt.Sprintf("%s is not a public address (%s)", a, what)}
	}
	return nil
}

func special(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "no address"
	case a.Zone() != "":
		return "bound to an interface"
	case a.Is4In6():
		return "IPv4 inside IPv6"
	case a.IsLoopback():
		return "loopback"
	case a.IsMulticast():
		return "multicast"
	case a.IsLinkLocalUnicast():
		return "link-local"
	case a.IsPrivate():
		return "private"
	}
	for _, block := range notPublic {
		if block.prefix.Contains(a) {
			return block.what
		}
	}
	if a.Is6() {
		if !globalUnicast.Contains(a) {
			return "not global unicast"
		}
		if b := a.As16(); b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe {
			return "ISATAP"
		}
	}
	return ""
}
