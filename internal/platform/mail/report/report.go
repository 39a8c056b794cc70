// Package report reads what mail servers and gateways say of mails that have left: that one arrived, that its mailbox does not exist, that its reader
// complained. It reads what strangers wrote, and decides nothing.
package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"
)

// Kind is what is reported.
type Kind string

const (
	Delivered  Kind = "delivered"
	Bounced    Kind = "bounced" // for good: RFC 3464 action failed
	Complained Kind = "complained"
)

// Report is one of them. MessageID stands without angle brackets.
type Report struct {
	Kind      Kind   `json:"kind"`
	MessageID string `json:"messageId"`
	Reason    string `json:"reason"`
}

const (
	most      = 100 // reports in one JSON body
	parts     = 10
	maxReason = 500
)

// ErrNone says that a body is no report of a kind that counts.
var ErrNone = errors.New("no report of a delivery, a bounce or a complaint was found")

// JSON reads {"reports": [{"kind": "bounced", "messageId": "…", "reason": "…"}]}.
func JSON(body []byte) ([]Report, error) {
	var in struct {
		Reports []Report `json:"reports"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, errors.New("it cannot be read as JSON")
	}
	if len(in.Reports) == 0 || len(in.Reports) > most {
		return nil, fmt.Errorf("1 to %d reports stand in one body", most)
	}
	for n := range in.Reports {
		r := &in.Reports[n]
		r.MessageID, r.Reason = bare(r.MessageID), short(r.Reason)
		if r.Kind != Delivered && r.Kind != Bounced && r.Kind != Complained || r.MessageID == "" {
			return nil, fmt.Errorf("report %d: kind is delivered, bounced or complained, and messageId names the mail", n)
		}
	}
	return in.Reports, nil
}

// Mail reads a multipart/report as it arrived (RFC 6522): a delivery status (RFC 3464) or feedback (RFC 5965). A status that is only delayed is ErrNone.
func Mail(body []byte) ([]Report, error) {
	m, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("it cannot be read as a mail")
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" {
		return nil, ErrNone
	}
	var r Report
	in := multipart.NewReader(m.Body, params["boundary"])
	for range parts {
		p, err := in.NextPart()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, errors.New("its parts cannot be read")
		}
		switch kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind {
		case "message/delivery-status", "message/global-delivery-status":
			status(&r, p)
		case "message/feedback-report":
			feedback(&r, p)
		case "message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers":
			r.MessageID = original(p)
		}
	}
	if r.Kind == "" || r.MessageID == "" {
		return nil, ErrNone
	}
	r.Reason = short(r.Reason)
	return []Report{r}, nil
}

// status reads the groups of fields of a delivery status: one about the message, then one for each recipient. Ours have one recipient.
func status(r *Report, from io.Reader) {
	in := textproto.NewReader(bufio.NewReader(io.LimitReader(from, 64<<10)))
	for range parts {
		h, err := in.ReadMIMEHeader()
		switch strings.ToLower(strings.TrimSpace(h.Get("Action"))) {
		case "failed":
			_, said, ok := strings.Cut(h.Get("Diagnostic-Code"), ";")
			if r.Kind, r.Reason = Bounced, strings.TrimSpace(said); !ok {
				r.Reason = h.Get("Status")
			}
		case "delivered", "relayed", "expanded":
			r.Kind = Delivered
		}
		if err != nil {
			return
		}
	}
}

// feedback reads a complaint. Who opted out by the button of their mail program has complained too.
func feedback(r *Report, from io.Reader) {
	h, _ := textproto.NewReader(bufio.NewReader(io.LimitReader(from, 64<<10))).ReadMIMEHeader()
	switch kind := strings.ToLower(strings.TrimSpace(h.Get("Feedback-Type"))); kind {
	case "abuse", "fraud", "opt-out", "other":
		r.Kind, r.Reason = Complained, kind
	}
}

// original is the Message-ID of the mail that came back.
func original(from io.Reader) string {
	h, _ := textproto.NewReader(bufio.NewReader(io.LimitReader(from, 64<<10))).ReadMIMEHeader()
	return bare(h.Get("Message-Id"))
}

func bare(id string) string {
	id = strings.Trim(strings.TrimSpace(id), "<>")
	if len(id) > 200 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return id
}

func short(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))), " ")
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}
