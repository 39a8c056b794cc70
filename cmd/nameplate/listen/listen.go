// Package listen brings the webhooks of a TEST application to a server on the developer's own machine. It asks the API what endpoints would be sent, signs each
// message as they are signed, and posts it to the local address: no endpoint, no tunnel, no public name.
//
// What it has handed on is known by the cursor of its last batch. When the connection is lost it comes back with that cursor, so nothing is left out; what is
// told twice is known by its webhook-id and handed on once.
package listen

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// Listener is one run of the command. Its exported fields are set by the caller.
type Listener struct {
	Server      string        // the installation: https://nameplate.example.com
	Key         secret.String // an API key with application.read and webhook.read
	Application string        // id, short name or name; "" for the only TEST application
	Topics      []string      // empty: all that are not optional
	Forward     string        // an address as Address makes it
	Secret      secret.String // what messages are signed with; empty: one that is made of key and application, the same each time
	Out         io.Writer
	JSON        bool // one object a line
	Terminal    bool // Out is a screen: lines may be written again, and coloured
	Wait        func(ctx context.Context, tries int) bool

	client http.Client
	seen   recent
	sent   int
	failed int
	away   bool // the connection is lost, and that was told
}

// Fatal is what no second try mends.
type Fatal struct{ Reason, Message string }

func (f *Fatal) Error() string { return f.Message }

// Address makes an address of what people write: 3000, localhost:3000/hooks, http://localhost:3000/hooks.
func Address(text string) (string, error) {
	whole := text
	if !strings.Contains(whole, "://") {
		if port, path, _ := strings.Cut(whole, "/"); port != "" && strings.Trim(port, "0123456789") == "" {
			whole = "localhost:" + port + "/" + path
		}
		whole = "http://" + whole
	}
	u, err := url.Parse(whole)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("%q is no address to forward to: write http://localhost:3000/hooks, localhost:3000/hooks or 3000", text)
	}
	return u.String(), nil
}

// Run listens until ctx ends, which is no error.
func (l *Listener) Run(ctx context.Context) error {
	l.client = http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if l.Wait == nil {
		l.Wait = pause
	}
	app, err := l.find(ctx)
	if err != nil {
		return err
	}
	if l.Secret.Reveal() == "" {
		l.Secret = derived(l.Key, app.ID)
	}
	l.ready(app)
	after := ""
	for tries := 0; ; {
		began, err := l.listen(ctx, app.ID, &after)
		if ctx.Err() != nil {
			l.bye()
			return nil
		}
		if _, fatal := errors.AsType[*Fatal](err); fatal {
			return err
		}
		if began {
			tries = 0
		}
		tries++
		l.lost(err)
		if !l.Wait(ctx, tries) {
			l.bye()
			return nil
		}
	}
}

// pause waits before another try: a quarter of a second, doubled up to ten, each a little more or less. It answers false when ctx ends first.
func pause(ctx context.Context, tries int) bool {
	d := min(10*time.Second, 250*time.Millisecond<<min(tries-1, 6))
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// derived is a signing secret that is the same each time, for this key and application, and says nothing about the key.
func derived(key secret.String, app string) secret.String {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	fmt.Fprintf(mac, "nameplate webhooks listen\n%s", app)
	return secret.New("whsec_" + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// application is what the API says of one.
type application struct{ ID, Slug, Name, Environment string }

// find looks for the application that is meant.
func (l *Listener) find(ctx context.Context) (application, error) {
	var org struct {
		Viewer struct{ CurrentOrganization *struct{ ID, Name string } }
	}
	if err := l.ask(ctx, "{ viewer { currentOrganization { id name } } }", nil, &org); err != nil {
		return application{}, err
	}
	if org.Viewer.CurrentOrganization == nil {
		return application{}, &Fatal{"no_organization", "this key works in no organization"}
	}
	var list struct {
		Applications struct{ Nodes []application }
	}
	err := l.ask(ctx, "query($org: ID!) { applications(organizationId: $org, first: 100) { nodes { id slug name environment } } }", map[string]any{"org": org.Viewer.CurrentOrganization.ID}, &list)
	if err != nil {
		return application{}, err
	}
	var tests []application
	for _, a := range list.Applications.Nodes {
		if l.Application == a.ID || l.Application != "" && (strings.EqualFold(l.Application, a.Slug) || l.Application == a.Name) {
			if a.Environment != "TEST" {
				return a, &Fatal{"application_live", fmt.Sprintf("%s is a %s application: what happens there is real, and goes to its endpoints alone. %s", a.Name, a.Environment, choice(list.Applications.Nodes))}
			}
			return a, nil
		}
		if a.Environment == "TEST" {
			tests = append(tests, a)
		}
	}
	switch {
	case l.Application != "":
		return application{}, &Fatal{"application_unknown", fmt.Sprintf("there is no application %q that this key reaches. %s", l.Application, choice(list.Applications.Nodes))}
	case len(tests) != 1:
		return application{}, &Fatal{"application_missing", "say which application with --application. " + choice(list.Applications.Nodes)}
	}
	return tests[0], nil
}

// choice tells the applications that can be listened to.
func choice(all []application) string {
	var names []string
	for _, a := range all {
		if a.Environment == "TEST" {
			names = append(names, fmt.Sprintf("%s (%s)", a.Slug, a.Name))
		}
	}
	if len(names) == 0 {
		return "Make a TEST application in the console, or with createApplication, and listen to that."
	}
	return "TEST applications: " + strings.Join(names, ", ") + "."
}

// ask sends a query.
func (l *Listener) ask(ctx context.Context, query string, variables map[string]any, into any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(l.Server, "/")+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		return &Fatal{"server", fmt.Sprintf("%q is no address of a server", l.Server)}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+l.Key.Reveal())
	res, err := l.client.Do(r)
	if err != nil {
		return &Fatal{"server", fmt.Sprintf("%s does not answer: %v", l.Server, reason(err))}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return &Fatal{"server", fmt.Sprintf("%s does not answer: %v", l.Server, reason(err))}
	}
	var answer struct {
		Data   json.RawMessage
		Errors []problem
	}
	if json.Unmarshal(raw, &answer) != nil {
		return &Fatal{"server", fmt.Sprintf("%s is no Nameplate: it answered %s", l.Server, res.Status)}
	}
	if len(answer.Errors) > 0 {
		return answer.Errors[0].fatal()
	}
	return json.Unmarshal(answer.Data, into)
}

// problem is an error of the API.
type problem struct {
	Message    string
	Extensions struct{ Code, Reason, Permission string }
}

func (p problem) fatal() *Fatal {
	f := &Fatal{p.Extensions.Reason, p.Message}
	switch p.Extensions.Code {
	case "UNAUTHENTICATED":
		f.Message = "the API key is refused: " + p.Message
	case "NOT_FOUND":
		f.Message = "the application is not there, or this key may not see it"
	}
	return f
}

// mends says that another try may go better.
func (p problem) mends() bool {
	return p.Extensions.Code == "UNAVAILABLE" || p.Extensions.Code == "RATE_LIMITED" || p.Extensions.Code == "INTERNAL"
}

// reason is an error of the network without the address, which the caller has told.
func reason(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
