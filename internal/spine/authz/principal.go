package authz

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// Kind says how a caller proved who it is; the values are those of @access(to:), and SYSTEM for work of the product itself.
type Kind string

const (
	PUBLIC   Kind = "PUBLIC"
	USER     Kind = "USER"
	WIDGET   Kind = "WIDGET"
	API_KEY  Kind = "API_KEY"
	MACHINE  Kind = "MACHINE"
	SERVICE  Kind = "SERVICE"
	OPERATOR Kind = "OPERATOR"
	SYSTEM   Kind = "SYSTEM"
)

// Principal is the caller of one request.
type Principal struct {
	Kind          Kind
	UserID        ident.UserID        // the person behind a session or a key
	SessionID     ident.SessionID     // USER
	KeyID         ident.KeyID         // API_KEY, MACHINE; of a SERVICE it is all there is
	OrgID         ident.OrgID         // what a key or widget token is bound to; for a session, where the browser works now
	ApplicationID ident.ApplicationID // what a key or widget token is narrowed to; zero: nothing
	Scopes        []Permission        // API_KEY, MACHINE
	Basic         bool                // MACHINE: nobody stands for it, and it never had a plan that pays for more
	Widget        *WidgetClaims       // WIDGET
	AuthTime      time.Time           // USER: the last authentication or step-up
	AAL           int                 // USER: 1 one factor, 2 two
	Only          ident.OrgID         // USER: the session is limited to this organization, whose provider vouched for the person; zero: it is not
	Operator      bool                // USER: holds the role OPERATIONS and signed in with two factors; becomes an OPERATOR where an operation asks for what operators may
	Program       bool                // USER: a program that the person signed in, with a token; it writes documents of its own and pays for them, as a key does
	Explorer      bool                // OPERATOR: sends text of its own from /graphiql, and each run stands in the ledger
	Name          string              // SYSTEM: which work
	Until         time.Time           // when the credential ends by itself, as far as was known when it was read; zero: never. A widget's claims say it

	IP, Network, UserAgent, Origin, Locale, RequestID string
}

// WidgetClaims is what a widget token says, verified.
type WidgetClaims struct {
	TokenID       ident.WidgetTokenID
	ApplicationID ident.ApplicationID
	Hostname      string // "" or the one name that the token works for
	EndUserRef    string
	ConnectionIDs []ident.ConnectionID
	ExternalRef   string
	EndUserEmail  string
	Metadata      json.RawMessage
	RecipeID      *ident.RecipeID
	Origin        string
	Scopes        []string
	ExpiresAt     time.Time
}

// Actor is how the ledger names the caller: kind:id.
func (p Principal) Actor() string {
	switch p.Kind {
	case USER:
		return "user:" + p.UserID.String()
	case OPERATOR:
		return "operator:" + p.UserID.String()
	case API_KEY:
		return "key:" + p.KeyID.String()
	case MACHINE:
		return "machine:" + p.UserID.String()
	case SERVICE:
		return "service:" + p.KeyID.String()
	case WIDGET:
		return "widget:" + p.Widget.TokenID.String()
	case SYSTEM:
		return "system:" + p.Name
	}
	return "public:" + p.Network
}

// Account is FORBIDDEN in a session that an organization's own provider opened (PF-SES-6): it changes nothing of the account, because whoever runs that
// provider could be signed in as any of its people.
func (p Principal) Account() error {
	if p.Only.IsZero() {
		return nil
	}
	return fault.Refused("session_limited", "You signed in through your organization, and can change only what belongs to it. Sign in with your own password for this.")
}

// Person says whether somebody sits behind the call and looks: a session or a widget.
func (p Principal) Person() bool { return p.Kind == USER || p.Kind == OPERATOR || p.Kind == WIDGET }

// AsOperator is the caller as an operator, when it is one; everybody else stays who they are.
func (p Principal) AsOperator() Principal {
	if p.Kind == USER && p.Operator {
		p.Kind = OPERATOR
	}
	return p
}

// About is a recognised caller with what was known before anybody was recognised: network, browser, language, request.
func (p Principal) About(before Principal) Principal {
	p.IP, p.Network, p.UserAgent, p.Origin, p.Locale, p.RequestID = before.IP, before.Network, before.UserAgent, before.Origin, before.Locale, before.RequestID
	return p
}

// EndsAt is when the caller's credential ends by itself; zero: never.
func (p Principal) EndsAt() time.Time {
	if p.Widget != nil {
		return p.Widget.ExpiresAt
	}
	return p.Until
}

// Subjects are the ids whose revocation ends this caller's rights.
func (p Principal) Subjects() []string {
	var out []string
	for _, s := range []string{p.UserID.String(), p.SessionID.String(), p.KeyID.String()} {
		if s != "" {
			out = append(out, s)
		}
	}
	if p.Widget != nil {
		out = append(out, p.Widget.TokenID.String())
	}
	return out
}

const memberships = "memberships:"

// Memberships is the subject under which the end of one of a person's memberships is told: connections that were opened with it begin anew.
func Memberships(user ident.UserID) string { return memberships + user.String() }

const organizations = "organizations:"

// Organization is the subject under which the end of an organization is told to whoever is bound to it: widget tokens, keys, machines.
func Organization(org ident.OrgID) string { return organizations + org.String() }

// Holds are the subjects whose revocation ends a connection that the caller keeps open: those of Subjects, the end of a membership, after which a person who
// opens the next one is still somebody, and the end of the organization that a key or widget token is bound to.
func (p Principal) Holds() []string {
	out := p.Subjects()
	if !p.UserID.IsZero() {
		out = append(out, Memberships(p.UserID))
	}
	if p.Kind != USER && p.Kind != OPERATOR && !p.OrgID.IsZero() {
		out = append(out, Organization(p.OrgID))
	}
	return out
}

type contextKey struct{}

// With puts the caller into the context, who has not been authorised for anything yet. Work of the product sees all organizations.
func With(ctx context.Context, p Principal) context.Context {
	c := &called{Context: ctx, caller: p}
	if p.Kind == SYSTEM {
		c.sight = db.System(p.Name)
	}
	return c
}

// called is a context with a caller, and with what the caller was authorised for so far (see db.Sight).
type called struct {
	context.Context
	caller any
	sight  db.Sight
}

func (c *called) Value(key any) any {
	switch key.(type) {
	case contextKey:
		return c.caller
	case db.SightKey:
		return &c.sight
	}
	return c.Context.Value(key)
}

// From answers the caller; PUBLIC when nobody said who it is.
func From(ctx context.Context) Principal {
	if p, ok := ctx.Value(contextKey{}).(Principal); ok {
		return p
	}
	return Principal{Kind: PUBLIC}
}

// System is the context of work inside the product; name says which, "check".
func System(ctx context.Context, name string) context.Context {
	p := From(ctx)
	return With(ctx, Principal{Kind: SYSTEM, Name: name, RequestID: p.RequestID, Locale: p.Locale})
}
