package send

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// delays are waited after the first, second … ninth failure; the tenth is the last (WH-2).
var delays = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

const (
	refusals    = 3 // how often a message that the server does not want (4xx) is sent again
	maxThrottle = 24 * time.Hour
	ownThrottle = time.Hour // the most when the server names no time
)

// Verdict is what one attempt comes to. Without Due it was the last.
type Verdict struct {
	Delivered bool
	Due       *time.Time // of the next attempt
	Throttle  *time.Time // until then the endpoint gets nothing
	Gone      bool       // it wants nothing, ever
}

// Judge says what follows from the n-th attempt (from 1). status is 0 when there was no answer. jitter lies in [0, 1).
func Judge(status int, retryAfter string, n int32, now time.Time, jitter float64) Verdict {
	switch {
	case status >= 200 && status <= 299:
		return Verdict{Delivered: true}
	case status == http.StatusGone:
		return Verdict{Gone: true}
	}
	var v Verdict
	if throttles(status) {
		wait, said := readRetryAfter(retryAfter, now)
		if !said {
			wait = min(time.Minute<<min(n-1, 10), ownThrottle)
		}
		v.Throttle = new(now.Add(min(wait, maxThrottle)))
	} else if status >= 400 && status <= 499 && n > refusals {
		return Verdict{}
	}
	if int(n) > len(delays) {
		return v
	}
	due := now.Add(time.Duration(float64(delays[n-1]) * (0.9 + 0.2*jitter)))
	if v.Throttle != nil && due.Before(*v.Throttle) {
		due = *v.Throttle
	}
	v.Due = &due
	return v
}

// SpeaksOfEndpoint says that an answer is about the endpoint and not about the message: nothing more is sent there until that was taken into account.
func SpeaksOfEndpoint(status int) bool { return status == http.StatusGone || throttles(status) }

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
