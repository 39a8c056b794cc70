package app

import (
	"strings"

	"github.com/nameplate-dev/nameplate/internal/platform/sms"
	"golang.org/x/text/language"
)

// SMSSettings say who takes text messages.
type SMSSettings struct {
	Log       bool        // the log does: for development
	Gateway   sms.Gateway // the lab's own; nil: what Log says
	Countries []string    // ISO 3166-1 alpha-2; none: all
}

// sms reads the settings of text messages.
func (p *parser) sms(r *Raw) SMSSettings {
	s := SMSSettings{Log: r.sms == "log"}
	if r.sms != "" && !s.Log {
		p.wrong("sms.gateway", "is log or empty, not %q", r.sms)
	}
	for _, code := range list(r.smsCountries) {
		region, err := language.ParseRegion(code)
		if err != nil || !region.IsCountry() {
			p.wrong("sms.countries", "holds codes of countries such as DE; %q is none", code)
			continue
		}
		s.Countries = append(s.Countries, strings.ToUpper(region.String()))
	}
	return s
}
