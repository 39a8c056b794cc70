package factor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/factorq"
)

// Words of RFC 8176, and three of our own for what it does not name.
const (
	amrTwo      = "mfa"
	amrApp      = "otp"
	amrKey      = "hwk" // a passkey that never leaves its device
	amrSynced   = "swk" // a passkey that its provider keeps in step
	amrVerified = "user"
	amrSMS      = "sms"
	amrMail     = "email"
	amrRecovery = "recovery"
)

// policy is what all organizations of a person demand together.
type policy struct {
	required bool
	operator bool   // the person is an operator, whose two factors are not sent
	phishing bool   // passkeys alone count
	sent     bool   // codes by mail and SMS count
	by       string // one that demands it; "" where the house does
}

// demand is an organization's policy as it is stored; what it does not say allows.
type demand struct {
	Required              bool     `json:"required"`
	RequiredForRoles      []string `json:"requiredForRoles"`
	PhishingResistantOnly bool     `json:"phishingResistantOnly"`
	OobAllowed            *bool    `json:"oobAllowed"`
}

func (s *Service) policyOf(ctx context.Context, on Querier, user ident.UserID) (policy, error) {
	p := policy{sent: s.Oob}
	rows, err := s.q.PoliciesOf(ctx, on, factorq.PoliciesOfParams{UserID: user.UUID()})
	if err != nil {
		return p, fmt.Errorf("read the policies: %w", err)
	}
	for _, r := range rows {
		var d demand
		if err := json.Unmarshal(r.MfaPolicy, &d); err != nil {
			return p, fmt.Errorf("read the policy of %s: %w", ident.From[ident.OrgID](r.ID), err)
		}
		if !d.Required && !slices.ContainsFunc(d.RequiredForRoles, func(role string) bool { return slices.Contains(r.Roles, role) }) {
			continue
		}
		if !p.required || d.PhishingResistantOnly && !p.phishing {
			p.by = r.Name
		}
		p.required, p.phishing, p.sent = true, p.phishing || d.PhishingResistantOnly, p.sent && (d.OobAllowed == nil || *d.OobAllowed)
	}
	if p.operator, err = s.q.IsOperator(ctx, on, factorq.IsOperatorParams{UserID: user.UUID()}); err != nil {
		return p, fmt.Errorf("read the roles: %w", err)
	}
	p.sent = p.sent && !p.operator
	return p, nil
}

// counts says whether an authenticator of this kind meets the policy.
func (p policy) counts(kind MfaKind) bool {
	return !p.required && !p.operator || (kind == Passkey || !p.phishing) && (p.sent || !kind.sent())
}

// keeps says that a factor must stay.
func (p policy) keeps() bool { return p.required || p.operator }

// met says whether what was proven does. Who may become an operator has no session of one factor: the second one is added before the first session.
func (p policy) met(amr []string) bool {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(amr, w) })
	}
	switch {
	case !p.required && !p.operator:
		return true
	case !has(amrTwo):
		return false
	case p.phishing:
		return has(amrKey, amrSynced)
	case !p.sent:
		return !has(amrMail, amrSMS) || has(amrKey, amrSynced, amrApp, amrRecovery)
	}
	return true
}

// offered are the authenticators that a sign-in goes on with: those that meet the policy, or all when none does, and recovery codes.
func (p policy) offered(all []*factorq.MfaAuthenticator) (out []*factorq.MfaAuthenticator) {
	counts := func(a *factorq.MfaAuthenticator) bool {
		return a.ConfirmedAt != nil && p.counts(MfaKind(a.Kind)) && MfaKind(a.Kind) != RecoveryCodes
	}
	some := slices.ContainsFunc(all, counts)
	for _, a := range all {
		if a.ConfirmedAt != nil && (!some || counts(a) || MfaKind(a.Kind) == RecoveryCodes) {
			out = append(out, a)
		}
	}
	return out
}

// addable are the kinds that somebody with these confirmed factors can add and that meet the policy, the strongest first.
func (s *Service) addable(ctx context.Context, on Querier, user ident.UserID, p policy, active []*factorq.MfaAuthenticator) ([]MfaKind, error) {
	kinds := slices.DeleteFunc([]MfaKind{Passkey, TOTP, MailCode, SMSCode}, func(kind MfaKind) bool {
		has := slices.ContainsFunc(active, func(a *factorq.MfaAuthenticator) bool { return MfaKind(a.Kind) == kind })
		return !p.counts(kind) || kind == Passkey && s.Party == nil || kind != Passkey && has || kind.sent() && !s.Oob || kind == SMSCode && (s.SMS == nil || s.Phone == nil)
	})
	if !slices.Contains(kinds, SMSCode) {
		return kinds, nil
	}
	number, err := s.Phone(ctx, on, user)
	if err != nil {
		return nil, fmt.Errorf("read the person's number: %w", err)
	}
	if number == "" { // codes go to a verified number alone
		kinds = slices.DeleteFunc(kinds, func(kind MfaKind) bool { return kind == SMSCode })
	}
	return kinds, nil
}
