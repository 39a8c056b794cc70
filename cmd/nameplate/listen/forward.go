package listen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/send"
)

const timeout = 15 * time.Second // of one attempt, as for endpoints (WH-4)

// outcome is what came of one message.
type outcome struct {
	Time      time.Time       `json:"time"`
	WebhookID string          `json:"webhookId"`
	Topic     string          `json:"topic"`
	Hostname  string          `json:"hostname,omitempty"`
	Status    int             `json:"status,omitempty"`
	LatencyMs int64           `json:"latencyMs"`
	Error     string          `json:"error,omitempty"`
	Body      json.RawMessage `json:"body"`
}

// hand signs a message and posts it, once: what fails here is shown, and comes again when it is sent again.
func (l *Listener) hand(ctx context.Context, m message) {
	o := outcome{Time: m.At, WebhookID: m.WebhookID, Topic: m.Topic, Hostname: hostname(m.Body), Body: json.RawMessage(m.Body)}
	l.going(o)
	began := time.Now()
	status, err := l.post(ctx, m, began)
	if ctx.Err() != nil {
		l.erase()
		return
	}
	o.Status, o.LatencyMs = status, time.Since(began).Milliseconds()
	if err != nil {
		o.Error = plain(err)
	}
	l.sent++
	if status < 200 || status > 299 {
		l.failed++
	}
	l.done(o)
}

func (l *Listener) post(ctx context.Context, m message, at time.Time) (int, error) {
	signature, err := send.Sign(m.WebhookID, at, []byte(m.Body), l.Secret)
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.Forward, strings.NewReader(m.Body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Nameplate-Webhooks/1")
	r.Header.Set("Webhook-Id", m.WebhookID)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("Webhook-Signature", signature)
	res, err := l.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection serves the next one
	return res.StatusCode, nil
}

// plain says in few words why nothing was answered.
func plain(err error) string {
	if errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "Client.Timeout") {
		return fmt.Sprintf("no answer within %s", timeout)
	}
	text := reason(err).Error()
	if at := strings.LastIndex(text, "connect: "); at >= 0 {
		text = text[at+len("connect: "):]
	}
	return text
}

// hostname is the domain that a body is about; "" for none.
func hostname(body string) string {
	var b struct {
		Data struct{ Connection struct{ Hostname string } }
	}
	_ = json.Unmarshal([]byte(body), &b)
	return b.Data.Connection.Hostname
}
