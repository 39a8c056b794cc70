package certificate

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

func TestWithin_TheCAsWindow(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		start, end, ours, life time.Duration // since the beginning
		low, high              time.Duration // with chance 0 and 1
	}{
		"OursLiesInIt":        {59 * day, 61 * day, 60 * day, 90 * day, 60 * day, 60 * day},
		"Earlier":             {30 * day, 32 * day, 60 * day, 90 * day, 30 * day, 32 * day},
		"Later":               {70 * day, 72 * day, 60 * day, 90 * day, 70 * day, 72 * day},
		"OverMeansAtOnce":     {-3 * day, -2 * day, 60 * day, 90 * day, time.Hour, time.Hour},
		"NotToTheEnd":         {70 * day, 90 * day, 60 * day, 90 * day, 70 * day, 75 * day},
		"BehindTheEnd":        {100 * day, 120 * day, 60 * day, 90 * day, 75 * day, 75 * day},
		"BackToFront":         {40 * day, 30 * day, 60 * day, 90 * day, 40 * day, 40 * day},
		"TheWholeShortLife":   {0, 6 * time.Minute, 4 * time.Minute, 6 * time.Minute, 4 * time.Minute, 4 * time.Minute},
		"BeforeTheShortLife":  {-time.Hour, -time.Minute, 4 * time.Minute, 6 * time.Minute, 2 * time.Minute, 2 * time.Minute},
		"AWindowOfOneInstant": {50 * day, 50 * day, 60 * day, 90 * day, 50 * day, 50 * day},
	} {
		for chance, want := range map[float64]time.Duration{0: c.low, 1: c.high} {
			if got := within(from.Add(c.start), from.Add(c.end), from, from.Add(c.life), from.Add(c.ours), chance); !got.Equal(from.Add(want)) {
				t.Errorf("%s: after %s, want %s", name, got.Sub(from), want)
			}
		}
	}
}

func TestUnwanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {errors.New("no answer"), false}, {acme.Problem{Type: acme.ProblemTypeRateLimited, Status: 429}, false},
		{fmt.Errorf("open: %w", acme.Problem{Type: "urn:ietf:params:acme:error:alreadyReplaced", Status: 409}), true}, {acme.Problem{Type: "urn:ietf:params:acme:error:malformed", Status: 400}, true},
	} {
		if got := unwanted(c.err); got != c.want {
			t.Errorf("%v: %t", c.err, got)
		}
	}
}
