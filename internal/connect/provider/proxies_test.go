package provider

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

// A row too wide would let strangers claim that they are a proxy: each is public, its first address as written, and no wider than a provider's own.
func TestProxyRanges(t *testing.T) {
	t.Parallel()
	catalogue, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	var rows map[string]struct{ Source, ReadAt string }
	if err := json.Unmarshal(proxies, &rows); err != nil {
		t.Fatal(err)
	}
	for slug, row := range rows {
		if catalogue.bySlug[slug] == nil || row.Source == "" || row.ReadAt == "" || len(ProxyRanges(slug)) == 0 {
			t.Errorf("%s: %+v", slug, row)
		}
		for _, p := range ProxyRanges(slug) {
			if p != p.Masked() || safehttp.PublicAddr(p.Addr()) != nil || p.Bits() < 13 {
				t.Errorf("%s: %s", slug, p)
			}
		}
	}
	holds := func(slug, addr string) bool {
		return slices.ContainsFunc(ProxyRanges(slug), func(p netip.Prefix) bool { return p.Contains(netip.MustParseAddr(addr)) })
	}
	if !holds("cloudflare", "104.16.132.229") || !holds("cloudflare", "2606:4700::6810:84e5") || holds("cloudflare", "8.8.8.8") || ProxyRanges("nobody") != nil {
		t.Error("the ranges of Cloudflare")
	}
}
