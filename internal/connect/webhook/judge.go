package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// delays are waited after the first, second … ninth failure; the tenth is the last (WH-2).
var delays = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

const (
	refusals     = 3 // how often a message that the server does not want (4xx) is sent again
	holdsUp      = 3 // after so many failures later messages of the stream need not wait any more (WH-5)
	maxThrottle  = 24 * time.Hour
	ownThrottle  = time.Hour // the most when the server names no time
	failingLimit = 5 * 24 * time.Hour
)

// verdict is what one attempt comes to.
type verdict struct {
	state    WebhookDeliveryState
	due      *time.Time // of the next attempt
	throttle *time.Time // until then the endpoint gets nothing
	gone     bool       // it wants nothing, ever
}

// judge says what follows from the n-th attempt (from 1). status is 0 when there was no answer. jitter lies in [0, 1).
func judge(status int, retryAfter string, n int32, now time.Time, jitter float64) verdict {
	switch {
	case status >= 200 && status <= 299:
		return verdict{state: Succeeded}
	case status == http.StatusGone:
		return verdict{state: Failed, gone: true}
	}
	v := verdict{state: Retrying}
	if throttles(status) {
		wait, said := readRetryAfter(retryAfter, now)
		if !said {
			wait = min(time.Minute<<min(n-1, 10), ownThrottle)
		}
		v.throttle = new(now.Add(min(wait, maxThrottle)))
	} else if status >= 400 && status <= 499 && n > refusals {
		return verdict{state: Failed}
	}
	if int(n) > len(delays) {
		v.state = Failed
		return v
	}
	due := now.Add(time.Duration(float64(delays[n-1]) * (0.9 + 0.2*jitter)))
	if v.throttle != nil && due.Before(*v.throttle) {
		due = *v.throttle
	}
	v.due = &due
	return v
}

// throttles says that a status speaks of the server's load, and not of the message.
func throttles(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// readRetryAfter reads seconds or a date (RFC 9110, section 10.2.3). Nonsense says nothing.
func readRetryAfter(text string, now time.Time) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(n) * time.Second, true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return max(0, at.Sub(now)), true
}
