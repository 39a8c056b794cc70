package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/nameplate-dev/nameplate/lab/authority"
)

// API is the provider's interface for programs, below a path of its own:
//
//	GET    /{zone}                 every record
//	GET    /{zone}/{name}/{type}   one set
//	PUT    /{zone}/{name}/{type}   replaces a set: {"ttl":60,"values":["…"]}
//	DELETE /{zone}/{name}/{type}   removes it, also when it is not there
//
// Names are relative, "@" is the apex; values are absolute, with or without the final dot.
func (p *Provider) API() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.apiZones)
	mux.HandleFunc("GET /{zone}", p.api(false, p.apiAll))
	mux.HandleFunc("GET /{zone}/{name}/{type}", p.api(false, p.apiGet))
	mux.HandleFunc("PUT /{zone}/{name}/{type}", p.api(true, p.apiPut))
	mux.HandleFunc("DELETE /{zone}/{name}/{type}", p.api(true, p.apiDelete))
	return mux
}

// maxBody bounds what a change may be.
const maxBody = 64 << 10

func (p *Provider) api(change bool, next func(http.ResponseWriter, *http.Request, *authority.Zone)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if status := p.refuse(change); status != 0 {
			answerError(w, status, "", "refused on request of the lab")
			return
		}
		z := p.Zone(r.PathValue("zone"))
		if z == nil {
			answerError(w, http.StatusNotFound, "zone", "is not at this provider")
			return
		}
		if change && strings.EqualFold(r.PathValue("type"), "NS") && isApex(r.PathValue("name"), z) {
			answerError(w, http.StatusUnprocessableEntity, "type", "the name servers of the zone are set at the registrar")
			return
		}
		next(w, r, z)
	}
}

func isApex(name string, z *authority.Zone) bool {
	owner, err := authority.Owner(z.Apex(), name)
	return err == nil && owner == z.Apex()
}

func (p *Provider) apiZones(w http.ResponseWriter, _ *http.Request) {
	names := []string{}
	for _, z := range p.Zones() {
		names = append(names, strings.TrimSuffix(z.Apex(), "."))
	}
	answer(w, http.StatusOK, map[string]any{"zones": names})
}

func (p *Provider) apiAll(w http.ResponseWriter, _ *http.Request, z *authority.Zone) {
	answer(w, http.StatusOK, map[string]any{"zone": strings.TrimSuffix(z.Apex(), "."), "serial": z.Serial(), "records": z.All()})
}

func (p *Provider) apiGet(w http.ResponseWriter, r *http.Request, z *authority.Zone) {
	set, ok := z.Find(r.PathValue("name"), r.PathValue("type"))
	if !ok {
		answerError(w, http.StatusNotFound, "name", "has no such record")
		return
	}
	answer(w, http.StatusOK, set)
}

func (p *Provider) apiPut(w http.ResponseWriter, r *http.Request, z *authority.Zone) {
	var in struct {
		TTL    *int64   `json:"ttl"`
		Values []string `json:"values"`
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		bodyError(w, err)
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		answerError(w, http.StatusBadRequest, "", "the body must hold one JSON object")
		return
	}
	ttl := int64(300)
	if in.TTL != nil {
		ttl = *in.TTL
	}
	if ttl < 0 || ttl > 604800 {
		answerError(w, http.StatusUnprocessableEntity, "ttl", "must be from 0 to 604800 seconds")
		return
	}
	set := authority.RRset{Name: r.PathValue("name"), Type: r.PathValue("type"), TTL: uint32(ttl), Values: in.Values}
	if err := z.Put(set); err != nil {
		inputError(w, err)
		return
	}
	p.apiGet(w, r, z)
}

func (p *Provider) apiDelete(w http.ResponseWriter, r *http.Request, z *authority.Zone) {
	if _, err := z.Remove(r.PathValue("name"), r.PathValue("type")); err != nil {
		inputError(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func bodyError(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		answerError(w, http.StatusRequestEntityTooLarge, "", fmt.Sprintf("the body is larger than %d octets", e.Limit))
		return
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		answerError(w, http.StatusUnprocessableEntity, e.Field, "must not be a "+e.Value)
		return
	}
	answerError(w, http.StatusBadRequest, "", `the body must read like {"ttl":60,"values":["…"]}`)
}

func inputError(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*authority.InputError](err); ok {
		answerError(w, http.StatusUnprocessableEntity, e.Field, e.Message)
		return
	}
	answerError(w, http.StatusInternalServerError, "", "the change was not made")
}

func answerError(w http.ResponseWriter, status int, field, message string) {
	body := map[string]any{"error": message}
	if field != "" {
		body["field"] = field
	}
	answer(w, status, body)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
