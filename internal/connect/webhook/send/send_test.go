package send

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		status   int
		after    string
		n        int32
		state    string
		due      time.Duration
		throttle time.Duration
	}{
		"OK":                       {204, "", 1, "done", 0, 0},
		"Informational":            {103, "", 1, "again", 5 * time.Second, 0},
		"NotModified":              {304, "", 1, "again", 5 * time.Second, 0},
		"Gone":                     {410, "", 1, "over", 0, 0},
		"NoAnswer":                 {0, "", 2, "again", 5 * time.Minute, 0},
		"ThirdFailure":             {500, "", 3, "again", 30 * time.Minute, 0},
		"Last":                     {500, "", 10, "over", 0, 0},
		"BeyondTheLast":            {500, "", 11, "over", 0, 0},
		"Unwanted":                 {400, "", 3, "again", 30 * time.Minute, 0},
		"UnwantedTooOften":         {400, "", 4, "over", 0, 0},
		"ThrottledFirst":           {503, "", 1, "again", time.Minute, time.Minute},
		"ThrottledThird":           {502, "", 3, "again", 30 * time.Minute, 4 * time.Minute},
		"ThrottledOften":           {504, "", 8, "again", 20 * time.Hour, time.Hour},
		"RetryAfterSeconds":        {429, " 90 ", 1, "again", 90 * time.Second, 90 * time.Second},
		"RetryAfterZero":           {429, "0", 1, "again", 5 * time.Second, 0},
		"RetryAfterDate":           {503, now.Add(time.Hour).Format(http.TimeFormat), 1, "again", time.Hour, time.Hour},
		"RetryAfterPast":           {503, now.Add(-time.Hour).Format(http.TimeFormat), 1, "again", 5 * time.Second, 0},
		"RetryAfterForever":        {429, "4294967295", 1, "again", 24 * time.Hour, 24 * time.Hour},
		"RetryAfterNonsense":       {429, "-5", 1, "again", time.Minute, time.Minute},
		"RetryAfterLarge":          {429, "99999999999999999999", 1, "again", time.Minute, time.Minute},
		"RetryAfterWithoutMeaning": {500, "3600", 1, "again", 5 * time.Second, 0},
		"ThrottledLast":            {429, "60", 10, "over", 0, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			v := Judge(c.status, c.after, c.n, now, 0.5)
			state := "over"
			if v.Delivered {
				state = "done"
			} else if v.Due != nil {
				state = "again"
			}
			if state != c.state || v.Due != nil && v.Due.Sub(now) != c.due || v.Throttle != nil && v.Throttle.Sub(now) != c.throttle || v.Throttle == nil && c.throttle != 0 || v.Gone != (c.status == 410) {
				t.Fatalf("%+v", v)
			}
		})
	}
	for _, jitter := range []float64{0, 0.999} {
		if due := Judge(500, "", 1, now, jitter).Due.Sub(now).Seconds(); due < 4.5 || due > 5.5 {
			t.Fatalf("jitter %v gives %v", jitter, due)
		}
	}
}

func FuzzReadRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Wed, 21 Oct 2015 07:28:00 GMT")
	f.Fuzz(func(t *testing.T, s string) {
		if v := Judge(429, s, 1, time.Now(), 0); v.Throttle == nil || v.Throttle.Before(time.Now().Add(-time.Second)) || v.Throttle.After(time.Now().Add(25*time.Hour)) {
			t.Fatalf("%q throttles until %s", s, v.Throttle)
		}
	})
}

func FuzzReadable(f *testing.F) {
	f.Add("a\x00b\xff", 3)
	f.Add("whsec_c2VjcmV0c2VjcmV0", 100)
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = max(0, most%1000)
		got := Readable(redact(s, []secret.String{secret.New("whsec_c2VjcmV0c2VjcmV0")}), most)
		if len(got) > most || !utf8.ValidString(got) || strings.ContainsRune(got, 0) || strings.Contains(got, "c2VjcmV0c2VjcmV0") {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}
