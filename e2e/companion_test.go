package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

type pairOf struct {
	ID        string
	Version   int
	State     string
	Companion *struct {
		Hostname, Mode, RedirectTo string
		Redirecting                bool
		Connection                 *struct{ ID, CompanionOf, RedirectsTo string }
	}
}

const pairFields = `id version state companion { hostname mode redirectTo redirecting connection { id companionOf redirectsTo } }`

func readPair(h *harness.House, id string) pairOf {
	var out struct{ Connection pairOf }
	h.Must(`query($id: ID!) { connection(id: $id) { `+pairFields+` } }`, map[string]any{"id": id}, &out)
	return out.Connection
}

// CN-63: a domain takes its www along. Both are proven over real DNS and secured by a real CA before the www leads anywhere; then it leads to the same page. What
// would lead back is refused, and the domain goes on without its www.
func TestCN63_TheDomainTakesItsWWWAlong(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	var offer struct {
		DomainCheck struct {
			Companion *struct {
				Hostname, Mode string
				Chosen         bool
			}
		}
	}
	h.Must(`query($app: ID!) { domainCheck(applicationId: $app, hostname: "acme.lab") { companion { hostname mode chosen } } }`, map[string]any{"app": h.Addresses.ApplicationID}, &offer)
	if c := offer.DomainCheck.Companion; c == nil || c.Hostname != "www.acme.lab" || c.Mode != "APEX" || c.Chosen {
		t.Fatalf("the analysis offers %+v", c)
	}
	var started struct{ StartConnection struct{ Connection pairOf } }
	h.Must(`mutation($in: StartConnectionInput!) { startConnection(input: $in) { connection { `+pairFields+` } } }`,
		map[string]any{"in": map[string]any{"applicationId": h.Addresses.ApplicationID, "hostname": "acme.lab", "companion": "APEX"}}, &started)
	main := started.StartConnection.Connection
	if main.Companion == nil || main.Companion.Connection == nil || main.Companion.Connection.CompanionOf != main.ID || main.Companion.Connection.RedirectsTo != "acme.lab" {
		t.Fatalf("%+v", main.Companion)
	}
	www := main.Companion.Connection.ID

	setLines(h, "acme.lab", h.State(www, 15*time.Second, "ACTION_REQUIRED"), "routing")
	h.State(www, 60*time.Second, "LIVE")
	res, body, err := h.Visit("www.acme.lab", "/")
	if err != nil || res.StatusCode != http.StatusServiceUnavailable || readPair(h, main.ID).Companion.Redirecting {
		t.Errorf("before the domain is proven: %v %v %s", res, err, body)
	}
	setLines(h, "acme.lab", h.State(main.ID, 15*time.Second, "ACTION_REQUIRED"), "apex-a", "apex-aaaa", "ownership")
	h.State(main.ID, 60*time.Second, "LIVE")
	leads := func(status int) {
		t.Helper()
		h.Until(fmt.Sprintf("the www leads on with %d", status), 15*time.Second, func() (bool, string) {
			res, _, err := h.Visit("www.acme.lab", "/cart%2F1?item=%20a&b")
			if err != nil {
				return false, err.Error()
			}
			to := res.Header.Get("Location")
			return res.StatusCode == status && strings.HasPrefix(to, "https://acme.lab") && strings.HasSuffix(to, "/cart%2F1?item=%20a&b"), fmt.Sprint(res.StatusCode, " ", to)
		})
	}
	leads(http.StatusPermanentRedirect)
	if !readPair(h, main.ID).Companion.Redirecting {
		t.Error("nobody is told that it leads")
	}
	if res, _, err := h.Visit("acme.lab", "/"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("the domain itself: %v %v", res, err)
	}

	update := func(id, mode string) harness.Answer {
		return h.Ask(`mutation($in: UpdateConnectionInput!) { updateConnection(input: $in) { connection { id } } }`,
			map[string]any{"in": map[string]any{"id": id, "version": readPair(h, id).Version, "companion": mode}})
	}
	if a := update(www, "WWW"); len(a.Faults) != 1 || a.Faults[0].Code() != "CONFLICT" || a.Faults[0].Reason() != "redirect_loop" || a.Faults[0].Field() != "companion" {
		t.Errorf("what leads back is saved: %s", a.Raw)
	}

	// Somebody else gets neither name, in the same words.
	rival := h.Tenant("rival")
	a := h.Send(rival.Key, harness.Query{Text: `mutation($in: StartConnectionInput!) { startConnection(input: $in) { connection { ` + pairFields + ` } } }`,
		Variables: map[string]any{"in": map[string]any{"applicationId": rival.Application.String(), "hostname": "acme.lab", "companion": "APEX"}}})
	var theirs struct{ StartConnection struct{ Connection pairOf } }
	if err := json.Unmarshal(a.Data, &theirs); err != nil || len(a.Faults) > 0 {
		t.Fatalf("%v %s", err, a.Raw)
	}
	for _, id := range []string{theirs.StartConnection.Connection.ID, theirs.StartConnection.Connection.Companion.Connection.ID} {
		h.Until("the rival is told that the name is held", 20*time.Second, func() (bool, string) {
			a := h.Send(rival.Key, harness.Query{Text: `query($id: ID!) { connection(id: $id) { findings { code } } }`, Variables: map[string]any{"id": id}})
			return strings.Contains(string(a.Raw), "held_elsewhere"), string(a.Raw)
		})
	}
	leads(http.StatusPermanentRedirect)

	setApplication(t, h, "companionStatus", 301)
	leads(http.StatusMovedPermanently)

	if a := update(main.ID, "NONE"); len(a.Faults) > 0 {
		t.Fatalf("%s", a.Raw)
	}
	h.Until("the www is refused", 5*time.Second, func() (bool, string) {
		_, _, err := h.Visit("www.acme.lab", "/")
		return err != nil, "it answers"
	})
	if res, _, err := h.Visit("acme.lab", "/"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("the domain without its www: %v %v", res, err)
	}
	if c := h.Connection(main.ID); c.State != "LIVE" {
		t.Errorf("the domain without its www is %s", c.State)
	}
}

// TestCN63_InTheBrowser: the widget offers the second name and shows its records, the console ends it and offers it again, the application takes it along by itself.
func TestCN63_InTheBrowser(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Browser(t, "Pair", nil)
}
