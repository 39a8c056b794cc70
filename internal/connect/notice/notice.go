// Package notice mails people what happened to their domains.
//
// It reads the ledger. Of a domain that went live, broke, works again or was given up the organization's owners hear at once, and the customer who left an
// address when it was connected: at once too, but of a break only when it has lasted for an hour, again after a day and twelve hours before the grace ends, and of
// its end only when they had heard of the break. Both hear when a domain is suspended, when somebody else has proven it, and when it went to them. What is wrong and what to do are the sentences of the catalogue of findings, in the reader's language, the same as in the console and the widget. Domains that break for one cause within
// a quarter of an hour are told of in one mail beside the first one's, and what comes and goes again and again only when it lasts. Owners also hear
// of a webhook endpoint that nothing got through to for a day, or that was switched off, and of a certificate that was brought and ends.
package notice

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/queries/noticeq"
)

const (
	patience = time.Hour      // that a customer's domain may be broken before they hear of it (MO-2) …
	again    = 24 * time.Hour // … and again …
	lastCall = 12 * time.Hour // … and this long before the grace ends
	perDay   = 20             // mails of one kind that one address gets: of more, webhooks and console tell
)

// Service turns events into mails. Its fields are set by the assembly.
type Service struct {
	Door    *door.Door
	Mails   *mail.Service
	Console string // address of the console

	q noticeq.Queries
}

// Domain is what every mail about a domain says.
type Domain struct {
	Domain      string
	Application letter.Typed
	Link        string // the domain's page in the console, or for customers the domain itself once it works; "" without one
}

// Live tells that a domain works.
type Live struct{ Domain }

// Degraded tells that a domain that worked does not, why, and until when it is held.
type Degraded struct {
	Domain
	Problem     *letter.Problem
	Until       *time.Time // nil: nothing is taken away
	Disconnects bool       // at that time; otherwise it is suspended
}

// Recovered tells that it works again.
type Recovered struct{ Domain }

// ActionRequired tells that a domain was not connected in time, and why.
type ActionRequired struct {
	Domain
	Problem *letter.Problem
}

// Reminder tells a customer again that a domain does not work, and until when it is held.
type Reminder struct{ Degraded }

// Suspended tells that a domain is not served any more, why, and that it comes back with its records.
type Suspended struct {
	Domain
	Problem *letter.Problem
}

// Contested tells that somebody else has proven a domain, and when it moves to them.
type Contested struct {
	Domain
	Problem *letter.Problem
	Until   *time.Time
}

// Moved tells that a domain went to who had proven it.
type Moved struct{ Domain }

func (Live) Letter() string           { return "domain_live" }
func (Degraded) Letter() string       { return "domain_degraded" }
func (Reminder) Letter() string       { return "domain_reminder" }
func (Suspended) Letter() string      { return "domain_suspended" }
func (Contested) Letter() string      { return "domain_contested" }
func (Moved) Letter() string          { return "domain_moved" }
func (Recovered) Letter() string      { return "domain_recovered" }
func (ActionRequired) Letter() string { return "domain_action_required" }

//go:embed words/*.json
var files embed.FS

// Letters are the words of these mails.
func Letters() letter.Set {
	words, err := fs.Sub(files, "words")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	d := Domain{Domain: "shop.example.com", Application: "Acme Shop Builder", Link: "https://console.example.com/acme/domains/con_1"}
	endpoint := Endpoint{Host: "hooks.example.com", Link: "https://console.example.com/acme/webhooks/whk_1"}
	until := new(time.Date(2027, 3, 3, 9, 30, 0, 0, time.UTC))
	problem := &letter.Problem{Title: "The record is gone.", Body: "Visitors see an error.", Steps: []string{"Add it again."}}
	return letter.Set{Words: words, Examples: []letter.Content{
		Live{d}, Degraded{d, problem, until, false}, Reminder{Degraded{d, problem, until, false}}, Renewal{d, problem, until}, DegradedMany{3, "shop.example.com, blog.example.com", problem, "https://console.example.com/acme/incidents"}, Recovered{d}, ActionRequired{d, problem}, Suspended{d, problem}, Contested{d, problem, until}, Moved{d},
		CertificateExpiring{d, problem, until},
		EndpointFailing{endpoint}, EndpointDisabled{endpoint, true},
	}}
}

// told are the events that are mailed.
var told = []string{"connection.live", "connection.degraded", "connection.recovered", "connection.failed", "connection.suspended", "connection.contested", "connection.transferred"}

// Part is what notices contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "notice", Readers: []event.Reader{
		{Name: "mail.domain", Wants: func(action string) bool { return slices.Contains(told, action) }, Apply: s.apply},
		{Name: "mail.incident", Wants: func(action string) bool { return action == "incident.acknowledged" || action == "connection.updated" }, Apply: s.applyIncident},
		{Name: "mail.certificate", Wants: func(action string) bool { return action == certificateExpiring }, Apply: s.applyCertificate},
		{Name: "mail.endpoint", Wants: func(action string) bool { return action == endpointFailing || action == endpointDisabled }, Apply: s.applyEndpoint},
	}}
}

// moved is what we read of the payload of a change of state.
type moved struct {
	State      string           `json:"state"`
	Direction  string           `json:"direction"`
	Within     bool             `json:"withinOrganization"`
	TransferAt *time.Time       `json:"transferAt"`
	Reason     *string          `json:"reason"`
	Finding    *finding.Finding `json:"finding"`
	GraceUntil *time.Time       `json:"graceUntil"`
}

func (s *Service) apply(ctx context.Context, tx *db.Tx, r event.Row) error {
	id, err := ident.Parse[ident.ConnectionID](r.Subject)
	if err != nil || r.OrgID.IsZero() {
		return nil
	}
	var m moved
	if err := json.Unmarshal(r.Payload, &m); err != nil {
		return fmt.Errorf("read the payload of %s: %w", r.ID, err)
	}
	if m.quiet(r.Action) {
		return nil
	}
	c, err := s.q.ConnectionOf(ctx, tx, noticeq.ConnectionOfParams{ID: id.UUID(), OrgID: r.OrgID.UUID()})
	if db.NotFound(err) {
		return nil // archived, or its organization deleted: nobody waits for it
	} else if err != nil {
		return fmt.Errorf("read the connection %s: %w", id, err)
	}
	return s.Door.JoinTx(ctx, tx, "notice", r.OrgID, func(ctx context.Context, e *door.Effect) error {
		e.Quiet() // the mails themselves are the events, if there is somebody to read them
		return s.tell(ctx, e, r, id, c, m)
	})
}

// quiet says that an event is no mail: of the organization's own end its people hear as members, and what came to a connection it says itself.
func (m moved) quiet(action string) bool {
	switch action {
	case "connection.suspended":
		return m.Reason != nil && *m.Reason == organizationDeleted
	case "connection.contested":
		return m.State != contested // the challenger's side
	case "connection.transferred":
		return m.Direction != "out"
	}
	return false
}

// Words of the payloads that are read here.
const (
	organizationDeleted = "organization_deleted"
	contested           = "CONTESTED"
)

// tell stages the mails of one event.
func (s *Service) tell(ctx context.Context, e *door.Effect, r event.Row, id ident.ConnectionID, c *noticeq.ConnectionOfRow, m moved) error {
	waiting := 0
	if ends := []string{"connection.recovered", "connection.suspended", "connection.transferred"}; slices.Contains(ends, r.Action) {
		if err := s.unremind(ctx, e, id); err != nil {
			return err
		}
		var err error
		if waiting, err = s.Mails.Withdraw(ctx, e, Degraded{}.Letter(), id.String()); err != nil {
			return err
		}
		late, err := s.Mails.Withdraw(ctx, e, Renewal{}.Letter(), id.String())
		if err != nil {
			return err
		}
		waiting += late
	}
	if m.Within { // its own people did it
		return nil
	}
	about := Domain{Domain: c.HostnameUnicode, Application: letter.Typed(c.Application), Link: fmt.Sprintf("%s/%s/domains/%s", s.Console, c.Slug, id)}
	out := mail.Mail{Key: r.ID.String(), Org: r.OrgID, Tags: []string{id.String()}, PerDay: perDay}
	if err := s.tellOwners(ctx, e, r, id, c, about, m, waiting); err != nil {
		return err
	}
	if c.EndUserEmail == nil || waiting > 0 && r.Action == "connection.recovered" {
		return nil
	}
	to, err := mail.Address("endUserEmail", *c.EndUserEmail)
	if err != nil {
		return nil // somebody else's server gave it, and it is none
	}
	about.Link = ""
	if r.Action == "connection.live" || r.Action == "connection.recovered" {
		about.Link = "https://" + c.HostnameUnicode
	}
	out.User, out.To, out.Brand, out.In = ident.UserID{}, to, c.Application, s.letter(r, about, c, m)
	if r.Action != "connection.degraded" {
		return s.Mails.Stage(ctx, e, out)
	}
	out.NotBefore = r.At.Add(patience)
	if err := s.Mails.Stage(ctx, e, out); err != nil {
		return err
	}
	out.Tags = append(out.Tags, reminder(id))
	return s.remind(ctx, e, r, out, broken(about, c, m, r.At, true), m.GraceUntil)
}

// tellOwners tells an organization's owners of an event: of a break in one mail with others that have the same cause, and of what comes and goes only when it has
// lasted for an hour.
func (s *Service) tellOwners(ctx context.Context, e *door.Effect, r event.Row, id ident.ConnectionID, c *noticeq.ConnectionOfRow, about Domain, m moved, waiting int) error {
	owners, err := s.owners(ctx, e, r.OrgID)
	if err != nil {
		return err
	}
	out := mail.Mail{Key: r.ID.String(), Org: r.OrgID, Tags: []string{id.String()}, PerDay: perDay, In: s.letter(r, about, c, m)}
	switch {
	case c.Flapping && r.Action == "connection.recovered" && waiting > 0:
		return nil
	case c.Flapping && r.Action == "connection.degraded":
		out.NotBefore = r.At.Add(patience)
	case r.Action == "connection.degraded" || r.Action == "connection.recovered":
		among, err := s.digest(ctx, e, r, id, c.Slug, owners)
		if err != nil || among {
			return err
		}
	}
	return s.stage(ctx, e, owners, out)
}

// toOwners tells an organization's owners; there may be nobody.
func (s *Service) toOwners(ctx context.Context, tx *db.Tx, out mail.Mail) error {
	return s.Door.JoinTx(ctx, tx, "notice", out.Org, func(ctx context.Context, e *door.Effect) error {
		e.Quiet() // the mails themselves are the events, if there is somebody to read them
		owners, err := s.owners(ctx, e, out.Org)
		if err != nil {
			return err
		}
		return s.stage(ctx, e, owners, out)
	})
}

func (s *Service) owners(ctx context.Context, e *door.Effect, org ident.OrgID) ([]ident.UserID, error) {
	rows, err := s.q.Owners(ctx, e.Tx, noticeq.OwnersParams{OrgID: org.UUID()})
	if err != nil {
		return nil, fmt.Errorf("find the owners of %s: %w", org, err)
	}
	owners := make([]ident.UserID, len(rows))
	for n, owner := range rows {
		owners[n] = ident.From[ident.UserID](owner)
	}
	return owners, nil
}

// stage stages a mail to each of these people.
func (s *Service) stage(ctx context.Context, e *door.Effect, to []ident.UserID, out mail.Mail) error {
	for _, out.User = range to {
		if err := s.Mails.Stage(ctx, e, out); err != nil {
			return err
		}
	}
	return nil
}

// remind stages what a customer hears while a break lasts: after a day, and twelve hours before the grace ends. What would come closer than that to another one,
// or after the end, is left out.
func (s *Service) remind(ctx context.Context, e *door.Effect, r event.Row, out mail.Mail, content func(locale string) letter.Content, until *time.Time) error {
	if until == nil {
		return nil
	}
	last := until.Add(-lastCall)
	for name, at := range map[string]time.Time{"day": r.At.Add(again), "last": last} {
		if at.Before(r.At.Add(patience+lastCall)) || name == "day" && last.Sub(at) < lastCall {
			continue
		}
		out.Key, out.NotBefore, out.In = r.ID.String()+" "+name, at, content
		if err := s.Mails.Stage(ctx, e, out); err != nil {
			return err
		}
	}
	return nil
}

// letter is what an event is told with, in the reader's language.
func (s *Service) letter(r event.Row, d Domain, c *noticeq.ConnectionOfRow, m moved) func(locale string) letter.Content {
	if r.Action == "connection.degraded" {
		return broken(d, c, m, r.At, false)
	}
	return func(locale string) letter.Content {
		switch r.Action {
		case "connection.live":
			return Live{d}
		case "connection.recovered":
			return Recovered{d}
		case "connection.suspended":
			return Suspended{d, problem(m, locale)}
		case "connection.contested":
			return Contested{d, problem(m, locale), m.TransferAt}
		case "connection.transferred":
			return Moved{d}
		}
		return ActionRequired{d, problem(m, locale)}
	}
}

// problem is the finding in words: with its details where the event holds them.
func problem(m moved, locale string) *letter.Problem {
	var x finding.Explanation
	switch {
	case m.Finding != nil:
		x = m.Finding.Explain(locale)
	case m.Reason != nil:
		x, _ = finding.Explain(*m.Reason, locale, map[string]any{})
	}
	if x.Title == "" {
		return nil
	}
	return &letter.Problem{Title: x.Title, Body: x.Body, Steps: x.Steps}
}
