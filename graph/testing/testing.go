//go:build testing

// Package testing serves what the use cases give to tests alone: to look at what is stored, to let waiting work be done now, and to set the clock ahead. It is
// in no binary that was not built with -tags testing, and answers nobody but programs on the same machine.
package testing

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/graph/testing/gql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Address is where it is served.
const Address = "/graphql/testing"

// Service answers the testing schema. Its fields are set by the assembly.
type Service struct {
	DB            *db.DB
	Ledger        *event.Ledger
	Work          *work.Runner
	Accounts      *account.Service
	Registrations *registration.Service
	Mails         *mail.Service
	Audits        *audit.Service

	ahead atomic.Int64 // how far the clock was set ahead
	runs  atomic.Int64 // of due rows, since the start
}

// Part is the one route. It begins to count the runs of due rows.
func (s *Service) Part() part.Part {
	told := s.Work.Observe
	s.Work.Observe = func(queue string, took time.Duration, err error) {
		s.runs.Add(1)
		if told != nil {
			told(queue, took, err)
		}
	}
	h := handler.New(gql.NewExecutableSchema(gql.Config{Resolvers: root{s}}))
	h.AddTransport(transport.POST{})
	h.Use(extension.Introspection{})
	h.SetErrorPresenter(present)
	return part.Part{Name: "testing", Routes: []part.Route{{Pattern: Address, Handler: here(h)}}}
}

// here answers programs on this machine. A page in a browser is none of them, whatever name it found for the loopback address, and neither is what a proxy passes on.
func here(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		named, notIP := netip.ParseAddr(strings.Trim(host, "[]"))
		switch {
		case err != nil || !from.Addr().Unmap().IsLoopback(),
			host != "localhost" && (notIP != nil || !named.IsLoopback()),
			r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "",
			r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-For") != "":
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r.WithContext(authz.System(r.Context(), "testing")))
	})
}

// present tells code and reason as the product's own schema does.
func present(ctx context.Context, err error) *gqlerror.Error {
	out := graphql.DefaultErrorPresenter(ctx, err)
	if all := fault.All(err); len(all) > 0 {
		out.Extensions = map[string]any{"code": all[0].Code, "reason": all[0].Reason}
	}
	return out
}

type root struct{ *Service }

func (r root) Query() gql.QueryResolver       { return query(r) }
func (r root) Mutation() gql.MutationResolver { return mutation(r) }

type (
	query    struct{ *Service }
	mutation struct{ *Service }
)

func (q query) Audits(ctx context.Context, organizationID *string, since *time.Time) ([]*gql.Row, error) {
	org, err := organization(organizationID)
	if err != nil {
		return nil, err
	}
	all, err := q.Service.Audits.Recent(ctx, audit.AuditFilter{OrganizationID: org, Since: since})
	return rows(all, err, func(a *audit.Audit) *gql.Row {
		return row(a.ID.String(), a.Action, a.At, map[string]any{"chain": a.Chain, "seq": a.Seq, "organizationId": a.OrganizationID, "actor": a.Actor.ID, "actorKind": a.Actor.Kind, "outcome": a.Outcome,
			"subject": a.Subject, "message": audit.Message(a, "en"), "args": a.Args, "requestId": a.RequestID, "hash": a.Hash, "prevHash": a.PrevHash})
	})
}

func (q query) Emails(ctx context.Context, organizationID *string, since *time.Time, tags []string) ([]*gql.Row, error) {
	org, err := organization(organizationID)
	if err != nil {
		return nil, err
	}
	all, err := q.Mails.Recent(ctx, mail.DeliveryFilter{OrganizationID: org, Since: since, Tags: tags})
	return rows(all, err, func(m *mail.EmailDelivery) *gql.Row {
		return row(m.ID.String(), m.Template, m.CreatedAt, map[string]any{"to": m.To, "subject": m.Subject, "organizationId": m.OrganizationID, "tags": m.Tags, "state": m.State, "attempts": m.Attempts,
			"receiptId": m.ReceiptID, "sentAt": m.SentAt, "deliveredAt": m.DeliveredAt, "failedAt": m.FailedAt, "failedReason": m.FailedReason})
	})
}

func (q query) User(ctx context.Context, id string) (*gql.Row, error) {
	user, err := ident.Parse[ident.UserID](id)
	if err != nil {
		return nil, err
	}
	u, methods, err := q.Accounts.Look(ctx, user)
	if err != nil {
		return nil, err
	}
	orgs, err := q.Accounts.OrganizationsOf(authz.With(ctx, authz.Principal{Kind: authz.OPERATOR, AAL: 2, AuthTime: q.DB.Now()}), user)
	if err != nil {
		return nil, err
	}
	return row(id, u.Kind, u.CreatedAt, map[string]any{"status": u.Status, "access": u.Access, "roles": u.PlatformRoles, "name": u.Name, "email": u.Email, "emailVerified": u.EmailVerified, "methods": methods,
		"organizations": orgs, "apiKeys": u.ApiKeys, "rightsVersion": u.RightsVersion}), nil
}

func (q query) RegistrationConfirmation(ctx context.Context, email string) (*gql.Confirmation, error) {
	token, link, code, err := q.Registrations.Waiting(ctx, email)
	if err != nil {
		return nil, err
	}
	return &gql.Confirmation{Token: token, URL: link, Code: code}, nil
}

func (q query) Events(ctx context.Context, since *time.Time) ([]*gql.Row, error) {
	all, err := q.Service.Audits.RecentEvents(ctx, audit.LedgerEventFilter{Since: since})
	return rows(all, err, func(e *audit.LedgerEvent) *gql.Row {
		return row(e.ID.String(), e.Action, e.At, map[string]any{"organizationId": e.OrganizationID, "actor": e.Actor, "subject": e.Subject, "version": e.Version, "stream": e.Stream, "sequence": e.Sequence,
			"payload": e.Payload, "audited": e.Audited, "deliveries": e.Deliveries})
	})
}

func (m mutation) DrainAudits(ctx context.Context) (int32, error) {
	return counted(m.Audits.Drain(ctx))
}
func (m mutation) DrainEmails(ctx context.Context) (int32, error) { return counted(m.Mails.Drain(ctx)) }
func (m mutation) DrainEvents(ctx context.Context) (int32, error) {
	return counted(m.Ledger.Drain(ctx))
}

func (m mutation) DrainConnectJobs(ctx context.Context) (int32, error) {
	before := m.runs.Load()
	err := m.Work.Drain(ctx)
	return int32(m.runs.Load() - before), err
}

const longest = 10 * 365 * 24 * time.Hour

func (m mutation) AdvanceClock(_ context.Context, seconds int32) (*time.Time, error) {
	by := time.Duration(seconds) * time.Second
	if by < 0 || by > longest || time.Duration(m.ahead.Load()) > longest-by {
		return nil, fault.Invalid("seconds", "seconds", "The clock goes ahead only, ten years at most.")
	}
	ahead := time.Duration(m.ahead.Add(int64(by)))
	m.DB.SetClock(func() time.Time { return time.Now().Add(ahead) })
	return new(m.DB.Now()), nil
}

func organization(id *string) (*ident.OrgID, error) {
	if id == nil {
		return nil, nil
	}
	org, err := ident.Parse[ident.OrgID](*id)
	return &org, err
}

func counted(n int, err error) (int32, error) { return int32(n), err }

func rows[T any](all []T, err error, to func(T) *gql.Row) ([]*gql.Row, error) {
	out := make([]*gql.Row, len(all))
	for n, one := range all {
		out[n] = to(one)
	}
	return out, err
}

func row(id, kind string, at time.Time, data map[string]any) *gql.Row {
	raw, err := json.Marshal(data)
	if err != nil {
		raw = []byte("null") // what is kept is JSON already
	}
	return &gql.Row{ID: id, Kind: kind, At: at, Data: raw}
}
