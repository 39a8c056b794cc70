package httpx

import (
	"net/http"
	"net/netip"
	"strings"
)

// ClientAddr is the address of whoever sent r. X-Forwarded-For is believed as far as it was written by the given
// proxies: from the right, the first address that is none of them. The zero Addr where nothing is known.
func ClientAddr(r *http.Request, proxies []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	if len(proxies) == 0 {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && within(addr, proxies); i-- {
		hop := strings.TrimSpace(hops[i])
		next, err := netip.ParseAddr(hop)
		if err != nil {
			withPort, err := netip.ParseAddrPort(hop) // some proxies write the port too
			if err != nil {
				break
			}
			next = withPort.Addr()
		}
		addr = next.Unmap().WithZone("")
	}
	return addr
}

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Network is what counts as one caller for limits: an IPv4 address, or the /64 of an IPv6 address, which one
// household or machine holds as a whole. Empty for the zero Addr.
func Network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return ""
	case a.Is4():
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
