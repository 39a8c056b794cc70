package rest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/graph/request"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/vektah/gqlparser/v2/ast"
)

const (
	maxBody      = 1 << 20
	maxRepeated  = 100 // values of one parameter of the address
	organizes    = "organizationId"
	byWidget     = "widget" // a variable that the door sets: is the caller a widget, which must not read all?
	versionField = "version"
)

// asked is a parameter of the address (?name=…): a variable, or a member of a variable that is an input object.
type asked struct {
	name, in string // in: the variable that it is a member of; "": it is the variable
	kind     *ast.Type
	about    string // for people
	initial  *ast.Value
}

// inAddress lists what a GET may ask for. What a change takes comes in its body.
func (t *route) inAddress() (out []asked) {
	if t.method != http.MethodGet {
		return nil
	}
	for _, v := range t.op.VariableDefinitions {
		if t.inPath(v.Variable) || v.Variable == byWidget {
			continue
		}
		def := t.schema.Types[v.Type.Name()]
		if def.Kind != ast.InputObject {
			out = append(out, asked{v.Variable, "", v.Type, argument(t.op, v.Variable), v.DefaultValue})
			continue
		}
		for _, f := range def.Fields {
			if t.schema.Types[f.Type.Name()].Kind != ast.InputObject {
				out = append(out, asked{f.Name, v.Variable, f.Type, f.Description, f.DefaultValue})
			}
		}
	}
	return out
}

func (t *route) inPath(name string) bool { return slices.Contains(t.segments, "{"+name+"}") }

// matches answers what a path holds for the row's names, if it is one of the row's.
func (t *route) matches(escaped string) (map[string]string, bool) {
	if t.verb != "" {
		rest, is := strings.CutSuffix(escaped, ":"+t.verb)
		if !is {
			return nil, false
		}
		escaped = rest
	}
	given := strings.Split(escaped, "/")
	if len(given) != len(t.segments) {
		return nil, false
	}
	values := map[string]string{}
	for n, want := range t.segments {
		name, is := parameter(want)
		if !is {
			if given[n] != want {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(given[n])
		if err != nil || value == "" || !utf8.ValidString(value) || name != "at" && strings.ContainsRune(value, ':') {
			return nil, false // a colon begins a verb, and this row's is another
		}
		values[name] = value
	}
	return values, true
}

// read makes the operation's variables of a request. The status goes with the faults.
func (t *route) read(w http.ResponseWriter, r *http.Request, inPath map[string]string) (map[string]any, int, error) {
	variables, members := map[string]any{}, map[string]any{}
	if t.method != http.MethodGet {
		given, status, err := body(w, r)
		if err != nil {
			return nil, status, err
		}
		members = given
	}
	if err := t.address(r.URL.RawQuery, variables); err != nil {
		return nil, http.StatusUnprocessableEntity, err
	}
	if err := t.known(members, inPath); err != nil {
		return nil, http.StatusUnprocessableEntity, err
	}
	for name, value := range inPath {
		members[name] = value
	}
	if err := t.match(r, members); err != nil {
		return nil, http.StatusUnprocessableEntity, err
	}
	t.own(r, variables, members)
	if t.input != nil {
		variables["input"] = members
	} else {
		maps.Copy(variables, members)
	}
	return variables, http.StatusUnprocessableEntity, t.complete(variables, members)
}

// complete names what is missing.
func (t *route) complete(variables, members map[string]any) error {
	var faults []error
	missing := func(name string, kind *ast.Type, initial *ast.Value, given map[string]any) {
		if kind.NonNull && initial == nil && given[name] == nil {
			faults = append(faults, fault.Invalid(name, "required", "This is needed."))
		}
	}
	if t.input != nil {
		for _, f := range t.input.Fields {
			missing(f.Name, f.Type, f.DefaultValue, members)
		}
		return errors.Join(faults...)
	}
	for _, v := range t.op.VariableDefinitions {
		missing(v.Variable, v.Type, v.DefaultValue, variables)
	}
	return errors.Join(faults...)
}

// body is the JSON object of a request; none is as good as an empty one.
func body(w http.ResponseWriter, r *http.Request) (map[string]any, int, error) {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return map[string]any{}, 0, nil
	}
	return request.Body(w, r, maxBody)
}

// known refuses members that the operation does not take, and those that the path says already.
func (t *route) known(members map[string]any, inPath map[string]string) error {
	var faults []error
	for name := range members {
		_, said := inPath[name]
		switch {
		case said:
			faults = append(faults, fault.Invalid(clip(name), "in_address", "The address says this already. Leave it out of the body."))
		case !t.takes(name):
			faults = append(faults, fault.Invalid(clip(name), "unknown_member", "There is no such member here. GET /v1/openapi.json lists them."))
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(faults[:min(len(faults), 20)]...)
}

func (t *route) takes(name string) bool {
	if t.input != nil {
		return t.input.Fields.ForName(name) != nil
	}
	return name != byWidget && t.op.VariableDefinitions.ForName(name) != nil
}

// match takes the version from If-Match, unless the body has it (RE-5).
func (t *route) match(r *http.Request, members map[string]any) error {
	tag := r.Header.Get("If-Match")
	if tag == "" || t.input == nil || t.input.Fields.ForName(versionField) == nil {
		return nil
	}
	version, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 32)
	if err != nil || len(r.Header.Values("If-Match")) > 1 || tag != strconv.Quote(strconv.FormatInt(version, 10)) {
		return fault.Invalid(versionField, "if_match", `Send If-Match with the ETag that was read, such as "3".`)
	}
	given, both := members[versionField]
	if text, _ := given.(json.Number); both && text.String() != strconv.FormatInt(version, 10) {
		return fault.Invalid(versionField, "if_match", "The body and If-Match name different versions.")
	}
	members[versionField] = json.Number(strconv.FormatInt(version, 10))
	return nil
}

// own fills in who asks: the organization that a key names, where a request leaves it out (RE-4), and whether it is a widget.
func (t *route) own(r *http.Request, variables, members map[string]any) {
	if t.op.VariableDefinitions.ForName(byWidget) != nil && authz.From(r.Context()).Kind == authz.WIDGET {
		variables[byWidget] = true
	}
	org := organization(r.Context())
	switch {
	case org == "":
	case t.input != nil && t.input.Fields.ForName(organizes) != nil:
		if members[organizes] == nil {
			members[organizes] = org
		}
	case t.op.VariableDefinitions.ForName(organizes) != nil && variables[organizes] == nil && members[organizes] == nil:
		variables[organizes] = org
	}
}

// address reads the parameters behind the question mark.
func (t *route) address(raw string, variables map[string]any) error {
	given, err := url.ParseQuery(raw)
	if err != nil {
		return fault.Invalid("", "address", "The parameters of the address cannot be read.")
	}
	var faults []error
	for name, values := range given {
		at := slices.IndexFunc(t.asked, func(a asked) bool { return a.name == name })
		if at < 0 {
			faults = append(faults, fault.Invalid(clip(name), "unknown_parameter", "There is no such parameter here. GET /v1/openapi.json lists them."))
			continue
		}
		a := t.asked[at]
		value, err := a.value(t.schema, values)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		into := variables
		if a.in != "" {
			object, _ := variables[a.in].(map[string]any)
			if object == nil {
				object = map[string]any{}
				variables[a.in] = object
			}
			into = object
		}
		into[name] = value
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(faults[:min(len(faults), 20)]...)
}

// value reads a parameter as its type says. A list stands with commas, or more than once.
func (a asked) value(schema *ast.Schema, values []string) (any, error) {
	for _, v := range values {
		if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			return nil, fault.Invalid(a.name, "text", "This is no text in UTF-8.")
		}
	}
	if a.kind.Elem != nil {
		list := []any{}
		for _, v := range values {
			for one := range strings.SplitSeq(v, ",") {
				if len(list) == maxRepeated {
					return nil, fault.Invalid(a.name, "repeated", "Name at most %d values.", maxRepeated)
				}
				list = append(list, one)
			}
		}
		return list, nil
	}
	if len(values) > 1 {
		return nil, fault.Invalid(a.name, "repeated", "The parameter %s stands more than once.", a.name)
	}
	text := values[0]
	switch a.kind.NamedType {
	case "Int", "Int64":
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return nil, fault.Invalid(a.name, "number", "This is a whole number.")
		}
		return json.Number(text), nil
	case "Boolean":
		if text != "true" && text != "false" {
			return nil, fault.Invalid(a.name, "boolean", "This is true or false.")
		}
		return text == "true", nil
	}
	return text, nil
}

// clip keeps a name of a stranger short: it is repeated in the answer.
func clip(name string) string {
	if len(name) > 100 || !utf8.ValidString(name) {
		return strings.ToValidUTF8(name[:min(len(name), 100)], "")
	}
	return name
}
