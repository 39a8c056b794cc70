package certificate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
)

// trouble is why an order came to nothing, in our own words (CE-8).
type trouble struct {
	finding finding.Finding
	blames  bool      // the name's validation failed: it counts against the name's failures
	until   time.Time // when the CA said to come back; zero: it did not
	err     error
}

func (t *trouble) Error() string { return t.finding.Code + ": " + t.err.Error() }
func (t *trouble) Unwrap() error { return t.err }

// CASide says that the CA or the way to it failed and the name did nothing wrong.
func caSide(code string) bool {
	return code == finding.CAUnavailable || code == finding.CARateLimited || code == finding.CAPaused
}

const (
	defaultRetryAfter = time.Hour
	longestRetryAfter = 7 * 24 * time.Hour
	detailMost        = 400
)

// classify says what an error of an ACME exchange means. retryAfter is that header of the last answer, "" where it had none.
func classify(err error, ca, host, retryAfter string, now time.Time) *trouble {
	t := &trouble{err: err}
	problem, is := errors.AsType[acme.Problem](err)
	if !is {
		t.finding = finding.New(finding.CAUnavailable, map[string]any{"ca": ca})
		return t
	}
	detail := clip(problem.Detail)
	for _, sub := range problem.Subproblems {
		if sub.Detail != "" {
			detail = clip(sub.Detail)
			break
		}
	}
	switch kind := strings.TrimPrefix(problem.Type, acme.ProblemTypeNamespace); kind {
	case "rateLimited":
		if strings.Contains(strings.ToLower(problem.Detail), "paused") { // Let's Encrypt names the page on which it is ended
			t.finding = finding.New(finding.CAPaused, map[string]any{"ca": ca, "name": host, "detail": detail})
			t.until = now.Add(24 * time.Hour)
			return t
		}
		t.until = now.Add(waitOf(retryAfter, now))
		t.finding = finding.New(finding.CARateLimited, map[string]any{"ca": ca, "until": t.until.Format(time.RFC3339)})
	case "rejectedIdentifier", "unsupportedIdentifier", "caa":
		t.finding = finding.New(finding.CARejectedIdentifier, map[string]any{"ca": ca, "name": host, "detail": detail})
	case "connection", "dns", "incorrectResponse", "tls", "unauthorized":
		if _, ofAuthz := problem.Resource.(acme.Authorization); !ofAuthz && kind == "unauthorized" { // about our account
			t.finding = finding.New(finding.CAUnavailable, map[string]any{"ca": ca})
			return t
		}
		t.blames = true
		t.finding = finding.New(finding.ChallengeFailed, map[string]any{"name": host, "ca": ca, "caDetail": detail})
	default:
		t.finding = finding.New(finding.CAUnavailable, map[string]any{"ca": ca})
		if retryAfter != "" {
			t.until = now.Add(waitOf(retryAfter, now))
		}
	}
	return t
}

// waitOf reads Retry-After (RFC 9110 section 10.2.3): seconds or a date.
func waitOf(header string, now time.Time) time.Duration {
	wait := defaultRetryAfter
	if n, err := strconv.Atoi(strings.TrimSpace(header)); err == nil && n >= 0 {
		wait = time.Duration(min(n, int(longestRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = max(0, at.Sub(now))
	}
	return min(wait, longestRetryAfter)
}

func clip(s string) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) > detailMost {
		s = strings.ToValidUTF8(s[:detailMost], "") + "…"
	}
	return s
}

// backoff is how long to wait after so many failures in a row: half a minute, doubling, at most six hours.
func backoff(failures int32) time.Duration {
	return min(30*time.Second<<min(max(failures-1, 0), 12), 6*time.Hour)
}

// heard keeps the Retry-After of the last refusal of one order; acme.Client does not hand it out.
type heard struct{ retryAfter string }

type heardKey struct{}

// listener is the transport of ACME clients.
type listener struct{ http.RoundTripper }

func (l listener) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.RoundTripper.RoundTrip(r)
	if h, is := r.Context().Value(heardKey{}).(*heard); is && err == nil && res.StatusCode >= 400 {
		h.retryAfter = res.Header.Get("Retry-After")
	}
	return res, err
}

func listen(ctx context.Context) (context.Context, *heard) {
	h := &heard{}
	return context.WithValue(ctx, heardKey{}, h), h
}

var errNoChallenge = errors.New("the CA offers no challenge that we can answer")

func attribute(err error, what, ca string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s at %s: %w", what, ca, err)
}
