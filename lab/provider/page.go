package provider

import (
	"embed"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/lab/authority"
	"github.com/nameplate-dev/nameplate/lab/look"
)

//go:embed page.html
var pageFiles embed.FS

var pages = look.Templates(pageFiles, "page.html")

// Page is the provider's site for people, at the path /<name>/.
func (p *Provider) Page() http.Handler {
	mux := http.NewServeMux()
	at := "/" + p.Name + "/"
	mux.HandleFunc("GET "+at+"{$}", p.pageZones)
	mux.HandleFunc("GET "+at+"{zone}", p.pageZone)
	mux.HandleFunc("POST "+at+"{zone}", p.pageEdit)
	return mux
}

type view struct {
	P       *Provider
	Zones   []string
	Zone    string
	Serial  uint32
	Sets    []authority.RRset
	Types   []string
	Problem *authority.InputError
	Done    string
	Form    form
}

// form is what was typed; it comes back when it was wrong.
type form struct{ Type, Name, Value, TTL string }

func (p *Provider) pageZones(w http.ResponseWriter, _ *http.Request) {
	v := view{P: p}
	for _, z := range p.Zones() {
		v.Zones = append(v.Zones, strings.TrimSuffix(z.Apex(), "."))
	}
	look.Page(w, http.StatusOK, pages, "zones", v)
}

func (p *Provider) pageZone(w http.ResponseWriter, r *http.Request) {
	z := p.Zone(r.PathValue("zone"))
	if z == nil {
		p.pageMissing(w)
		return
	}
	v := p.view(z)
	v.Done = r.URL.Query().Get("done")
	look.Page(w, http.StatusOK, pages, "zone", v)
}

func (p *Provider) pageMissing(w http.ResponseWriter) {
	look.Page(w, http.StatusNotFound, pages, "missing", view{P: p})
}

func (p *Provider) view(z *authority.Zone) view {
	types := slices.DeleteFunc(slices.Clone(authority.Types), func(t string) bool {
		return t == "DS" || t == "ALIAS" && p.Flatten == nil
	})
	return view{P: p, Zone: strings.TrimSuffix(z.Apex(), "."), Serial: z.Serial(), Sets: z.All(), Types: types, Form: form{Type: "CNAME", TTL: "300"}}
}

// pageEdit adds one value to a set, or takes one away.
func (p *Provider) pageEdit(w http.ResponseWriter, r *http.Request) {
	z := p.Zone(r.PathValue("zone"))
	if z == nil {
		p.pageMissing(w)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form is too large or unreadable", http.StatusBadRequest)
		return
	}
	f := form{Type: strings.ToUpper(r.PostForm.Get("type")), Name: r.PostForm.Get("name"), Value: r.PostForm.Get("value"), TTL: r.PostForm.Get("ttl")}
	var err error
	done := ""
	switch r.PostForm.Get("do") {
	case "add":
		done, err = p.add(z, f)
	case "delete":
		done, err = "Deleted.", p.take(z, f)
	default:
		err = &authority.InputError{Field: "do", Message: "must be add or delete"}
	}
	if err != nil {
		v := p.view(z)
		v.Form = f
		v.Problem = &authority.InputError{Field: "record", Message: "was not saved"}
		if e, ok := errors.AsType[*authority.InputError](err); ok {
			v.Problem = e
		}
		look.Page(w, http.StatusUnprocessableEntity, pages, "zone", v)
		return
	}
	http.Redirect(w, r, "/"+p.Name+"/"+display(z)+"?done="+url.QueryEscape(done), http.StatusSeeOther)
}

func display(z *authority.Zone) string { return strings.TrimSuffix(z.Apex(), ".") }

func (p *Provider) add(z *authority.Zone, f form) (string, error) {
	ttl, err := strconv.ParseUint(strings.TrimSpace(f.TTL), 10, 32)
	if err != nil {
		return "", &authority.InputError{Field: "ttl", Message: "must be a number of seconds"}
	}
	if f.Type == "NS" && isApex(f.Name, z) {
		return "", &authority.InputError{Field: "type", Message: "the name servers of the zone are set at the registrar"}
	}
	name := p.typed(z, f.Name)
	owner, err := authority.Owner(z.Apex(), name)
	if err != nil {
		return "", err
	}
	if err := alone(z, owner, f.Type); err != nil {
		return "", err
	}
	value := p.target(z, f.Type, strings.TrimSpace(f.Value))
	set, _ := z.Find(name, f.Type)
	set.Name, set.Type, set.TTL = name, f.Type, uint32(min(ttl, 1<<31))
	if !slices.Contains(set.Values, value) {
		set.Values = append(set.Values, value)
	}
	return "Saved " + strings.TrimSuffix(owner, ".") + " " + f.Type + " " + value, z.Put(set)
}

// typed reads a name as this provider's page does: one that does not append takes a full name as such.
func (p *Provider) typed(z *authority.Zone, name string) string {
	name = strings.TrimSpace(name)
	if full := strings.ToLower(name) + "."; !p.Append && (full == z.Apex() || strings.HasSuffix(full, "."+z.Apex())) {
		return full
	}
	return name
}

// target appends the zone to a host name without a final dot, as many providers' pages do: what was meant
// as token.edge.example becomes token.edge.example.acme.example.
func (p *Provider) target(z *authority.Zone, typ, value string) string {
	if !p.Append || !slices.Contains([]string{"CNAME", "MX", "NS", "SRV"}, typ) || value == "" || strings.HasSuffix(value, ".") {
		return value
	}
	return value + "." + z.Apex()
}

// alone refuses a CNAME beside other data (RFC 1034 section 3.6.2), as most pages do. The API does not look.
func alone(z *authority.Zone, owner, typ string) error {
	for _, set := range z.All() {
		if o, _ := authority.Owner(z.Apex(), set.Name); o != owner || set.Type == typ && typ != "CNAME" {
			continue
		}
		if typ == "CNAME" || set.Type == "CNAME" {
			return &authority.InputError{Field: "type", Message: "a CNAME cannot stand beside other records of the same name (" + set.Type + "); delete them first"}
		}
	}
	return nil
}

func (p *Provider) take(z *authority.Zone, f form) error {
	set, ok := z.Find(f.Name, f.Type)
	if !ok {
		return nil
	}
	if f.Type == "NS" && isApex(f.Name, z) {
		return &authority.InputError{Field: "type", Message: "the name servers of the zone are set at the registrar"}
	}
	set.Values = slices.DeleteFunc(set.Values, func(v string) bool { return v == f.Value })
	if len(set.Values) == 0 {
		_, err := z.Remove(f.Name, f.Type)
		return err
	}
	return z.Put(set)
}
