package webhook

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

func TestAnEventArrivesSignedAndIsRetriedUntilItDoes(t *testing.T) {
	b := setup(t)
	set := metric.New()
	b.s.Measure(set)
	k := receiver(t, status(500), status(200))
	r := b.endpoint(k.URL+"/hook", "connection.*")
	b.happen(b.con, "connection.live", `{"v":1,"hostname":"shop.acme.com","state":"LIVE","from":"SECURING","setupType":"MANUAL","mechanism":"MANUAL","secondsSinceStart":93}`)
	b.drain()
	list := b.log(r.Endpoint.ID)
	if len(list) != 1 || list[0].State != Retrying || list[0].NextAttemptAt == nil {
		t.Fatalf("after a 500: %+v", list)
	}
	if wait := list[0].NextAttemptAt.Sub(b.now); wait < 4500*time.Millisecond || wait > 5500*time.Millisecond {
		t.Fatalf("it waits %s", wait)
	}
	b.pass(6 * time.Second)
	b.drain()
	got, d := k.all(), b.log(r.Endpoint.ID)[0]
	if len(got) != 2 || d.State != Succeeded || d.FinishedAt == nil || d.NextAttemptAt != nil {
		t.Fatalf("%d requests, %+v", len(got), d)
	}
	for _, m := range got {
		verify(t, r, m)
		if m.header.Get("webhook-id") != d.EventID.String() || m.header.Get("user-agent") != "Nameplate-Webhooks/1" || m.header.Get("content-type") != "application/json" {
			t.Fatalf("headers %v", m.header)
		}
	}
	if got[0].body != got[1].body || got[0].header.Get("webhook-timestamp") == got[1].header.Get("webhook-timestamp") {
		t.Fatal("a retry must send the same bytes at another time")
	}
	var m message.Body[message.ConnectionData]
	if err := json.Unmarshal([]byte(got[0].body), &m); err != nil {
		t.Fatal(err)
	}
	if c := m.Data.Connection; m.Type != "connection.live" || m.APIVersion != message.Version || m.Data.Sequence != 1 || m.Data.OrganizationID != b.Org || m.Data.ApplicationID != b.app ||
		c.ID != b.con || c.Hostname != "shop.acme.com" || c.State != "LIVE" || *c.ExternalRef != "cust_42" || *m.Data.From != "SECURING" {
		t.Fatalf("body %s", got[0].body)
	}
	tries := b.attempts(d.ID)
	if len(tries) != 2 || *tries[0].Status != 500 || *tries[1].Status != 200 || *tries[1].ResolvedIP != "127.0.0.1" || *tries[0].ResponseBody != "Internal Server Error" || tries[1].LatencyMs == nil {
		t.Fatalf("attempts %+v", tries)
	}
	if h, err := b.s.HealthOf(t.Context(), b.Org, []ident.WebhookID{r.Endpoint.ID}); err != nil || *h[r.Endpoint.ID].SuccessRate24h != 0.5 || h[r.Endpoint.ID].P95Ms == nil || h[r.Endpoint.ID].OldestPendingSeconds != nil {
		t.Fatalf("health %+v %v", h, err)
	}
	page := httptest.NewRecorder()
	set.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{`nameplate_webhook_attempts_total{result="server_error"} 1`, `nameplate_webhook_attempts_total{result="success"} 1`, "nameplate_webhook_lag_seconds_count 1"} {
		if !strings.Contains(page.Body.String(), line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

func TestAReaderThatRunsTwiceAddsNothing(t *testing.T) {
	b := setup(t)
	k := receiver(t, status(200))
	r := b.endpoint(k.URL, "*", "record.status_changed")
	b.happen(b.con, "connection.degraded", `{"v":1,"records":[{"key":"target","from":"OK","to":"WRONG_VALUE","have":0,"of":2}]}`)
	b.drain()
	b.exec("update event_reader set done_sequence = 0, state = 'DUE', due_at = $1 where reader = 'webhook.fanout'", b.now)
	b.drain()
	list := b.log(r.Endpoint.ID)
	if len(list) != 2 || list[0].Topic != "connection.degraded" || list[1].Topic != "record.status_changed" {
		t.Fatalf("%d deliveries", len(list))
	}
	got := k.all()
	if len(got) != 2 {
		t.Fatalf("%d requests", len(got))
	}
	for _, m := range got {
		want := list[0].EventID.String()
		if strings.Contains(m.body, message.StatusChanged) {
			want += "-record"
		}
		if id := m.header.Get("webhook-id"); id != want {
			t.Fatalf("webhook-id %s, not %s", id, want)
		}
		verify(t, r, m)
	}
}

func TestAnswersThatAreNotTwoHundred(t *testing.T) {
	b := setup(t)
	b.s.Timeout = time.Second
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 64 {
		z.Write(zeros)
	}
	z.Close()
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
				return
			}
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		state  WebhookDeliveryState
		status int32
		check  func(t *testing.T, b *bundle, e *WebhookEndpoint, d *WebhookDelivery, a *WebhookAttempt)
	}{
		"GoneDisables": {status(410), Failed, 410, func(t *testing.T, b *bundle, e *WebhookEndpoint, _ *WebhookDelivery, _ *WebhookAttempt) {
			if e.Status != AutoDisabled || *e.DisabledReason != Gone || e.Version != 2 {
				t.Fatalf("the endpoint is %+v", e)
			}
			if got := strings.Join(b.Actions(t), " "); !strings.Contains(got, message.DisabledEvent) {
				t.Fatal(got)
			}
		}},
		"TooManyWithSeconds": {status(429, "Retry-After", "7200"), Retrying, 429, func(t *testing.T, b *bundle, _ *WebhookEndpoint, d *WebhookDelivery, _ *WebhookAttempt) {
			if wait := d.NextAttemptAt.Sub(b.now); wait != 2*time.Hour {
				t.Fatalf("waits %s", wait)
			}
			b.happen(b.con, "connection.failed", `{"v":1}`)
			b.drain()
			if tries := b.attempts(b.log(d.EndpointID)[1].ID); len(tries) != 0 {
				t.Fatal("a throttled endpoint was called")
			}
		}},
		"RedirectIsNotFollowed": {status(302, "Location", "http://127.0.0.1:9/elsewhere"), Retrying, 302, func(t *testing.T, _ *bundle, _ *WebhookEndpoint, _ *WebhookDelivery, a *WebhookAttempt) {
			if a.Error == nil || !strings.Contains(*a.Error, "url_redirect") {
				t.Fatalf("error %v", a.Error)
			}
		}},
		"GzipBombStaysPacked": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		}, Succeeded, 200, short},
		"EndlessBodyIsCut": {endless, Succeeded, 200, short},
		"BrokenText": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X-Strange"] = []string{"a\xff\xfeb"}
			w.WriteHeader(500)
			w.Write([]byte("a\x00b\xff\xfec"))
		}, Retrying, 500, func(t *testing.T, _ *bundle, _ *WebhookEndpoint, _ *WebhookDelivery, a *WebhookAttempt) {
			if *a.ResponseBody != "a\uFFFDb\uFFFDc" || !json.Valid(a.ResponseHeaders) {
				t.Fatalf("kept %q %s", *a.ResponseBody, a.ResponseHeaders)
			}
		}},
		"EchoOfSecretsIsBlack": {nil, Retrying, 500, func(t *testing.T, _ *bundle, _ *WebhookEndpoint, _ *WebhookDelivery, a *WebhookAttempt) {
			for _, text := range []string{*a.ResponseBody, string(a.ResponseHeaders), string(a.RequestHeaders)} {
				if strings.Contains(text, "whsec_") || strings.Contains(text, "v1,") || strings.Contains(text, "abcdefgh") {
					t.Fatalf("kept %s", text)
				}
			}
			if !strings.Contains(*a.ResponseBody, "[redacted]") {
				t.Fatalf("kept %s", *a.ResponseBody)
			}
		}},
		"HangingIsGivenUp": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, Retrying, 0, func(t *testing.T, _ *bundle, _ *WebhookEndpoint, _ *WebhookDelivery, a *WebhookAttempt) {
			if a.Status != nil || *a.Error != "no answer within 1s" {
				t.Fatalf("%+v", a)
			}
		}},
		"DrippingBodyIsCut": {func(w http.ResponseWriter, r *http.Request) {
			for drip := time.NewTicker(20 * time.Millisecond); r.Context().Err() == nil; <-drip.C {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
			}
		}, Succeeded, 200, short},
		"HugeHeadersAreRefused": {func(w http.ResponseWriter, _ *http.Request) {
			for n := range 900 {
				w.Header().Set(fmt.Sprintf("X-%d", n), strings.Repeat("h", 1000))
			}
		}, Retrying, 0, func(t *testing.T, _ *bundle, _ *WebhookEndpoint, _ *WebhookDelivery, a *WebhookAttempt) {
			if a.Error == nil || !strings.Contains(*a.Error, "headers") || len(a.ResponseHeaders) > 100 {
				t.Fatalf("%+v", a)
			}
		}},
		"ManyHeadersAreCut": {func(w http.ResponseWriter, _ *http.Request) {
			for n := range 400 {
				w.Header().Set(fmt.Sprintf("X-%d", n), strings.Repeat("h", 100))
			}
		}, Succeeded, 200, func(t *testing.T, _ *bundle, _ *WebhookEndpoint, _ *WebhookDelivery, a *WebhookAttempt) {
			var kept map[string]string
			if err := json.Unmarshal(a.ResponseHeaders, &kept); err != nil || len(kept) > 100 {
				t.Fatalf("%d headers are kept: %v", len(kept), err)
			}
		}},
		"Reset": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
			}
		}, Retrying, 0, func(t *testing.T, _ *bundle, _ *WebhookEndpoint, _ *WebhookDelivery, a *WebhookAttempt) {
			if a.Error == nil || !strings.Contains(*a.Error, "reset") {
				t.Fatalf("error %v", a.Error)
			}
		}},
		"TooManyWithoutATime": {status(429), Retrying, 429, func(t *testing.T, b *bundle, _ *WebhookEndpoint, d *WebhookDelivery, _ *WebhookAttempt) {
			if wait := d.NextAttemptAt.Sub(b.now); wait != time.Minute {
				t.Fatalf("waits %s", wait)
			}
		}},
		"BrokenOff": {func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, Retrying, 0, func(t *testing.T, _ *bundle, _ *WebhookEndpoint, _ *WebhookDelivery, a *WebhookAttempt) {
			if a.Error == nil || strings.Contains(*a.Error, "token=hush") {
				t.Fatalf("error %v", a.Error)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var r *WebhookEndpointResult
			if c.answer == nil {
				c.answer = func(w http.ResponseWriter, req *http.Request) {
					w.Header().Set("Set-Cookie", "s=abcdefgh")
					w.Header().Set("X-Echo", r.Secret.Reveal())
					w.WriteHeader(500)
					fmt.Fprintf(w, "config %s signature Bearer abcdefghijkl %s", r.Secret.Reveal(), strings.TrimPrefix(r.Secret.Reveal(), "whsec_"))
				}
			}
			r = b.endpoint(receiver(t, c.answer).URL+"/?token=hush", "connection.live", "connection.failed")
			b.happen(b.con, "connection.live", `{"v":1}`)
			b.drain()
			d := b.log(r.Endpoint.ID)[0]
			a := b.attempts(d.ID)
			if d.State != c.state || len(a) != 1 || c.status != 0 && *a[0].Status != c.status {
				t.Fatalf("%+v after %+v", d, a)
			}
			c.check(t, b, b.get(r.Endpoint.ID), d, a[0])
			if err := b.s.Delete(b.As(t.Context()), r.Endpoint.ID); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func short(t *testing.T, _ *bundle, _ *WebhookEndpoint, _ *WebhookDelivery, a *WebhookAttempt) {
	if len(*a.ResponseBody) > 64<<10 || !utf8.ValidString(*a.ResponseBody) {
		t.Fatalf("kept %d bytes", len(*a.ResponseBody))
	}
}

func TestATLSFaultIsSaidAsWhatItIs(t *testing.T) {
	b := setup(t)
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent to a server that nobody vouches for") }))
	defer stranger.Close()
	plain := receiver(t, status(200))
	for url, want := range map[string]string{stranger.URL: "certificate", strings.Replace(plain.URL, "http:", "https:", 1): "HTTP response to HTTPS"} {
		r := b.endpoint(url, "*")
		b.happen(b.con, "connection.live", `{"v":1}`)
		b.drain()
		d := b.log(r.Endpoint.ID)[0]
		if a := b.attempts(d.ID); d.State != Retrying || len(a) != 1 || a[0].Error == nil || !strings.Contains(*a[0].Error, want) || a[0].Status != nil {
			t.Fatalf("%+v after %+v", d, a[0])
		}
	}
}

func TestTenAttemptsOverThreeDaysThenGivenUp(t *testing.T) {
	b := setup(t)
	k := receiver(t, status(500))
	r := b.endpoint(k.URL, "connection.live")
	b.happen(b.con, "connection.live", `{"v":1}`)
	began := b.now
	for range 20 {
		b.drain()
		d := b.log(r.Endpoint.ID)[0]
		if d.State == Failed {
			break
		}
		b.pass(d.NextAttemptAt.Sub(b.now))
	}
	if took := b.now.Sub(began).Hours(); len(k.all()) != 10 || took < 67 || took > 84 {
		t.Fatalf("%d attempts in %.1f hours", len(k.all()), took)
	}
}

func TestAnEndpointHasFourPlacesInFlightAndBlocksNobody(t *testing.T) {
	b := setup(t)
	var inFlight, most atomic.Int32
	release, full := make(chan struct{}), make(chan struct{}, 100)
	slow := receiver(t, func(http.ResponseWriter, *http.Request) {
		n := inFlight.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 4 {
			full <- struct{}{}
		}
		<-release
		inFlight.Add(-1)
	})
	arrived := make(chan struct{}, 100)
	quick := receiver(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{} })
	b.DB.SetClock(time.Now)
	r := b.create(CreateWebhookEndpointInput{OrganizationID: b.Org, URL: slow.URL, Topics: []string{"*"}, Ordered: new(false)})
	b.create(CreateWebhookEndpointInput{OrganizationID: b.Org, URL: quick.URL, Topics: []string{"*"}, Ordered: new(false)})
	for range 12 {
		b.happen(b.con, "connection.verifying", `{"v":1}`)
	}
	ctx, cancel := context.WithCancel(t.Context())
	other := &work.Runner{DB: b.DB, Queues: b.Work.Queues} // a second process
	var wg sync.WaitGroup
	wg.Go(func() { _ = b.Work.Run(ctx) })
	wg.Go(func() { _ = other.Run(ctx) })
	for range 12 {
		wait(t, arrived)
	}
	wait(t, full)
	close(release)
	eventually(t, func() bool { return b.get(r.Endpoint.ID).Pending == 0 })
	cancel()
	wg.Wait()
	if most.Load() != 4 || len(slow.all()) != 12 {
		t.Fatalf("%d at the same time, %d requests", most.Load(), len(slow.all()))
	}
}

func TestAnotherProcessTakesOverAndTheLateWriterChangesNothing(t *testing.T) {
	b := setup(t)
	entered, release := make(chan struct{}, 1), make(chan struct{})
	first := func(w http.ResponseWriter, _ *http.Request) { entered <- struct{}{}; <-release; w.WriteHeader(500) }
	k := receiver(t, first, status(200))
	r := b.endpoint(k.URL, "*")
	b.happen(b.con, "connection.live", `{"v":1}`)
	var late sync.WaitGroup
	late.Go(func() { _ = b.Work.Drain(t.Context()) })
	wait(t, entered)
	b.pass(11 * time.Second) // the lease of the first runs out
	other := &work.Runner{DB: b.DB, Queues: b.Work.Queues}
	if err := other.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(release)
	late.Wait()
	d := b.log(r.Endpoint.ID)[0]
	if tries := b.attempts(d.ID); d.State != Succeeded || len(tries) != 1 || *tries[0].Status != 200 || len(k.all()) != 2 {
		t.Fatalf("%+v with %d attempts, %d requests", d, len(tries), len(k.all()))
	}
	if b.get(r.Endpoint.ID).Pending != 0 {
		t.Fatal("something still waits")
	}
}

func wait(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
}

// eventually polls a condition.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("it never became so")
		}
	}
}
