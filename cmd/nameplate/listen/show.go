package listen

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// line writes one object, as --json has it.
func (l *Listener) line(v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		return
	}
	fmt.Fprintln(l.Out, string(raw))
}

// note is a line that tells of the connection and of no message.
type note struct {
	Event       string `json:"event"`
	Application string `json:"application,omitempty"`
	Forward     string `json:"forward,omitempty"`
	Secret      string `json:"secret,omitempty"`
	Error       string `json:"error,omitempty"`
	Forwarded   *int   `json:"forwarded,omitempty"`
	Failed      *int   `json:"failed,omitempty"`
}

func (l *Listener) ready(app application) {
	if l.JSON {
		l.line(note{Event: "ready", Application: app.ID, Forward: l.Forward, Secret: l.Secret.Reveal()})
		return
	}
	fmt.Fprintf(l.Out, "Webhooks of %s (%s) go to %s\n", printable(app.Name), app.ID, l.Forward)
	fmt.Fprintf(l.Out, "They are signed with %s\n", l.Secret.Reveal())
	fmt.Fprintln(l.Out, "Ctrl-C ends it.")
}

// connected is said when the first batch has come, and after each return.
func (l *Listener) connected(again bool) {
	l.away = false
	switch {
	case l.JSON && again:
		l.line(note{Event: "reconnected"})
	case l.JSON:
		l.line(note{Event: "listening"})
	case again:
		l.print("", "listening again; what happened meanwhile follows")
	default:
		l.print("", "listening")
	}
}

// lost is said once, however many tries follow.
func (l *Listener) lost(err error) {
	if l.away {
		return
	}
	l.away = true
	text := "the connection was lost"
	if err != nil {
		text = printable(err.Error())
	}
	if l.JSON {
		l.line(note{Event: "lost", Error: text})
		return
	}
	l.print("33", "not connected: "+text)
}

func (l *Listener) bye() {
	if l.JSON {
		l.line(note{Event: "stopped", Forwarded: &l.sent, Failed: &l.failed})
		return
	}
	l.erase()
	fmt.Fprintf(l.Out, "%d forwarded, %d of them failed.\n", l.sent, l.failed)
}

// going shows on a screen that a message is on its way; done writes over it.
func (l *Listener) going(o outcome) {
	if l.Terminal && !l.JSON {
		fmt.Fprint(l.Out, "\r\x1b[K"+l.describe(o)+"  …")
	}
}

func (l *Listener) erase() {
	if l.Terminal && !l.JSON {
		fmt.Fprint(l.Out, "\r\x1b[K")
	}
}

func (l *Listener) done(o outcome) {
	if l.JSON {
		l.line(o)
		return
	}
	l.erase()
	result, colour := fmt.Sprintf("%d in %d ms", o.Status, o.LatencyMs), "32"
	switch {
	case o.Error != "":
		result, colour = printable(o.Error), "31"
	case o.Status < 200 || o.Status > 299:
		colour = "31"
	}
	fmt.Fprintln(l.Out, l.describe(o)+"  "+l.paint(colour, result))
}

func (l *Listener) describe(o outcome) string {
	return fmt.Sprintf("%s  %-30s %-32s", o.Time.Local().Format(time.TimeOnly), o.Topic, printable(o.Hostname))
}

func (l *Listener) print(colour, text string) {
	l.erase()
	fmt.Fprintln(l.Out, time.Now().Format(time.TimeOnly)+"  "+l.paint(colour, text))
}

func (l *Listener) paint(colour, text string) string {
	if !l.Terminal || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// printable keeps what others wrote from moving the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
}
