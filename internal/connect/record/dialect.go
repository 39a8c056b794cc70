package record

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/provider"
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

// unknown is how most forms want it.
var unknown = provider.Dialect{ApexName: "@", RelativeNames: true, TrailingDot: provider.Allowed}

// Present writes the lines as the view wants them.
func Present(records []*Record, v View) {
	for _, r := range records {
		r.present(v)
	}
}

func (r *Record) present(v View) {
	d := cmp.Or(v.Dialect, &unknown)
	name, value := typedName(r.FQDN, v.Zone, d), r.Value
	if r.pointsAtName() && d.TrailingDot == provider.Needed {
		value += "."
	}
	for n := range r.Observed {
		r.Observed[n].Outcome = r.outcome(r.Observed[n])
	}
	r.Name = name
	r.Display = RecordDisplay{Name: name, Value: value, TTL: strconv.Itoa(int(r.TTL)), Extra: []string{}, BindLine: r.bindLine(), Hint: hint(r, v, name)}
	if r.Priority != nil {
		r.Display.Extra = append(r.Display.Extra, strconv.Itoa(int(*r.Priority)))
	}
	r.Display.Fields = r.fields(d.Form)
	r.Display.CopyAll = strings.Join(append([]string{string(r.Type), name, value, r.Display.TTL}, r.Display.Extra...), "\t")
	r.Eta = nil
	if r.EtaAt != nil && r.EtaAt.After(v.Now) {
		r.Eta = &analysis.Eta{Seconds: int32(r.EtaAt.Sub(v.Now).Round(time.Second) / time.Second), Until: *r.EtaAt, PerResolver: []analysis.ResolverEta{}}
	}
}

// fields fills the form in; a field that this kind of record does not have is left out.
func (r *Record) fields(form provider.Form) []FormField {
	values := map[provider.FormPart]string{provider.TypeField: string(r.Type), provider.NameField: r.Display.Name, provider.ValueField: r.Display.Value, provider.TTLField: r.Display.TTL}
	if r.Priority != nil {
		values[provider.PriorityField] = strconv.Itoa(int(*r.Priority))
	}
	var out []FormField
	for _, part := range provider.FormParts {
		if value, ok := values[part]; ok {
			out = append(out, FormField{part, form.Label(part, string(r.Type)), value})
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

func (r *Record) pointsAtName() bool {
	return slices.Contains([]RecordType{CNAME, ALIAS, MX, NS, SRV}, r.Type)
}

func (r *Record) bindLine() string {
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
	return r.FQDN + ". " + strconv.Itoa(int(r.TTL)) + " IN " + string(r.Type) + " " + value
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
	german := strings.HasPrefix(v.Locale, "de")
	switch {
	case v.Dialect == nil && german:
		return new("Wenn Ihr Anbieter den ganzen Namen will: " + r.FQDN)
	case v.Dialect == nil:
		return new("If your provider wants the full name, use " + r.FQDN)
	case v.Dialect.AppendsZone && german:
		return new("Ihr Anbieter hängt " + v.Zone + " selbst an: tippen Sie nur " + cmp.Or(name, "nichts") + ".")
	case v.Dialect.AppendsZone:
		return new("Your provider adds " + v.Zone + " by itself: type only " + cmp.Or(name, "nothing") + ".")
	}
	return nil
}
