// Package sms says what text messages are: to which numbers, how many, and who takes them.
//
// A message is staged like a mail, in the transaction of what it tells of, and takes the same queue. A gateway is a company that charges for each one, so
// numbers are bounded by country, by number and by person before anything is staged. The one gateway that there is writes into the log: it is for
// development, where nobody else reads that.
package sms

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
)

var (
	perNumber = limit.Bucket{Name: "sms-number", Rate: 5, Per: time.Hour, Burst: 5, Closed: true}
	perUser   = limit.Bucket{Name: "sms", Rate: 10, Per: 24 * time.Hour, Burst: 10, Closed: true}
)

// Gateway takes text messages. To is E.164; key is the same for every try of one message.
type Gateway interface {
	Send(ctx context.Context, key, to, text string) error
}

// Log is the gateway of development: whoever reads the log has every code.
type Log struct{ Log *slog.Logger }

// Send writes the message down.
func (l Log) Send(ctx context.Context, key, to, text string) error {
	l.Log.InfoContext(ctx, "text message", "to", to, "key", key, "text", text)
	return nil
}

// Service says who may be sent a text message.
type Service struct {
	Limit     *limit.Limiter
	Gateway   Gateway  // nil: nobody can
	Countries []string // ISO 3166-1 alpha-2; none: all
}

// Number answers what somebody typed as E.164. country (ISO 3166-1) is where a number without + is; "" understands none.
func Number(field, typed, country string) (string, error) {
	wrong := fault.Invalid(field, "phone", "Write a telephone number with its country, such as +49 30 901820.")
	if len(typed) > 40 {
		return typed, wrong
	}
	region := "ZZ"
	if r, err := language.ParseRegion(country); err == nil && country != "" {
		region = r.String()
	}
	n, err := phonenumbers.Parse(strings.TrimSpace(typed), region)
	if err != nil || !phonenumbers.IsValidNumber(n) || n.GetExtension() != "" {
		return typed, wrong
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

// Allow takes one message to a number for a person, or refuses: there is no gateway, the country is not served, it was too many.
func (s *Service) Allow(ctx context.Context, user ident.UserID, number string) error {
	if s.Gateway == nil {
		return fault.Precondition("sms_off", "Text messages are not set up here. Write to who runs this installation.")
	}
	n, err := phonenumbers.Parse(number, "ZZ")
	if err != nil {
		return fault.Invalid("phone", "phone", "Write a telephone number with its country, such as +49 30 901820.")
	}
	if country := phonenumbers.GetRegionCodeForNumber(n); len(s.Countries) > 0 && !slices.Contains(s.Countries, country) {
		return fault.Invalid("phone", "phone_country", "We send no text messages to this country.").With("country", country)
	}
	if err := s.Limit.Allow(ctx, perNumber, number); err != nil {
		return err
	}
	return s.Limit.Allow(ctx, perUser, user.String())
}
