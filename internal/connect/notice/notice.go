// Package notice mails people what happened to their domains.
//
// It reads the ledger. Of a domain that went live, broke, works again or was given up the organization's owners hear at once, and the customer who left an
// address when it was connected: at once too, but of a break only when it has lasted for an hour, again after a day and twelve hours before the grace ends, and of
// its end only when they had heard of the break. Both hear when a domain is suspended, when somebody else has proven it, and when it went to them. What is wrong and what to do are the sentences of the catalogue of findings, in the reader's language, the same as in the console and the widget. Owners also hear
// of a webhook endpoint that nothing got through to for a day, or that was switched off.
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
	Problem *letter.Problem
	Until   *time.Time
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
		Live{d}, Degraded{d, problem, until}, Reminder{Degraded{d, problem, until}}, Recovered{d}, ActionRequired{d, problem}, Suspended{d, problem}, Contested{d, problem, until}, Moved{d},
		EndpointFailing{endpoint}, EndpointDisabled{endpoint, true},
	}}
}

// told are the events that are mailed.
var told = []string{"connection.live", "connection.degraded", "connection.recovered", "connection.failed", "connection.suspended", "connection.contested", "connection.transferred"}

// Part is what notices contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "notice", Readers: []event.Reader{
		{Name: "mail.domain", Wants: func(action string) bool { return slices.Contains(told, action) }, Apply: s.apply},
		{Name: "mail.endpoint", Wants: func(action string) bool { return action == endpointFailing || action == endpointDisabled }, Apply: s.applyEndpoint},
	}}
}

// moved is what we read of the payload of a change of state.
type moved struct {
	State      string           `json:"state"`
	Direction  string           `json:"direction"`
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
		var err error
		if waiting, err = s.Mails.Withdraw(ctx, e, Degraded{}.Letter(), id.String()); err != nil {
			return err
		}
		if _, err = s.Mails.Withdraw(ctx, e, Reminder{}.Letter(), id.String()); err != nil {
			return err
		}
	}
	about := Domain{Domain: c.HostnameUnicode, Application: letter.Typed(c.Application), Link: fmt.Sprintf("%s/%s/domains/%s", s.Console, c.Slug, id)}
	out := mail.Mail{Key: r.ID.String(), Org: r.OrgID, Tags: []string{id.String()}, PerDay: perDay}
	owners, err := s.q.Owners(ctx, e.Tx, noticeq.OwnersParams{OrgID: r.OrgID.UUID()})
	if err != nil {
		return fmt.Errorf("find the owners of %s: %w", r.OrgID, err)
	}
	for _, owner := range owners {
		out.User, out.In = ident.From[ident.UserID](owner), s.letter(r.Action, about, m)
		if err := s.Mails.Stage(ctx, e, out); err != nil {
			return err
		}
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
	out.User, out.To, out.Brand, out.In = ident.UserID{}, to, c.Application, s.letter(r.Action, about, m)
	if r.Action != "connection.degraded" {
		return s.Mails.Stage(ctx, e, out)
	}
	out.NotBefore = r.At.Add(patience)
	if err := s.Mails.Stage(ctx, e, out); err != nil {
		return err
	}
	return s.remind(ctx, e, r, out, func(locale string) letter.Content { return Reminder{Degraded{about, problem(m, locale), m.GraceUntil}} }, m.GraceUntil)
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
func (s *Service) letter(action string, d Domain, m moved) func(locale string) letter.Content {
	return func(locale string) letter.Content {
		switch action {
		case "connection.live":
			return Live{d}
		case "connection.recovered":
			return Recovered{d}
		case "connection.degraded":
			return Degraded{d, problem(m, locale), m.GraceUntil}
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
