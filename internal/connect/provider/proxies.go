package provider

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"
)

// proxies holds what providers publish about the addresses that their proxies ask origins from.
//
//go:embed proxies.json
var proxies []byte

var proxyRanges = sync.OnceValue(func() map[string][]netip.Prefix {
	var rows map[string]struct {
		Source, ReadAt string
		Ranges         []netip.Prefix
	}
	if err := json.Unmarshal(proxies, &rows); err != nil {
		panic(fmt.Errorf("read proxies.json: %w", err))
	}
	out := map[string][]netip.Prefix{}
	for slug, row := range rows {
		out[slug] = row.Ranges
	}
	return out
})

// ProxyRanges are the networks that a provider's proxies come from, nil where it publishes none. The edge believes what such a peer says about the visitor's
// scheme, and nothing else (RU-30).
func ProxyRanges(slug string) []netip.Prefix { return proxyRanges()[slug] }
