package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestDocs sends every request that a page for developers shows, in order and as it stands, and compares the answers that it shows. Written so that a request can
// be copied: npk_…, org_… and app_… stand for a key and ids that every reader has, con_…, whk_… and dlv_… for what the page has made last, npa_… and npr_… for the newest tokens.
func TestDocs(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"api.md", "integrate.md", "rest.md"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", page))
			if err != nil {
				t.Fatal(err)
			}
			h := harness.Start(t)
			r := &reader{House: h, t: t, made: map[string]string{}, ids: strings.NewReplacer("npk_…", h.Addresses.APIKey, "org_…", h.Addresses.OrganizationID, "app_…", h.Addresses.ApplicationID,
				"you@example.com", h.Addresses.ConsoleEmail, "a long walk by the sea", h.Addresses.ConsolePassword)}
			blocks := blocksOf(string(raw))
			for n, b := range blocks {
				if b.kind == "json" {
					continue
				}
				r.want = ""
				if n+1 < len(blocks) && (blocks[n+1].kind == "json" || blocks[n+1].kind == "sse") {
					r.want = blocks[n+1].text
				}
				if !r.block(b) {
					t.Errorf("line %d: this test cannot read a block of %q", b.line, b.kind)
				}
				if t.Failed() {
					t.Fatalf("that was line %d of docs/%s", b.line, page)
				}
			}
			if r.sent < 3 {
				t.Errorf("only %d requests were found", r.sent)
			}
		})
	}
}

// block is a fenced block of a page.
type block struct {
	kind, text string
	line       int
}

func blocksOf(page string) (out []block) {
	var in *block
	for n, line := range strings.Split(page, "\n") {
		kind, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && in == nil:
			in = &block{kind: kind, line: n + 1}
		case fence:
			out, in = append(out, *in), nil
		case in != nil:
			in.text += line + "\n"
		}
	}
	return out
}

// reader is somebody who tries what a page says.
type reader struct {
	*harness.House
	t    *testing.T
	ids  *strings.Replacer
	made map[string]string // by their prefix, the ids of what was made last
	want string            // the answer that the page shows; "" for any without errors
	sent int
}

func (r *reader) fill(text string) string {
	text = r.ids.Replace(text)
	for prefix, id := range r.made {
		text = strings.ReplaceAll(text, prefix+"_…", id)
	}
	return text
}

func (r *reader) block(b block) bool {
	r.sent++
	switch b.kind {
	case "sh":
		r.shell(b.text)
	case "http":
		r.http(b.text)
	case "graphql":
		r.document(b.text)
	case "ws":
		r.socket(b.text)
	default:
		r.sent--
		return b.kind == "sse" // read with the request above it
	}
	return true
}

// shell runs a command of the page.
func (r *reader) shell(text string) {
	if _, err := exec.LookPath("curl"); err != nil {
		r.t.Log("there is no curl here: its example is left out")
		return
	}
	c := exec.CommandContext(r.t.Context(), "bash", "-ec", r.fill(text))
	c.Env = append(os.Environ(), "NAMEPLATE="+r.Addresses.Console, "NAMEPLATE_KEY="+r.Addresses.APIKey, "HOOKS="+r.Lab.Addresses.Hooks)
	if strings.Contains(text, "$SIGNING_KEY") {
		made, err := r.App.Machines.CreateAccount(r.t.Context(), "billing")
		if err != nil {
			r.t.Fatal(err)
		}
		c.Env = append(c.Env, "SERVICE_KEY="+made.Key.Reveal(), "SIGNING_KEY="+made.Signing.Reveal())
	}
	out, err := c.Output()
	if err != nil {
		r.t.Errorf("%s: %v", text, err)
	}
	r.compare(out)
}

// http sends a request as a page writes it: the line, headers, an empty line, the body.
func (r *reader) http(text string) {
	head, body, _ := strings.Cut(r.fill(text), "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	q, err := http.NewRequestWithContext(r.t.Context(), method, r.Addresses.Console+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		q.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	if q.Header.Get("Accept") == "text/event-stream" {
		r.events(res.Body)
		return
	}
	out, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	r.compare(out)
}

// events compares the first lines of a stream that are no comments.
func (r *reader) events(body io.Reader) {
	lines := bufio.NewScanner(body)
	for _, want := range strings.Split(strings.TrimSpace(r.want), "\n") {
		for {
			if !lines.Scan() {
				r.t.Errorf("the stream ended before %q: %v", want, lines.Err())
				return
			}
			if line := lines.Text(); line != "" && !strings.HasPrefix(line, ":") {
				r.like("the stream", want, line)
				break
			}
		}
	}
}

var token = regexp.MustCompile(`"((npa|npr)_[A-Za-z0-9_-]{43})"`)

var named = regexp.MustCompile(`"id": ?"((con|whk|dlv)_[0-9a-z]{26})"`)

// compare holds an answer to the one that the page shows.
func (r *reader) compare(raw []byte) {
	if m := named.FindSubmatch(raw); m != nil {
		r.made[string(m[2])] = string(m[1])
	}
	for _, m := range token.FindAllSubmatch(raw, -1) {
		r.made[string(m[2])] = string(m[1])
	}
	var got, want any
	if err := json.Unmarshal(raw, &got); err != nil {
		r.t.Errorf("%q: %v", raw, err)
		return
	}
	if r.want == "" {
		if answer, _ := got.(map[string]any); answer["errors"] != nil || answer["data"] == nil {
			r.t.Errorf("%s", raw)
		}
		return
	}
	if err := json.Unmarshal([]byte(r.want), &want); err != nil {
		r.t.Errorf("the page's answer is no JSON: %v", err)
	}
	r.like("the answer", want, got)
	if r.t.Failed() {
		r.t.Logf("it was %s", raw)
	}
}

// like compares what the page shows with what came. Members that the page leaves out may be there; … stands for the rest of a text.
func (r *reader) like(at string, want, got any) {
	switch want := want.(type) {
	case map[string]any:
		object, _ := got.(map[string]any)
		for name, v := range want {
			r.like(at+"."+name, v, object[name])
		}
	case []any:
		list, _ := got.([]any)
		if len(list) != len(want) {
			r.t.Errorf("%s has %d members, and the page shows %d", at, len(list), len(want))
			return
		}
		for n := range want {
			r.like(fmt.Sprintf("%s.%d", at, n), want[n], list[n])
		}
	case string:
		text, _ := got.(string)
		if begin, open := strings.CutSuffix(want, "…"); text != want && !(open && strings.HasPrefix(text, begin) && text != begin) {
			r.t.Errorf("%s is %q, and the page shows %q", at, text, want)
		}
	default:
		if fmt.Sprint(got) != fmt.Sprint(want) {
			r.t.Errorf("%s is %v, and the page shows %v", at, got, want)
		}
	}
}

// document runs an operation that stands alone. Its variables are what every reader has: $app is the application, any other text is made up.
func (r *reader) document(text string) {
	text = r.fill(text)
	variables := map[string]any{"app": r.Addresses.ApplicationID, "customer": "customer-1"}
	if !strings.HasPrefix(strings.TrimSpace(text), "subscription") {
		body, _ := json.Marshal(map[string]any{"query": text, "variables": variables})
		_, raw := r.Post(harness.Caller{Bearer: r.Addresses.APIKey}, body)
		r.compare(raw)
		return
	}
	m, ok := r.Connect(harness.Caller{Bearer: r.Addresses.APIKey}).Subscribe(harness.Query{Text: text, Variables: variables}).Next(10 * time.Second)
	if !ok || m.Type != "next" {
		r.t.Errorf("the subscription answered %s %s", m.Type, m.Payload)
		return
	}
	r.compare(m.Payload)
}

// socket talks over a socket as the page writes it: → is said, ← is answered.
func (r *reader) socket(text string) {
	s, _, err := r.Dial(harness.Caller{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer s.Kill()
	for line := range strings.Lines(r.fill(text)) {
		side, message, _ := strings.Cut(strings.TrimSpace(line), " ")
		if side == "→" {
			s.Raw(1, []byte(message))
			continue
		}
		r.want = message
		if !r.answered(s) {
			r.t.Errorf("nothing came of what the page shows: %s", message)
			return
		}
	}
}

// answered waits for the message that the page shows; others, such as a second state of the same connection, may come before it.
func (r *reader) answered(s *harness.Socket) bool {
	var want harness.Message
	if err := json.Unmarshal([]byte(r.want), &want); err != nil {
		r.t.Fatal(err)
	}
	for {
		got, ok := s.Ack(10 * time.Second)
		if !ok {
			return false
		}
		if got.ID == want.ID && (got.Type == want.Type || got.Type == "error") {
			raw, _ := json.Marshal(got)
			r.compare(raw)
			return true
		}
	}
}
