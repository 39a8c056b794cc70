package record

import (
	"cmp"
	"embed"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

// RecordDisplay is a line as it has to be typed at one provider (RC-1): the copy buttons copy exactly this.
type RecordDisplay struct {
	Name     string
	Value    string
	TTL      string
	Extra    []string // further fields of the form: the priority of an MX
	CopyAll  string   // type, name, value, TTL and the rest, separated by tabs
	BindLine string   // a line of a zone file, RFC 1035 section 5
	Hint     *string
	Fields   []FormField // the same field by field, as the provider's form has them
}

// FormField is one field of the form, filled in.
type FormField struct {
	Part  provider.FormPart
	Label *string // nil when nobody wrote down what the form calls it
	Value string
}

// View says for whom lines are shown.
type View struct {
	Zone    string            // the zone that answers for the name, where the lines belong; the registrable domain until it is known
	Dialect *provider.Dialect // nil: we do not know the provider
	Locale  string
	Now     time.Time
}

//go:embed text/*.json
var texts embed.FS

var book = locale.Load(texts)

// unknown is how most forms want it.
var unknown = provider.Dialect{ApexName: "@", RelativeNames: true, TrailingDot: provider.Allowed}

func (v View) dialect() *provider.Dialect { return cmp.Or(v.Dialect, &unknown) }

// Present makes the lines as the view wants them.
func Present(records []*Record, v View) {
	for _, r := range records {
		for n := range r.Observed {
			r.Observed[n].Outcome = r.outcome(r.Observed[n])
		}
		r.view, r.Name, r.Eta = &v, typedName(r.FQDN, v.Zone, v.dialect()), nil
		if r.EtaAt != nil && r.EtaAt.After(v.Now) {
			r.Eta = &analysis.Eta{Seconds: int32(r.EtaAt.Sub(v.Now).Round(time.Second) / time.Second), Until: *r.EtaAt, PerResolver: []analysis.ResolverEta{}}
		}
	}
}

// Display says how the line is typed, by the view of the last Present; a page of lines often does not ask. Without a view it is empty.
func (r *Record) Display() RecordDisplay {
	if r.view == nil {
		return RecordDisplay{Extra: []string{}, Fields: []FormField{}}
	}
	form := r.view.dialect()
	d := RecordDisplay{Name: r.Name, Value: r.Value, TTL: r.typedTTL(form), Extra: []string{}, Hint: hint(r, *r.view, r.Name)}
	if r.Priority != nil {
		d.Extra = append(d.Extra, strconv.Itoa(int(*r.Priority)))
	}
	if r.Later {
		d.Fields = r.fields(d)
		return d
	}
	if r.Type == TXT && form.TXTQuotes != nil && *form.TXTQuotes == provider.QuotesNeeded {
		d.Value = quoted(d.Value)
	}
	if r.pointsAtName() && form.TrailingDot == provider.Needed {
		d.Value += "."
	}
	d.Fields = r.fields(d)
	d.CopyAll, d.BindLine = strings.Join(append([]string{string(r.Type), d.Name, d.Value, d.TTL}, d.Extra...), "\t"), r.bindLine(d.TTL)
	return d
}

// fields fills the form in; a field that this kind of record does not have is left out. The catalogue's word for the value is that of a CNAME: other
// types have other words there.
func (r *Record) fields(d RecordDisplay) []FormField {
	names := r.view.dialect().Fields
	values := map[provider.FormPart]string{provider.TypeField: string(r.Type), provider.NameField: d.Name, provider.ValueField: d.Value, provider.TTLField: d.TTL}
	if r.Priority != nil {
		values[provider.PriorityField] = strconv.Itoa(int(*r.Priority))
	}
	var out []FormField
	for _, part := range provider.FormParts {
		if value, ok := values[part]; ok {
			label := names.Label(part)
			if part == provider.ValueField && r.Type != CNAME {
				label = nil
			}
			out = append(out, FormField{part, label, value})
		}
	}
	return out
}

// typedName is what goes into the form's name field. A form that appends the zone gets the relative name whatever else it says: a full name would
// be doubled.
func typedName(fqdn, zone string, d *provider.Dialect) string {
	rel := relative(fqdn, zone)
	switch {
	case rel == "@":
		return strings.ReplaceAll(d.ApexName, "{domain}", zone)
	case d.RelativeNames || d.AppendsZone:
		return rel
	case d.TrailingDot == provider.Needed:
		return fqdn + "."
	}
	return fqdn
}

// typedTTL is the TTL asked for, or the shortest that the form takes (RC-4).
func (r *Record) typedTTL(d *provider.Dialect) string {
	ttl := int(r.TTL)
	if d.TTL.Minimum != nil {
		ttl = max(ttl, int(*d.TTL.Minimum))
	}
	return strconv.Itoa(ttl)
}

func (r *Record) pointsAtName() bool {
	return slices.Contains([]RecordType{CNAME, ALIAS, MX, NS, SRV}, r.Type)
}

func (r *Record) bindLine(ttl string) string {
	value := r.Value
	switch {
	case r.pointsAtName():
		value += "."
	case r.Type == TXT:
		value = quoted(value)
	}
	if r.Priority != nil {
		value = strconv.Itoa(int(*r.Priority)) + " " + value
	}
	return r.FQDN + ". " + ttl + " IN " + string(r.Type) + " " + value
}

// quoted writes a TXT as character-strings of at most 255 octets.
func quoted(s string) string {
	var parts []string
	for piece := range slices.Chunk([]byte(s), 255) {
		parts = append(parts, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(piece))+`"`)
	}
	return strings.Join(parts, " ")
}

// hint is the sentence below a line whose name is easily typed wrong: which full name it stands for, and who adds the rest.
func hint(r *Record, v View, name string) *string {
	switch {
	case v.Dialect == nil:
		return new(book.Say(v.Locale, "full", locale.Values{"name": r.FQDN}))
	case v.Dialect.AppendsZone && name == "":
		return new(book.Say(v.Locale, "appends_nothing", locale.Values{"zone": v.Zone}))
	case v.Dialect.AppendsZone:
		return new(book.Say(v.Locale, "appends", locale.Values{"zone": v.Zone, "name": name}))
	}
	return nil
}
