package mail

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/report"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/mailq"
)

const (
	// Signature is the header of a report: t=<seconds since 1970>,v1=<hex of HMAC-SHA256 over "<t>.<body>" under mail.hook_secret>.
	Signature = "Nameplate-Signature"

	hookWindow = 5 * time.Minute
	maxReport  = 512 << 10

	bounce    = "bounce"
	complaint = "complaint"
)

// hook takes what became of mails: a report as mail servers write it (RFC 3464 for bounces, RFC 5965 for complaints) with a message/rfc822 or
// multipart/report content type, or the same as JSON. Unsigned, stale or wrongly signed: 401, and nothing changes.
func (s *Service) hook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReport))
	if err != nil {
		http.Error(w, "A report has at most 512 KiB.", http.StatusRequestEntityTooLarge)
		return
	}
	if !s.signed(r.Header.Get(Signature), body) {
		http.Error(w, "The signature does not count: sign <t>.<body> with mail.hook_secret, within five minutes.", http.StatusUnauthorized)
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var news []report.Report
	if kind == "application/json" {
		news, err = report.JSON(body)
	} else {
		news, err = report.Mail(body)
	}
	if err != nil {
		http.Error(w, "This is no report: "+err.Error(), http.StatusBadRequest)
		return
	}
	for _, n := range news {
		if err := s.reported(authz.System(r.Context(), "mail"), n); err != nil {
			s.log().ErrorContext(r.Context(), "a report on a mail could not be stored", "err", err)
			http.Error(w, "Please send it again later.", http.StatusInternalServerError)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// signed checks a header of Signature.
func (s *Service) signed(header string, body []byte) bool {
	if s.HookSecret.IsZero() || len(header) > 200 {
		return false
	}
	at, mac, ok := strings.Cut(header, ",v1=")
	seconds, err := strconv.ParseInt(strings.TrimPrefix(at, "t="), 10, 64)
	given, wrong := hex.DecodeString(mac)
	if !ok || err != nil || wrong != nil || s.DB.Now().Sub(time.Unix(seconds, 0)).Abs() > hookWindow {
		return false
	}
	return hmac.Equal(given, Sign(s.HookSecret.Reveal(), seconds, body))
}

// Sign is the MAC of a report.
func Sign(secret string, at int64, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(h, "%d.", at)
	h.Write(body)
	return h.Sum(nil)
}

// reported brings one report into the mail that it names. A mail that we do not know, or that has moved on, changes nothing; a complaint or a bounce for good
// counts for the address in any case that we know the mail.
func (s *Service) reported(ctx context.Context, n report.Report) error {
	return s.change(ctx, "message.report", func(ctx context.Context, e *door.Effect) error {
		r, err := s.q.MessageByReceipt(ctx, e.Tx, mailq.MessageByReceiptParams{ReceiptID: n.MessageID})
		if db.NotFound(err) {
			e.Quiet()
			return nil
		} else if err != nil {
			return fmt.Errorf("find the mail of a report: %w", err)
		}
		e.Poke(changedHere, 0)
		id := ident.From[ident.MessageID](r.ID)
		record := func(action string) {
			e.Record(event.Change{Action: action, Subject: id.String(), Version: r.Version + 1, Payload: staged{V: 1, Template: r.Template, Reason: unnamed(n.Reason), Tries: r.Tries}})
		}
		p := mailq.ReportMessageParams{ID: r.ID, State: r.State, DeliveredAt: r.DeliveredAt, FailedAt: r.FailedAt, FailedReason: r.FailedReason}
		switch state := DeliveryState(r.State); {
		case n.Kind == report.Delivered && (state == Sent || state == Queued):
			p.State, p.DeliveredAt = string(Delivered), &e.Tx.Now
			record("message.delivered")
		case n.Kind == report.Bounced && state != Bounced:
			p.State, p.FailedAt, p.FailedReason = string(Bounced), &e.Tx.Now, &n.Reason
			record("message.bounced")
			e.After(func() { s.metrics.ended(Bounced) })
			if err := s.suppress(ctx, e, r.Recipient, bounce); err != nil {
				return err
			}
		case n.Kind == report.Complained:
			e.Quiet() // the mail arrived; only the address is kept free from now on
			return s.suppress(ctx, e, r.Recipient, complaint)
		default:
			e.Quiet()
			return nil
		}
		if err := s.q.ReportMessage(ctx, e.Tx, p); err != nil {
			return fmt.Errorf("write what was reported of %s: %w", id, err)
		}
		return nil
	})
}

// suppress puts an address on the list; the first reason stays.
func (s *Service) suppress(ctx context.Context, e *door.Effect, recipient, reason string) error {
	_, err := s.q.Suppress(ctx, e.Tx, mailq.SuppressParams{Recipient: recipient, Reason: reason, Since: e.Tx.Now})
	if err != nil {
		return errors.Join(errors.New("keep an address free of mail"), err)
	}
	return nil
}

// hashed names an address in the ledger without saying it.
func (s *Service) hashed(address string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(address)))
	return hex.EncodeToString(sum[:12])
}
