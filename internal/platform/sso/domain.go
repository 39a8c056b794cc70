package sso

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/ssoq"
)

const (
	mostDomains = 50
	again       = 24 * time.Hour // how often a proven domain is asked about
)

// SsoDomainState is where a mail domain stands.
type SsoDomainState string

const (
	SsoDomainPending SsoDomainState = "PENDING"
	SsoDomainProven  SsoDomainState = "PROVEN"
)

// SsoDomain is a mail domain of an organization. It counts while it is proven, and seven days longer when its record goes away.
type SsoDomain struct {
	Domain      string
	State       SsoDomainState
	RecordName  string
	RecordValue string
	CheckedAt   *time.Time
	ProvenAt    *time.Time
	LastError   *string
}

func shownDomain(r *ssoq.LockDomainRow) *SsoDomain {
	return &SsoDomain{Domain: r.Domain, State: SsoDomainState(r.State), RecordName: recordName(r.Domain), RecordValue: recordValue(r.Token), CheckedAt: r.CheckedAt, ProvenAt: r.ProvenAt, LastError: r.LastError}
}

func recordName(domain string) string { return "_nameplate-sso." + domain }
func recordValue(token string) string { return "nameplate-sso=" + token }

// Domains are the mail domains of an organization, for who may secure it.
func (s *Service) Domains(ctx context.Context, org ident.OrgID) ([]*SsoDomain, error) {
	scope, err := s.Authz.Authorize(ctx, "organization.secure", org)
	if err != nil {
		return nil, err
	}
	rows, err := s.q.DomainsOfOrganization(ctx, s.DB, ssoq.DomainsOfOrganizationParams{OrgID: scope.OrgUUID()})
	if err != nil {
		return nil, fmt.Errorf("list the domains: %w", err)
	}
	out := make([]*SsoDomain, len(rows))
	for n, r := range rows {
		out[n] = shownDomain((*ssoq.LockDomainRow)(r))
	}
	return out, nil
}

// Named is a mail domain of an organization.
type Named struct {
	Org    ident.OrgID
	Domain string
}

func orgOfNamed(_ context.Context, in Named) (ident.OrgID, error) { return in.Org, nil }

// StartDomain answers the TXT record that proves a domain. A second time it answers the same one.
func (s *Service) StartDomain(ctx context.Context, org ident.OrgID, domain string) (*SsoDomain, error) {
	return door.Do(ctx, s.Door, door.Change[Named, *SsoDomain]{
		Action: door.Action{Name: "sso.start_domain", Permission: "organization.secure", Paid: true, StepUp: true},
		Org:    orgOfNamed,
		Validate: func(_ context.Context, _ *door.Effect, in *Named) error {
			name, err := hostname.Parse(in.Domain, s.Hosts)
			if err != nil || name.ASCII != name.Base() {
				return fault.Invalid("domain", "domain", "Write the part of your addresses after the @, such as example.com.")
			}
			in.Domain = name.ASCII
			return nil
		},
		Do: func(ctx context.Context, e *door.Effect, in Named) (*SsoDomain, error) {
			held, err := s.q.DomainsOfOrganization(ctx, e.Tx, ssoq.DomainsOfOrganizationParams{OrgID: e.Scope.OrgUUID()})
			if err != nil {
				return nil, fmt.Errorf("list the domains: %w", err)
			}
			if at := slices.IndexFunc(held, func(r *ssoq.DomainsOfOrganizationRow) bool { return r.Domain == in.Domain }); at >= 0 {
				e.Quiet()
				return shownDomain((*ssoq.LockDomainRow)(held[at])), nil
			}
			if len(held) >= mostDomains {
				return nil, fault.Precondition("too_many", "An organization may have %d mail domains.", mostDomains)
			}
			if err := s.q.AddDomain(ctx, e.Tx, ssoq.AddDomainParams{OrgID: e.Scope.OrgUUID(), Domain: in.Domain, Token: secret.Random("").Reveal()[:32], StartedAt: e.Tx.Now}); err != nil {
				return nil, fmt.Errorf("add the domain: %w", err)
			}
			r, err := s.lockDomain(ctx, e, in.Domain)
			if err != nil {
				return nil, err
			}
			e.Record(onDomain(e, r, "sso.domain_started"))
			return shownDomain(r), nil
		},
	}, Named{org, domain})
}

// CheckDomain asks the domain's own servers for the record, now. CONFLICT when another organization has proven the domain.
func (s *Service) CheckDomain(ctx context.Context, org ident.OrgID, domain string) (*SsoDomain, error) {
	scope, err := s.Authz.Authorize(ctx, "organization.secure", org)
	if err != nil {
		return nil, err
	}
	if err := s.Limit.Allow(ctx, perOrg, org.String()); err != nil {
		return nil, err
	}
	r, err := s.q.Domain(ctx, s.DB, ssoq.DomainParams{OrgID: scope.OrgUUID(), Domain: strings.ToLower(strings.TrimSpace(domain))})
	if db.NotFound(err) {
		return nil, fault.NotFound("domain")
	} else if err != nil {
		return nil, fmt.Errorf("read the domain: %w", err)
	}
	seen := s.Prover.TXT(ctx, r.Domain, recordName(r.Domain), recordValue(r.Token))
	return door.Do(ctx, s.Door, door.Change[Named, *SsoDomain]{
		Action: door.Action{Name: "sso.check_domain", Permission: "organization.secure"},
		Org:    orgOfNamed,
		Do: func(ctx context.Context, e *door.Effect, in Named) (*SsoDomain, error) {
			return s.judge(ctx, e, in.Domain, seen)
		},
	}, Named{org, r.Domain})
}

// judge keeps what a look at the record showed.
func (s *Service) judge(ctx context.Context, e *door.Effect, domain string, seen error) (*SsoDomain, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := s.lockDomain(ctx, e, domain)
	if err != nil {
		return nil, err
	}
	p := ssoq.SetDomainParams{OrgID: r.OrgID, Domain: r.Domain, State: r.State, CheckedAt: e.Tx.Now, ProvenAt: r.ProvenAt, SeenAt: r.SeenAt}
	e.Quiet() // a look without news
	if seen != nil {
		p.LastError = new(clip(seen.Error()))
	} else {
		p.SeenAt = &e.Tx.Now
		if r.State != string(SsoDomainProven) {
			if err := s.yield(ctx, e, r); err != nil {
				return nil, err
			}
			p.State, p.ProvenAt = string(SsoDomainProven), &e.Tx.Now
			e.Record(onDomain(e, r, "sso.domain_proven"))
		}
	}
	err = s.q.SetDomain(ctx, e.Tx, p)
	if db.Violates(err, "sso_domain_proven") {
		return nil, elsewhere()
	} else if err != nil {
		return nil, fmt.Errorf("keep the check of %s: %w", domain, err)
	}
	if r, err = s.lockDomain(ctx, e, domain); err != nil {
		return nil, err
	}
	return shownDomain(r), nil
}

// yield frees a domain whose former organization has lost the record for so long that it does not count any more.
func (s *Service) yield(ctx context.Context, e *door.Effect, r *ssoq.LockDomainRow) error {
	held, err := s.q.OrgOfProvenDomain(ctx, e.Tx, ssoq.OrgOfProvenDomainParams{Domain: r.Domain})
	if db.NotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("find who has proven %s: %w", r.Domain, err)
	}
	if held.SeenAt != nil && e.Tx.Now.Sub(*held.SeenAt) < counts {
		return elsewhere()
	}
	if err := s.q.SetDomain(db.OnBehalf(ctx, "sso.yield"), e.Tx, ssoq.SetDomainParams{OrgID: held.OrgID, Domain: r.Domain, State: string(SsoDomainPending), CheckedAt: e.Tx.Now, SeenAt: held.SeenAt,
		LastError: new("another organization has proven this domain")}); err != nil {
		return fmt.Errorf("free %s: %w", r.Domain, err)
	}
	former := ident.From[ident.OrgID](held.OrgID)
	e.Record(event.Change{OrgID: former, Action: "sso.domain_lost", Subject: former.String(), Version: 1, Stream: "sso-domain:" + former.String() + ":" + r.Domain, Payload: map[string]any{"v": 1, "domain": r.Domain}, Audited: true})
	return nil
}

// RemoveDomain forgets a mail domain; a second time changes nothing. From then on it routes nobody and vouches for no address.
func (s *Service) RemoveDomain(ctx context.Context, org ident.OrgID, domain string) error {
	_, err := door.Do(ctx, s.Door, door.Change[Named, struct{}]{
		Action: door.Action{Name: "sso.remove_domain", Permission: "organization.secure", StepUp: true},
		Org:    orgOfNamed,
		Do: func(ctx context.Context, e *door.Effect, in Named) (struct{}, error) {
			r, err := s.lockDomain(ctx, e, in.Domain)
			if err != nil {
				return struct{}{}, err
			}
			if _, err := s.q.RemoveDomain(ctx, e.Tx, ssoq.RemoveDomainParams{OrgID: e.Scope.OrgUUID(), Domain: r.Domain}); err != nil {
				return struct{}{}, fmt.Errorf("remove the domain: %w", err)
			}
			e.Record(onDomain(e, r, "sso.domain_removed"))
			return struct{}{}, nil
		},
	}, Named{org, strings.ToLower(strings.TrimSpace(domain))})
	return err
}

// domainsBelong holds a provider's domains to those that its organization has at least begun to prove.
func (s *Service) domainsBelong(ctx context.Context, e *door.Effect, domains []string) error {
	if len(domains) == 0 {
		return nil
	}
	rows, err := s.q.DomainsOfOrganization(ctx, e.Tx, ssoq.DomainsOfOrganizationParams{OrgID: e.Scope.OrgUUID()})
	if err != nil {
		return fmt.Errorf("list the domains: %w", err)
	}
	var faults []error
	for n, d := range domains {
		if !slices.ContainsFunc(rows, func(r *ssoq.DomainsOfOrganizationRow) bool { return r.Domain == d }) {
			faults = append(faults, fault.Invalid(fmt.Sprintf("emailDomains.%d", n), "domain_not_yours", "Add %s to your mail domains first.", d))
		}
	}
	return errors.Join(faults...)
}

// proveAgain looks at the records of proven domains, each once a day.
func (s *Service) proveAgain(ctx context.Context) error {
	due, err := s.q.OrgOfDueDomains(ctx, s.DB, ssoq.OrgOfDueDomainsParams{Before: s.DB.Now().Add(-again)})
	if err != nil {
		return fmt.Errorf("list the domains that are due: %w", err)
	}
	for _, d := range due {
		org := ident.From[ident.OrgID](d.OrgID)
		r, err := s.q.Domain(ctx, s.DB, ssoq.DomainParams{OrgID: d.OrgID, Domain: d.Domain})
		if db.NotFound(err) {
			continue
		} else if err != nil {
			return fmt.Errorf("read the domain %s: %w", d.Domain, err)
		}
		seen := s.Prover.TXT(authz.System(ctx, "sso.prove"), r.Domain, recordName(r.Domain), recordValue(r.Token))
		err = s.Door.System(ctx, "sso.prove", org, func(ctx context.Context, e *door.Effect) error {
			_, err := s.judge(ctx, e, r.Domain, seen)
			if fault.Is(err, fault.NotFoundCode) {
				return door.ErrNothing // removed meanwhile
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) lockDomain(ctx context.Context, e *door.Effect, domain string) (*ssoq.LockDomainRow, error) {
	r, err := s.q.LockDomain(ctx, e.Tx, ssoq.LockDomainParams{OrgID: e.Scope.OrgUUID(), Domain: domain})
	if db.NotFound(err) {
		return nil, fault.NotFound("domain")
	} else if err != nil {
		return nil, fmt.Errorf("lock the domain: %w", err)
	}
	return r, nil
}

func onDomain(e *door.Effect, r *ssoq.LockDomainRow, action string) event.Change {
	org := e.Scope.Org()
	return event.Change{OrgID: org, Action: action, Subject: org.String(), Version: r.Version, Stream: "sso-domain:" + org.String() + ":" + r.Domain, Payload: map[string]any{"v": 1, "domain": r.Domain}, Audited: true}
}

func elsewhere() error {
	return fault.Conflict("domain", "domain_elsewhere", "Another organization has proven this domain. It has to remove it first.")
}

func clip(s string) string {
	if len(s) > 400 {
		s = s[:400]
	}
	return strings.ToValidUTF8(s, "")
}
