package dnssec

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// IANA are the root's keys (https://data.iana.org/root-anchors/root-anchors.xml): of 2017, and its successor of 2024.
var IANA = []*dns.DS{
	anchor(20326, dns.RSASHA256, dns.SHA256, "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"),
	anchor(38696, dns.RSASHA256, dns.SHA256, "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"),
}

func anchor(tag uint16, algorithm, kind uint8, digest string) *dns.DS {
	return &dns.DS{
		Hdr:    dns.RR_Header{Name: ".", Rrtype: dns.TypeDS, Class: dns.ClassINET},
		KeyTag: tag, Algorithm: algorithm, DigestType: kind, Digest: strings.ToLower(digest),
	}
}

// maxAnchor is longer than any anchor: SHA-384 has 96 digits.
const maxAnchor = 160

var lengths = map[uint8]int{dns.SHA1: 20, dns.SHA256: 32, dns.SHA384: 48}

// ParseAnchor reads a key of the root as the data of its DS record: key tag, algorithm, digest type and digest, as in
// "20326 8 2 E06D44B8…". What nobody could check by it is refused, since validation would end there without a word.
func ParseAnchor(s string) (*dns.DS, error) {
	if len(s) > maxAnchor {
		return nil, fmt.Errorf("%d characters are too many for a DS record", len(s))
	}
	f := strings.Fields(s)
	if len(f) < 4 {
		return nil, errors.New("a DS record is a key tag, an algorithm, a digest type and a digest")
	}
	tag, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%q is no key tag", f[0])
	}
	algorithm, err := strconv.ParseUint(f[1], 10, 8)
	if err != nil || !knownAlgorithm(uint8(algorithm)) {
		return nil, fmt.Errorf("%q is no algorithm that is verified here", f[1])
	}
	kind, err := strconv.ParseUint(f[2], 10, 8)
	if err != nil || !knownDigest(uint8(kind)) {
		return nil, fmt.Errorf("%q is no digest type that is verified here", f[2])
	}
	digest := strings.Join(f[3:], "")
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != lengths[uint8(kind)] {
		return nil, fmt.Errorf("a digest of type %d has %d hexadecimal digits", kind, 2*lengths[uint8(kind)])
	}
	return anchor(uint16(tag), uint8(algorithm), uint8(kind), digest), nil
}
