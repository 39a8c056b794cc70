package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/noticeq"
)

// Renewal tells that a certificate could not be renewed yet, and until when the padlock holds: the domain works.
type Renewal struct {
	Domain
	Problem *letter.Problem
	Until   *time.Time
}

// DegradedMany tells owners of more domains that broke for the same cause within some minutes.
type DegradedMany struct {
	Domains int
	Names   string // the first of them
	Problem *letter.Problem
	Link    string // the incidents' page in the console
}

func (Renewal) Letter() string      { return "domain_renewal" }
func (DegradedMany) Letter() string { return "domains_degraded" }

const (
	together = 15 * time.Minute // domains that break for one cause within it are told of in one mail
	named    = 10               // of them by name
)

// broken is the letter of a break: what is wrong, and what becomes of it as the application's policy says. Of a certificate that could not be renewed it tells no
// more than is true.
func broken(about Domain, c *noticeq.ConnectionOfRow, m moved, at time.Time, again bool) func(locale string) letter.Content {
	until := m.GraceUntil
	if c.OnGraceEnd == "KEEP" {
		until = nil
	}
	return func(locale string) letter.Content {
		if m.renewal() && c.NotAfter.After(at) {
			return Renewal{about, problem(m, locale), &c.NotAfter}
		}
		d := Degraded{about, problem(m, locale), until, until != nil && c.OnGraceEnd == "ARCHIVE"}
		if again {
			return Reminder{d}
		}
		return d
	}
}

// renewal says that the certificate alone is what is wrong, and that it has not ended.
func (m moved) renewal() bool {
	if m.Reason == nil || *m.Reason == finding.CertificateExpired {
		return false
	}
	spec, known := finding.Lookup(*m.Reason)
	return known && spec.Facet == finding.TLS
}

// reminder is the tag of what is said again while a break lasts.
func reminder(con ident.ConnectionID) string { return "reminder " + con.String() }

// unremind forgets what would be said again.
func (s *Service) unremind(ctx context.Context, e *door.Effect, con ident.ConnectionID) error {
	for _, of := range []letter.Content{Reminder{}, Renewal{}} {
		if _, err := s.Mails.Withdraw(ctx, e, of.Letter(), reminder(con)); err != nil {
			return err
		}
	}
	return nil
}

// window are the minutes whose breaks are told together.
func window(at time.Time) (since, until time.Time) {
	since = at.UTC().Truncate(together)
	return since, since.Add(together)
}

func digestTag(org ident.OrgID, since time.Time) string {
	return fmt.Sprintf("digest %s %d", org, since.Unix())
}

// digest tells owners of the domains that broke within the window beside the first one of each cause, in one mail at its end. It answers whether a connection is
// among these, so that it has no mail of its own. What was staged before is forgotten: the list is another one now.
func (s *Service) digest(ctx context.Context, e *door.Effect, r event.Row, con ident.ConnectionID, slug string, owners []ident.UserID) (among bool, err error) {
	since, until := window(r.At)
	tag := digestTag(r.OrgID, since)
	staged, err := s.Mails.Withdraw(ctx, e, DegradedMany{}.Letter(), tag)
	if err != nil || staged == 0 && r.Action != "connection.degraded" {
		return false, err
	}
	rows, err := s.q.BrokenBetween(ctx, e.Tx, noticeq.BrokenBetweenParams{OrgID: r.OrgID.UUID(), Since: since, Until: until})
	if err != nil {
		return false, fmt.Errorf("list what broke in %s: %w", r.OrgID, err)
	}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Reason == rows[0].Reason {
			n++
		}
		reason, more := rows[0].Reason, rows[1:n]
		rows = rows[n:]
		if len(more) == 0 {
			continue
		}
		names := make([]string, 0, named+1)
		for at, row := range more {
			among = among || row.ID == con.UUID()
			if at < named {
				names = append(names, row.HostnameUnicode)
			}
		}
		if len(more) > named {
			names = append(names, "…")
		}
		for _, owner := range owners {
			out := mail.Mail{Key: r.ID.String() + " " + reason, Org: r.OrgID, User: owner, Tags: []string{tag}, PerDay: perDay, NotBefore: until}
			out.In = func(locale string) letter.Content {
				return DegradedMany{len(more), strings.Join(names, ", "), problem(moved{Reason: &reason}, locale), fmt.Sprintf("%s/%s/incidents", s.Console, slug)}
			}
			if err := s.Mails.Stage(ctx, e, out); err != nil {
				return false, err
			}
		}
	}
	return among, nil
}

// applyIncident ends the reminders of a domain whose incident somebody sees to, and moves them when its grace is longer (MO-4).
func (s *Service) applyIncident(ctx context.Context, tx *db.Tx, r event.Row) error {
	id, err := ident.Parse[ident.ConnectionID](r.Stream)
	if err != nil || r.OrgID.IsZero() {
		return nil
	}
	var p struct {
		GraceUntil *time.Time `json:"graceUntil"`
	}
	if err := json.Unmarshal(r.Payload, &p); err != nil {
		return fmt.Errorf("read the payload of %s: %w", r.ID, err)
	}
	if r.Action == "connection.updated" && p.GraceUntil == nil {
		return nil
	}
	c, err := s.q.ConnectionOf(ctx, tx, noticeq.ConnectionOfParams{ID: id.UUID(), OrgID: r.OrgID.UUID()})
	if db.NotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read the connection %s: %w", id, err)
	}
	return s.Door.JoinTx(ctx, tx, "notice", r.OrgID, func(ctx context.Context, e *door.Effect) error {
		e.Quiet()
		if err := s.unremind(ctx, e, id); err != nil || r.Action != "connection.updated" || c.EndUserEmail == nil {
			return err
		}
		to, err := mail.Address("endUserEmail", *c.EndUserEmail)
		if err != nil {
			return nil
		}
		about := Domain{Domain: c.HostnameUnicode, Application: letter.Typed(c.Application)}
		out := mail.Mail{Key: r.ID.String() + " last", Org: r.OrgID, To: to, Brand: c.Application, Tags: []string{id.String(), reminder(id)}, PerDay: perDay, NotBefore: p.GraceUntil.Add(-lastCall),
			In: broken(about, c, moved{Reason: c.StateReason, GraceUntil: p.GraceUntil}, r.At, true)}
		return s.Mails.Stage(ctx, e, out)
	})
}
