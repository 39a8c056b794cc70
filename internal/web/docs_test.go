package web_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/platform/usage"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

var update = flag.Bool("update", false, "write docs/permissions.md and docs/limits.md anew")

const root = "../.."

// code is the product's own source, read and not run: what it grants and counts stands in it as literals.
type code struct {
	files map[string][]*ast.File // by folder
}

func readCode(t *testing.T) code {
	t.Helper()
	c := code{map[string][]*ast.File{}}
	set := token.NewFileSet()
	for _, top := range []string{"internal", "graph", "edge"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "graph/gql/") {
				return err
			}
			f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err == nil {
				dir, _ := filepath.Rel(root, filepath.Dir(path))
				c.files[dir] = append(c.files[dir], f)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// literals answers every composite literal of a type such as limit.Bucket, also inside lists of it, with the folder and file where it stands.
func (c code) literals(t *testing.T, name string, each func(dir string, f *ast.File, fields map[string]ast.Expr)) {
	t.Helper()
	for _, dir := range slices.Sorted(maps.Keys(c.files)) {
		for _, f := range c.files[dir] {
			ast.Inspect(f, func(n ast.Node) bool {
				lit, ok := n.(*ast.CompositeLit)
				if !ok {
					return true
				}
				list, _ := lit.Type.(*ast.ArrayType)
				switch {
				case typeName(lit.Type) == name || "authz."+typeName(lit.Type) == name && dir == "internal/spine/authz":
					each(dir, f, fields(lit))
				case list != nil && typeName(list.Elt) == name:
					for _, e := range lit.Elts {
						if inner, ok := e.(*ast.CompositeLit); ok && inner.Type == nil {
							each(dir, f, fields(inner))
						}
					}
				}
				return true
			})
		}
	}
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return typeName(e.X) + "." + e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func fields(lit *ast.CompositeLit) map[string]ast.Expr {
	out := map[string]ast.Expr{}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			out[kv.Key.(*ast.Ident).Name] = kv.Value
		}
	}
	return out
}

// named answers what a name stands for: a constant or variable of the file, of its functions, or of the folder.
func (c code) named(dir string, f *ast.File, name string) (found ast.Expr) {
	for _, file := range append([]*ast.File{f}, c.files[dir]...) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, id := range n.Names {
					if id.Name == name && i < len(n.Values) && found == nil {
						found = n.Values[i]
					}
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if id, ok := left.(*ast.Ident); ok && id.Name == name && n.Tok == token.DEFINE && i < len(n.Rhs) && len(n.Lhs) == len(n.Rhs) && found == nil {
						found = n.Rhs[i]
					}
				}
			}
			return found == nil
		})
	}
	return found
}

var units = map[string]int64{"time.Nanosecond": 1, "time.Microsecond": 1e3, "time.Millisecond": 1e6, "time.Second": 1e9, "time.Minute": 60e9, "time.Hour": 3600e9}

// number is the value of a constant expression.
func (c code) number(t *testing.T, dir string, f *ast.File, e ast.Expr) int64 {
	t.Helper()
	switch e := e.(type) {
	case nil:
		return 0
	case *ast.BasicLit:
		if n, err := strconv.ParseInt(e.Value, 0, 64); err == nil {
			return n
		}
	case *ast.ParenExpr:
		return c.number(t, dir, f, e.X)
	case *ast.SelectorExpr:
		if u, ok := units[typeName(e)]; ok {
			return u
		}
	case *ast.Ident:
		if e.Name == "true" {
			return 1
		}
		if v := c.named(dir, f, e.Name); v != nil {
			return c.number(t, dir, f, v)
		}
	case *ast.BinaryExpr:
		x, y := c.number(t, dir, f, e.X), c.number(t, dir, f, e.Y)
		switch e.Op {
		case token.MUL:
			return x * y
		case token.ADD:
			return x + y
		case token.SHL:
			return x << y
		}
	}
	t.Errorf("%s: %T is no constant that this test understands; write it as a number, or teach it", dir, e)
	return 0
}

// words is the value of a text, or of a list of texts and of names of authz.
func (c code) words(t *testing.T, dir string, f *ast.File, e ast.Expr) []string {
	t.Helper()
	switch e := e.(type) {
	case nil:
		return nil
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return []string{s}
		}
	case *ast.CompositeLit:
		var out []string
		for _, inner := range e.Elts {
			out = append(out, c.words(t, dir, f, inner)...)
		}
		return out
	case *ast.SelectorExpr:
		return c.words(t, "internal/spine/authz", nil, e.Sel)
	case *ast.Ident:
		file := f
		if file == nil {
			file = c.files[dir][0]
		}
		if v := c.named(dir, file, e.Name); v != nil {
			return c.words(t, dir, file, v)
		}
	}
	t.Errorf("%s: %T is no text that this test understands; write the grant as a literal, or teach it", dir, e)
	return nil
}

// TestPermissionsDoc holds docs/permissions.md to the one registry of permissions and roles (RU-13).
func TestPermissionsDoc(t *testing.T) {
	t.Parallel()
	c, all := readCode(t), map[string]authz.Grant{}
	c.literals(t, "authz.Grant", func(dir string, f *ast.File, fields map[string]ast.Expr) {
		if fields["Permission"] == nil {
			return
		}
		name := strings.Join(c.words(t, dir, f, fields["Permission"]), "")
		g := authz.Grant{Permission: authz.Permission(name), What: strings.Join(c.words(t, dir, f, fields["What"]), ""), Widget: c.words(t, dir, f, fields["Widget"])}
		for _, r := range c.words(t, dir, f, fields["Roles"]) {
			g.Roles = append(g.Roles, authz.Role(r))
		}
		g.Operator = fields["Operator"] != nil // only ever written to say true
		if g.What == "" {
			t.Errorf("%s grants %s and does not say What: write what a person may do with it", dir, name)
		}
		if _, twice := all[name]; twice {
			t.Errorf("%s is granted twice", name)
		}
		all[name] = g
	})
	if len(all) < 10 {
		t.Fatalf("only %d permissions were found", len(all))
	}
	for _, g := range slices.Concat((&apikey.Service{}).Part().Grants, (&organization.Service{}).Part().Grants, authz.New(nil).Grants()) {
		if read := all[string(g.Permission)]; read.What != g.What || read.Operator != g.Operator || !slices.Equal(read.Roles, g.Roles) || !slices.Equal(read.Widget, g.Widget) {
			t.Errorf("the program grants %+v, and this test has read %+v", g, read)
		}
	}
	var b bytes.Buffer
	b.WriteString(`# Permissions

Who may do what. Each subdomain says so beside its own code, and this page is made from there: ` + "`go test ./internal/web -run PermissionsDoc -update`" + `.

- A person holds one or more of the roles in an organization, and may do what any of them allows. Roles are sets, not a ladder; whoever makes an organization holds all three.
- An API key may do what its scopes say (each is a permission of this list) and never more than its person may. Without scopes it may do nothing.
- A widget token carries scopes of its own; the column says which of them is enough, and "any" that every token is.
- Operators hold what is marked in their column, for all organizations and for what belongs to none; nobody else does.
- Who does not belong to an organization is told that nothing is there (NOT_FOUND). Who belongs to it and lacks the permission is told which one (FORBIDDEN).

| Permission | What it allows | MEMBER | OWNER | BILLING_ADMIN | Operators | Widget |
|---|---|:-:|:-:|:-:|:-:|---|
`)
	dot := func(g authz.Grant, r authz.Role) string {
		if slices.Contains(g.Roles, r) {
			return "●"
		}
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		g := all[name]
		widget := strings.ReplaceAll(strings.Join(g.Widget, ", "), "ANY", "any")
		operator := ""
		if g.Operator {
			operator = "●"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", name, g.What, dot(g, authz.Member), dot(g, authz.Owner), dot(g, authz.BillingAdmin), operator, widget)
	}
	compare(t, "docs/permissions.md", b.Bytes())
}

// buckets says in words whom each bucket counts, and what.
var buckets = map[string][2]string{
	"connection.start.token":      {"`startConnection`", "widget token"},
	"connection.start.key":        {"`startConnection`", "API key"},
	"connection.start.names":      {"new host names", "organization"},
	"connection.check.token":      {"`checkConnection`", "widget token"},
	"connection.check.connection": {"`checkConnection`; within that time the check before serves", "connection"},
	"sso":                         {"beginning, returning from and finishing a sign-in at a provider (`/auth/sso/…`, `POST /auth/step-up/sso`)", "network"},
	"sso-routes":                  {"asking which providers an address has (`ssoProviders`)", "network"},
	"sso-settings":                {"saving a provider and looking for the record of a mail domain (`saveSsoProvider`, `checkSsoDomain`)", "organization"},
	"login":                       {"signing in (`POST /auth/sign-in`, `POST /login`, `authenticatePassword`); proving again who one is (`POST /auth/step-up`, `stepUp`)", "name typed and network; person"},
	"login-network":               {"signing in", "network"},
	"machine":                     {"`registerMachine` of who is not signed in", "network"},
	"machine-person":              {"`registerMachine`", "person"},
	"mfa-network":                 {"the second step of signing in (`/auth/mfa/…`, the fields with `mfaToken`)", "network"},
	"mfa-try":                     {"proofs of second factors", "person"},
	"mfa-send":                    {"codes that are sent, and questions to passkeys: `challengeMfaAuthenticator`, `sendMfaEnrolmentCode`, `challengeStepUp`", "sign-in, reset or session"},
	"mfa-enrol":                   {"`associateMfaAuthenticator`, `regenerateRecoveryCodes`", "person or sign-in"},
	"passkey":                     {"signing in with a passkey (`POST /auth/passkey/options`, `POST /auth/passkey`)", "network"},
	"register":                    {"`registerPerson`", "network"},
	"register-address":            {"mails that confirm a registration; beyond them the answer is the same and no mail goes out", "address typed"},
	"invite":                      {"invitations", "person"},
	"invite-address":              {"invitations by mail; more change nothing", "mail address"},
	"confirm":                     {"`confirmRegistration` with a code", "address typed"},
	"reset":                       {"`initiatePasswordReset`", "network"},
	"reset-address":               {"`initiatePasswordReset`", "address typed"},
	"approval-decide":             {"`decideApproval`", "operator"},
	"email-change":                {"`startEmailChange`", "person"},
	"sms":                         {"text messages", "person"},
	"sms-number":                  {"text messages", "telephone number"},
	"token":                       {"`confirmRegistration`, `verifyPasswordReset`, `resendPasswordReset`, `completePasswordReset`, `confirmEmailChange`, `undoEmailChange`", "network"},
	"cost":                        {"GraphQL, in points of cost", "API key; person whose programs ask"},
	"cost-stranger":               {"GraphQL text without a credential, in points of cost", "network"},
	"domaincheck.address":         {"`domainCheck`", "address of the caller"},
	"domaincheck.token":           {"`domainCheck`", "widget token"},
	"domaincheck.key":             {"`domainCheck`", "API key"},
}

// constants are limits that no bucket counts: folder, name, and what it bounds.
var constants = []struct{ dir, name, what, unit string }{
	{"internal/platform/credential", "free", "wrong passwords that cost no wait; each further one doubles it, from 2 s to 10 minutes, for this name from this network alone", ""},
	{"internal/platform/registration", "lives", "the link that confirms a registration", "time"},
	{"internal/platform/registration", "codeTries", "wrong codes that end the code of a registration; its link goes on", ""},
	{"internal/platform/recovery", "lives", "the link that resets a password", "time"},
	{"internal/platform/recovery", "resends", "times that the link of one reset is sent again", ""},
	{"internal/platform/session", "idle", "a session lives without use", "time"},
	{"internal/platform/session", "absolute", "a session lives at most", "time"},
	{"internal/platform/session", "overlap", "after a step-up or refresh the former cookie still counts, for parallel tabs, and a used refresh token answers the same tokens", "time"},
	{"internal/platform/session", "accessLife", "an access token lives", "time"},
	{"internal/platform/session", "refreshLife", "a refresh token lives", "time"},
	{"internal/platform/session", "familyLife", "the tokens of one sign-in live at most", "time"},
	{"internal/platform/billing", "fresh", "a proof of who one is serves for actions that ask for a fresh one", "time"},
	{"internal/platform/apikey", "shortest", "an API key with an end lives at least", "time"},
	{"internal/platform/apikey", "usual", "an API key lives whose maker says nothing", "time"},
	{"internal/platform/apikey", "mostNetworks", "networks of an API key that are told apart; the first use from each is on record", ""},
	{"internal/platform/machine", "idle", "a machine for which nobody stands stays without use", "time"},
	{"internal/platform/machine", "window", "a service message counts before and after its time", "time"},
	{"internal/platform/machine", "longestDoc", "the body of a service message", "size"},
	{"internal/web", "maxBody", "a request's body", "size"},
	{"internal/web", "patience", "a body may take to arrive", "time"},
	{"internal/kit/httpx", "readHeaderTimeout", "a request's header may take to arrive", "time"},
	{"internal/kit/httpx", "maxHeader", "a request's header", "size"},
	{"graph/peer", "maxMessage", "one message on a socket", "size"},
	{"graph/request", "maxNesting", "levels of a request's JSON", ""},
	{"graph", "maxRunning", "GraphQL operations that a process runs at once over HTTP; who then waits for more than a quarter of a second gets status 503", ""},
	{"graph/document", "maxText", "a GraphQL document", "size"},
	{"graph/document", "maxTokens", "tokens in a GraphQL document", ""},
	{"graph/document", "maxNodes", "selections, arguments, values and directives in a GraphQL document", ""},
	{"graph/document", "maxDefined", "operations in a GraphQL document", ""},
	{"graph/document", "maxFragments", "fragments in a GraphQL document", ""},
	{"graph/document", "maxValues", "values in the variables of a request", ""},
	{"graph", "longestRun", "a query or mutation runs at most", "time"},
	{"graph", "maxCost", "points of cost in a request", ""},
	{"graph", "operatorCost", "points of cost in an operator's request", ""},
	{"graph", "documentCost", "points of cost in a document of console or widget, with the largest pages it can ask for", ""},
	{"graph/document", "maxDear", "fields of one name in a request that cost 10 points or more each", ""},
	{"graph/document", "maxDepth", "levels in a request", ""},
	{"graph/document", "widgetDeep", "levels in a widget's request", ""},
	{"graph/document", "maxRoots", "root fields in a request", ""},
	{"graph/document", "widgetWide", "root fields in a widget's request", ""},
	{"graph/document", "maxAliases", "aliases in a request", ""},
	{"graph/plan", "maxFields", "fields in a subscription, with its fragments spread", ""},
	{"graph/plan", "maxSwitches", "variables that `@skip` and `@include` read in a subscription", ""},
	{"internal/platform/mail", "mostTries", "tries of a mail that its server does not take, over about a day", ""},
	{"internal/platform/mail", "hourly", "mails that an address gets in an hour; what is above waits", ""},
	{"internal/platform/mail", "tooOld", "a mail that could not leave waits at most", "time"},
	{"internal/platform/mail", "keepArguments", "what a mail said is kept", "time"},
	{"internal/platform/mail", "maxReport", "a report to `/hooks/mail`", "size"},
	{"internal/platform/mail", "hookWindow", "a signed report counts", "time"},
	{"internal/connect/notice", "perDay", "mails of one kind about domains that an address gets in a day; webhooks tell the rest", ""},
	{"internal/spine/door", "kept", "the same Idempotency-Key gets the same answer", "time"},
}

// TestLimitsDoc holds docs/limits.md to what the code counts.
func TestLimitsDoc(t *testing.T) {
	t.Parallel()
	c, found := readCode(t), map[string]string{}
	c.literals(t, "limit.Bucket", func(dir string, f *ast.File, fields map[string]ast.Expr) {
		if fields["Name"] == nil {
			return
		}
		name := strings.Join(c.words(t, dir, f, fields["Name"]), "")
		said, ok := buckets[name]
		if !ok {
			t.Errorf("%s counts by the bucket %q: say in internal/web/docs_test.go what it counts, then run this test with -update", dir, name)
		}
		rate, per := c.number(t, dir, f, fields["Rate"]), time.Duration(c.number(t, dir, f, fields["Per"]))
		burst := cmp.Or(c.number(t, dir, f, fields["Burst"]), rate)
		away := "each process counts for itself"
		if c.number(t, dir, f, fields["Closed"]) == 1 {
			away = "refused"
		}
		found[name] = fmt.Sprintf("| %s | %s | %s in %s | %s | %s |\n", said[0], said[1], thousands(rate), span(per), thousands(burst), away)
	})
	for name := range buckets {
		if found[name] == "" {
			t.Errorf("no code counts by the bucket %q any more: take it out of internal/web/docs_test.go", name)
		}
	}
	var b bytes.Buffer
	b.WriteString(`# Limits

What is counted and bounded, and how much of it. Made from the code: ` + "`go test ./internal/web -run LimitsDoc -update`" + `.

Over a limit the answer is ` + "`RATE_LIMITED`" + ` with ` + "`retryAfter`" + ` in seconds; with status 429, where nothing else was answered, and ` + "`Retry-After`" + `. A network is an IPv4 address, or the /64 of an IPv6 address.
All processes count together in Redis.

| What | By | Allowed | At once | When Redis is away |
|---|---|---|---|---|
`)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		b.WriteString(found[name])
	}
	b.WriteString("\n| What | Limit |\n|---|---|\n")
	for _, k := range constants {
		value := c.number(t, k.dir, c.files[k.dir][0], c.named(k.dir, c.files[k.dir][0], k.name))
		if value == 0 {
			t.Errorf("%s has no constant %q any more: correct internal/web/docs_test.go", k.dir, k.name)
		}
		shown := thousands(value)
		switch k.unit {
		case "time":
			shown = span(time.Duration(value))
		case "size":
			shown = size(value)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", k.what, shown)
	}
	b.WriteString("\nThe built-in plan of every organization; past the included number a tenth more (at least five) is accepted with a notice, then `QUOTA_EXCEEDED`.\n\n| Metric | Included | At most |\n|---|---|---|\n")
	for _, q := range billing.BuiltIn.Quotas {
		l := usage.FromPlan(q.Limit, q.Hard)
		fmt.Fprintf(&b, "| %s | %s | %s |\n", q.Metric, thousands(l.Included), thousands(l.Hard))
	}
	compare(t, "docs/limits.md", b.Bytes())
}

func compare(t *testing.T, file string, want []byte) {
	t.Helper()
	path := filepath.Join(root, file)
	if t.Failed() {
		return
	}
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, want) {
		t.Errorf("%s does not say what the code says (%v): run go test ./internal/web -run Doc -update, and look at the difference", file, err)
	}
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

func span(d time.Duration) string {
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d >= u.of && d%u.of == 0 {
			if n := int64(d / u.of); n != 1 {
				return fmt.Sprintf("%d %ss", n, u.name)
			}
			return "1 " + u.name
		}
	}
	return d.String()
}

func size(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
