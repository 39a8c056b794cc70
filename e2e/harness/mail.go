package harness

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/lab/sink"
)

// Letter is a mail as it reached the lab.
type Letter struct {
	sink.Message
	t testing.TB
}

// Mail waits for the next mail to an address: the first one that arrived and that no call for this address has answered yet. Two mails need two calls.
func (h *House) Mail(t testing.TB, addr string) Letter {
	t.Helper()
	return h.MailAbout(t, addr, "")
}

// MailAbout is Mail for the first one whose subject holds a text; those before it stay for other calls.
func (h *House) MailAbout(t testing.TB, addr, subject string) Letter {
	t.Helper()
	var found sink.Message
	h.With(t).Until(fmt.Sprintf("a mail to %s about %q", addr, subject), 20*time.Second, func() (bool, string) {
		all := h.Lab.Mail.Messages(addr)
		h.read.mu.Lock()
		defer h.read.mu.Unlock()
		var seen []string
		for _, m := range all {
			if key := fmt.Sprintf("%s %d", strings.ToLower(addr), m.ID); !h.read.seen[key] && strings.Contains(m.Subject, subject) {
				h.read.seen[key], found = true, m
				return true, ""
			}
			seen = append(seen, m.Subject)
		}
		return false, fmt.Sprintf("%q", seen)
	})
	return Letter{found, t}
}

var (
	aLink = regexp.MustCompile(`https?://\S+`)
	aCode = regexp.MustCompile(`(?m)^ {4}(\S+)\r?$`)
)

// Link is the address that the mail's button leads to, from its text part; it must stand in the HTML too.
func (l Letter) Link() string {
	l.t.Helper()
	link := aLink.FindString(l.Text)
	if link == "" || !strings.Contains(l.HTML, `href="`+strings.ReplaceAll(link, "&", "&amp;")+`"`) {
		l.t.Fatalf("the mail %q has no link in both parts:\n%s", l.Subject, l.Text)
	}
	return link
}

// Code is what the mail asks to be typed somewhere.
func (l Letter) Code() string {
	l.t.Helper()
	m := aCode.FindStringSubmatch(l.Text)
	if m == nil || !strings.Contains(l.HTML, m[1]) {
		l.t.Fatalf("the mail %q has no code in both parts:\n%s", l.Subject, l.Text)
	}
	return m[1]
}
