package provider

import (
	"encoding/json"
	"net/http"

	"github.com/miekg/dns"
)

// DomainConnect is the provider's service of Domain Connect (draft-ietf-dconn-domainconnect-01), as far as it tells what it offers: 404 for zones that are
// elsewhere. base is its own address, with its path.
func (p *Provider) DomainConnect(base string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/{domain}/settings", func(w http.ResponseWriter, r *http.Request) {
		domain := r.PathValue("domain")
		if p.Zone(dns.Fqdn(domain)) == nil {
			answerError(w, http.StatusNotFound, "domain", "is not at this provider")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"providerId": p.Name + ".lab", "providerName": p.Title, "providerDisplayName": p.Title,
			"urlSyncUX": base + "/sync", "urlAPI": base, "width": 750, "height": 750, "urlControlPanel": base, "nameServers": p.NameServers(),
		})
	})
	return mux
}
