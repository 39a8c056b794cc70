package resolvers_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// generator writes queries and values for them.
type generator struct {
	*twice
	random   *rand.Rand
	faithful bool // arguments are right; else some are not

	params    []string // of the document at hand: $v1: Type
	values    vars
	fragments []fragment
	aliases   int
}

type fragment struct{ name, on, text string }

func (g *generator) chance(percent int) bool { return g.random.IntN(100) < percent }

func (g *generator) pick(list ...string) string { return list[g.random.IntN(len(list))] }

// document writes a query and the values of its variables. It may be invalid: two members of one name can differ.
func (g *generator) document() (string, vars) {
	g.params, g.values, g.fragments, g.aliases = nil, vars{}, nil, 0
	g.faithful = g.chance(70)
	body := g.selection(g.Schema.Query, 4)
	text := "query"
	if len(g.params) > 0 {
		text += "(" + strings.Join(g.params, ", ") + ")"
	}
	text += " " + body
	for _, f := range g.fragments {
		text += "\nfragment " + f.name + " on " + f.on + " " + f.text
	}
	return text, g.values
}

// selection writes what is selected of a type.
func (g *generator) selection(of *ast.Definition, deep int) string {
	var out []string
	for range 1 + g.random.IntN(5) {
		switch {
		case g.chance(12):
			out = append(out, g.inline(of, deep))
		case g.chance(12):
			out = append(out, g.spread(of, deep))
		case g.chance(6):
			out = append(out, g.pick("__typename", "kind: __typename")+g.switched())
		default:
			out = append(out, g.field(of, deep)...)
		}
	}
	out = slices.DeleteFunc(out, func(s string) bool { return s == "" })
	if len(out) == 0 {
		out = []string{"__typename"}
	}
	return "{ " + strings.Join(out, " ") + " }"
}

// inline is an inline fragment: without a type, on the type itself, on Node, or, in Node, on an object.
func (g *generator) inline(of *ast.Definition, deep int) string {
	on := g.narrowed(of)
	head := "... on " + on.Name
	if on == of && g.chance(40) {
		head = "..."
	}
	return head + g.switched() + " " + g.selection(on, deep)
}

func (g *generator) narrowed(of *ast.Definition) *ast.Definition {
	switch {
	case of.IsAbstractType() && g.chance(85):
		all := g.Schema.GetPossibleTypes(of)
		return g.Schema.Types[g.pick("Connection", "Record", "DnsCheck", all[g.random.IntN(len(all))].Name)]
	case len(of.Interfaces) > 0 && g.chance(30):
		return g.Schema.Types[of.Interfaces[0]]
	}
	return of
}

// spread is a named fragment, an older one when it fits.
func (g *generator) spread(of *ast.Definition, deep int) string {
	on := g.narrowed(of)
	n := slices.IndexFunc(g.fragments, func(f fragment) bool { return f.on == on.Name && f.text != "" })
	if n < 0 || g.chance(40) {
		n = len(g.fragments)
		g.fragments = append(g.fragments, fragment{name: "f" + strconv.Itoa(n), on: on.Name})
		g.fragments[n].text = g.selection(on, deep)
	}
	return "..." + g.fragments[n].name + g.switched()
}

// switched is @skip or @include, or nothing.
func (g *generator) switched() string {
	if !g.chance(15) {
		return ""
	}
	on := g.pick("true", "false", "$yes", "$no")
	if name, variable := strings.CutPrefix(on, "$"); variable && g.values[name] == nil {
		g.params, g.values[name] = append(g.params, on+": Boolean!"), name == "yes"
	}
	return g.pick(" @skip(if: ", " @include(if: ") + on + ")"
}

// field is one member, sometimes twice with other things below, which the answer has once.
func (g *generator) field(of *ast.Definition, deep int) []string {
	var fields []*ast.FieldDefinition
	for _, f := range of.Fields {
		below := g.Schema.Types[f.Type.Name()]
		// latencyMs and ages are never the same twice; domainCheck asks the DNS each time; tries of verifyPasswordReset are counted.
		if strings.HasPrefix(f.Name, "__") || f.Name == "latencyMs" || f.Name == "domainCheck" || f.Name == "verifyPasswordReset" || f.Name == "resetAt" || deep == 0 && !below.IsLeafType() {
			continue
		}
		fields = append(fields, f)
	}
	if len(fields) == 0 {
		return nil
	}
	f := fields[g.random.IntN(len(fields))]
	head, args := f.Name, g.arguments(f)
	if args != "" || g.chance(10) {
		g.aliases++
		head = "a" + strconv.Itoa(g.aliases) + ": " + f.Name + args
	}
	out := []string{head + g.switched() + g.below(f, deep)}
	if g.chance(15) {
		out = append(out, head+g.switched()+g.below(f, deep))
	}
	return out
}

func (g *generator) below(f *ast.FieldDefinition, deep int) string {
	to := g.Schema.Types[f.Type.Name()]
	if to.IsLeafType() {
		return ""
	}
	return " " + g.selection(to, deep-1)
}

func (g *generator) arguments(f *ast.FieldDefinition) string {
	var out []string
	for _, a := range f.Arguments {
		v, given := g.value(a.Type, a.Name, f.Name)
		switch {
		case !given:
		case g.chance(30):
			name := "v" + strconv.Itoa(len(g.params))
			g.params, g.values[name] = append(g.params, "$"+name+": "+a.Type.String()), v
			out = append(out, a.Name+": $"+name)
		default:
			out = append(out, a.Name+": "+g.literal(a.Type, v))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// variables are values for all variables of an operation.
func (g *generator) variables(op *ast.OperationDefinition) vars {
	v, root := vars{}, ""
	for _, f := range roots(op.SelectionSet) { // the first that takes anything: what stands beside it is for whoever asks
		if len(f.Arguments) > 0 {
			root = f.Name
			break
		}
	}
	for _, d := range op.VariableDefinitions {
		if value, given := g.value(d.Type, d.Variable, root); given {
			v[d.Variable] = value
		}
	}
	return v
}

// value makes a value of a type, as JSON has it; given is false when it is left out.
func (g *generator) value(typ *ast.Type, name, field string) (v any, given bool) {
	if g.faithful {
		switch {
		case name == "status" && field == "UpdateWebhookEndpointInput": // what was disabled among wrong arguments is tried further
			return "ENABLED", true
		case name == "from" && field == "TimeWindow":
			return "2026-01-01T00:00:00Z", true
		case name == "to" && field == "TimeWindow":
			return "2027-01-01T00:00:00Z", true
		}
	}
	if !typ.NonNull && (g.chance(50) || g.faithful && (name == "graceUntil" || name == "clientMutationId")) { // the first fits a name that is broken, and no other; the second one request
		return nil, false
	}
	if typ.Elem != nil {
		list := []any{}
		for range 1 + g.random.IntN(2) {
			one, _ := g.value(typ.Elem, strings.TrimSuffix(name, "s"), field)
			list = append(list, one)
		}
		return list, true
	}
	switch of := g.Schema.Types[typ.NamedType]; {
	case of.Kind == ast.Enum:
		return of.EnumValues[g.random.IntN(len(of.EnumValues))].Name, true
	case of.Kind == ast.InputObject:
		in := vars{}
		for _, f := range of.Fields {
			if one, given := g.value(f.Type, f.Name, of.Name); given {
				in[f.Name] = one
			}
		}
		return in, true
	}
	switch typ.NamedType {
	case "ID":
		return g.id(name, field), true
	case "Int", "Int64":
		switch {
		case name == "version" && g.faithful: // it grows with each change that fits
			return 1 + g.random.IntN(8), true
		case name == "companionStatus" && g.faithful:
			return 308, true
		case strings.HasSuffix(name, "TimeoutMs") && g.faithful:
			return 1000, true
		}
		if g.faithful || g.chance(70) {
			return 1 + g.random.IntN(3), true
		}
		return g.random.IntN(3)*500 - 1, true
	case "Boolean":
		return !(g.faithful && name == "enabled") && g.chance(50), true // a provider that is enabled would be asked, and none answers here
	case "Time":
		return g.pick("2026-01-01T00:00:00Z", "2027-01-01T00:00:00.5+02:00"), true
	case "JSON":
		return vars{"a": []any{1, "x"}}, true
	}
	return g.text(name, field), true
}

var kinds = map[string]string{"connection": "con", "application": "app", "organization": "org", "recipe": "rcp", "dnsCheck": "chk", "webhookEndpoint": "whk", "userId": "usr", "organizationId": "org", "applicationId": "app",
	"connectionId": "con", "endpointId": "whk", "recipeId": "rcp", "checkConnection": "con", "retryConnection": "con", "markRecordsAdded": "con", "archiveConnection": "con", "resolveConflict": "cnf",
	"sendTestWebhook": "whk", "rotateWebhookSecret": "whk", "deleteWebhookEndpoint": "whk", "replayDelivery": "dlv", "archiveApplication": "app", "UpdateConnectionInput": "con", "UpdateApplicationInput": "app",
	"UpdateWebhookEndpointInput": "whk", "opsRedeliverEmail": "msg", "DeliveryFilter": "org", "AuditFilter": "org", "LedgerEventFilter": "org", "deleteApiKey": "key", "connectionProgress": "con", "connectionEvents": "con",
	"approvalRequest": "apr", "approvalChanged": "apr", "cancelApproval": "apr", "DecideApprovalInput": "apr", "opsUser": "usr", "opsUserChanged": "usr", "deleteSsoProvider": "sso", "SaveSsoProviderInput": "sso",
	"opsOrganization": "org", "opsRestoreOrganization": "org", "updateOrganization": "org", "opsSetUserAccess": "usr", "winner": "con", "acknowledgeIncident": "inc", "setCertificateMode": "con", "rotateEdgeSecret": "app", "revokeCertificate": "crt", "SaveMonitorPolicyInput": "mon", "monitorPolicyId": "mon"}

// id is one of the right kind, or, when the arguments may be wrong, any.
func (g *generator) id(name, field string) string {
	kind := kinds[name]
	if kind == "" {
		kind = kinds[field]
	}
	if ids := g.ids[kind]; len(ids) > 0 && (g.faithful || g.chance(60)) {
		return g.pick(ids...)
	}
	all := slices.Sorted(maps.Keys(g.ids))
	if g.faithful {
		all = slices.DeleteFunc(all, func(k string) bool { return k == "?" })
	}
	return g.pick(g.ids[g.pick(all...)]...)
}

func (g *generator) text(name, field string) string {
	if !g.faithful && g.chance(20) {
		return g.pick("", "x\ty\"z\\", "nonsense é ✓")
	}
	chain, key := ownCertificate()
	switch name {
	case "chainPem":
		return chain
	case "keyPem":
		return key
	case "caaIdentity":
		return "ca.example.net"
	case "version":
		return "2026-11"
	case "chain":
		return g.Org.String()
	case "timezone":
		return "Europe/Berlin"
	case "phone":
		return "+4930123456"
	case "countryCode":
		return "DE"
	case "newEmail", "email":
		return "new@acme.example"
	case "domain":
		return "acme.lab"
	case "issuer":
		return "https://id.acme.example"
	case "provider":
		return "house"
	case "scopes":
		return "openid"
	case "token":
		return "reset-token"
	case "locale":
		if field == "UpdateProfileInput" {
			return g.pick("en", "de")
		}
		return g.pick("en", "de", "xx-YY")
	case "slug":
		if field == "organization" {
			return "acme"
		}
		if field == "CreateApplicationInput" { // another one each time: an application that was renamed has "plain"
			return fmt.Sprintf("plain%d", g.random.IntN(1000))
		}
		return "plain"
	case "code":
		return g.pick("record_absent", "foreign_address")
	case "hostname":
		return fmt.Sprintf("new%d.acme.lab", g.random.IntN(1000))
	case "confirmName":
		return g.pick("Second", "Shop")
	case "confirmHostname":
		return fmt.Sprintf("shop%d.acme.lab", g.random.IntN(3))
	case "text", "label":
		return "shop"
	case "after":
		return ""
	case "topic":
		return "connection.live"
	case "scope":
		return "connection.read"
	case "url":
		return g.sink + "/new"
	case "name":
		return g.pick("Second", "Shop")
	case "allowedOrigin":
		return "https://shop.example"
	}
	return "words"
}

// literal writes a value into the document.
func (g *generator) literal(typ *ast.Type, v any) string {
	if typ.Elem != nil {
		var out []string
		for _, one := range v.([]any) {
			out = append(out, g.literal(typ.Elem, one))
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	of := g.Schema.Types[typ.NamedType]
	switch v := v.(type) {
	case nil:
		return "null"
	case vars:
		if of.Kind == ast.Scalar {
			return `{ a: [1, "x"] }`
		}
		var out []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(out, name+": "+g.literal(of.Fields.ForName(name).Type, v[name]))
		}
		return "{ " + strings.Join(out, ", ") + " }"
	case string:
		if of.Kind == ast.Enum {
			return v
		}
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}
