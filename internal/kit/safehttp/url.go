package safehttp

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

const maxURL = 2048

// target is an address whose form is acceptable; where it leads is not known yet.
type target struct {
	host  string // ASCII name, or an address without brackets
	plain bool   // http, so loopback alone
}

func parse(raw string, o Options) (target, error) {
	if len(raw) > maxURL {
		return target{}, &Error{Reason: Invalid, Detail: fmt.Sprintf("longer than %d characters", maxURL)}
	}
	if raw != strings.TrimSpace(raw) {
		return target{}, &Error{Reason: Invalid, Detail: "white space around the address"}
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The text of url.Error repeats the address, which may hold a password.
		return target{}, &Error{Reason: Invalid, Detail: "not a web address"}
	}
	return check(u, o)
}

func check(u *url.URL, o Options) (target, error) {
	t := target{plain: strings.EqualFold(u.Scheme, "http")}
	switch {
	case u.Scheme == "" || u.Opaque != "":
		return t, &Error{Reason: Invalid, Detail: "not a web address with https:// in front"}
	case !strings.EqualFold(u.Scheme, "https") && !(t.plain && o.AllowLoopbackHTTP):
		return t, &Error{Reason: NotHTTPS, Detail: fmt.Sprintf("it begins with %.20s://", u.Scheme)}
	case u.User != nil:
		return t, &Error{Reason: Credentials, Detail: "a user name or password stands in the address"}
	case u.Hostname() == "":
		return t, &Error{Reason: Invalid, Detail: "no host name"}
	}
	if err := checkPort(u.Port(), strings.HasSuffix(u.Host, ":"), t.plain); err != nil {
		return t, err
	}
	host, err := asciiHost(u.Hostname())
	if err != nil {
		return t, err
	}
	t.host = host
	if addr, err := netip.ParseAddr(host); err == nil {
		return t, o.checkAddr(addr, t.plain)
	}
	if local := host == "localhost" || strings.HasSuffix(host, ".localhost"); local && !o.AllowLoopbackHTTP {
		return t, &Error{Reason: PrivateAddress, Detail: host + " is this machine"}
	}
	return t, nil
}

// checkPort keeps requests away from the well-known ports of other services.
func checkPort(port string, colon, plain bool) error {
	if port == "" {
		if colon {
			return &Error{Reason: Port, Detail: "no number after the colon"}
		}
		if plain {
			port = "80"
		} else {
			port = "443"
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n != 443 && n != 8443 && n < 1024 {
		return &Error{Reason: Port, Detail: fmt.Sprintf("port %.10s; allowed are 443, 8443 and 1024 to 65535", port)}
	}
	return nil
}

// asciiHost answers the name in ASCII. Everything that some library somewhere reads as an IPv4 address in another
// spelling (127.1, 2130706433, 0x7f.1, 0177.0.0.1, full-width digits) is refused, whatever it would mean.
func asciiHost(host string) (string, error) {
	if strings.HasPrefix(host, "[") || strings.Contains(host, ":") || strings.Contains(host, "%") {
		addr, err := netip.ParseAddr(host)
		if err != nil {
			return "", &Error{Reason: Invalid, Detail: "the host is no address"}
		}
		return addr.String(), nil
	}
	ascii := strings.ToLower(host)
	if strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }) {
		var err error
		if ascii, err = idna.Lookup.ToASCII(host); err != nil {
			return "", &Error{Reason: Invalid, Detail: "the host name is not valid"}
		}
		if _, err := netip.ParseAddr(ascii); err == nil {
			return "", &Error{Reason: PrivateAddress, Detail: "an address in unusual digits"}
		}
	}
	if addr, err := netip.ParseAddr(ascii); err == nil {
		return addr.String(), nil
	}
	name := strings.TrimSuffix(ascii, ".")
	if name == "" || len(name) > 253 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return "", &Error{Reason: Invalid, Detail: "the host name is not valid"}
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", &Error{Reason: Invalid, Detail: "the host name is not valid"}
		}
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	hex, isHex := strings.CutPrefix(last, "0x")
	if isHex && strings.Trim(hex, "0123456789abcdef") == "" || strings.Trim(last, "0123456789") == "" {
		return "", &Error{Reason: PrivateAddress, Detail: "an address in an unusual spelling"}
	}
	return name, nil
}
