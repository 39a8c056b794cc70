// Package machine is who calls and is no person: machines, which work with a key of their own, and service accounts.
//
// A machine has a key, an organization of its own, and what a MEMBER may do there. Who registers one while signed in stands for it: it joins their shared
// organization, they see and end its keys, and it leaves with them. One that registered itself is nobody's: it has the least plan, orders no certificates, sends
// no mails, and is gone after 30 days without use. A machine has no password, is no owner, and holds no tokens.
//
// A service account is a component of the installation. It belongs to no organization; it shows a key and signs each message, which counts once.
package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/part"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/machineq"
	"golang.org/x/text/unicode/norm"
)

// idle is how long a machine that is nobody's stays without use.
const idle = 30 * 24 * time.Hour

var (
	perNetwork = limit.Bucket{Name: "machine", Rate: 5, Per: time.Hour, Closed: true}
	perPerson  = limit.Bucket{Name: "machine-person", Rate: 20, Per: time.Hour, Closed: true}
)

// Machine is one as its person sees it.
type Machine struct {
	ID             ident.UserID
	Name           string
	Timezone       string
	CreatedByID    *ident.UserID // nil: nobody's
	OrganizationID *ident.OrgID  // where its key works
	CreatedAt      time.Time
	LastUsedAt     *time.Time
	Active         bool // it has a key that counts
}

type (
	MachinePage = page.Of[*Machine]
	MachineEdge = page.Edge[*Machine]
)

// RegisterMachineInput asks for a machine. A key without an end of its own ends in a year.
type RegisterMachineInput struct {
	Name             string
	Timezone         *string
	APIKeyExpiresAt  *time.Time
	ClientMutationID *string
}

// MachineRegistered carries the key's secret, once.
type MachineRegistered struct {
	Machine *Machine
	APIKey  *apikey.ApiKeyCreated
	Edge    *MachineEdge
}

// Newcomer is a machine about to be made.
type Newcomer struct {
	Name, Timezone string
	By             *ident.UserID // who stands for it; nil: nobody
	Join           *ident.OrgID  // the shared organization that it joins as a member; nil: none
}

// Service registers machines, knows service accounts and takes their messages.
type Service struct {
	DB    *db.DB
	Door  *door.Door
	Authz *authz.Authorizer
	Vault *vault.Vault
	Limit *limit.Limiter
	Keys  *apikey.Service
	// Closed refuses callers who are not signed in.
	Closed bool
	// Shared answers the shared organization in which a person's console begins; nil when it begins elsewhere.
	Shared func(ctx context.Context, user ident.UserID) (*ident.OrgID, error)
	// Admit makes the account, its profile and its own organization, joins the other one, and answers where the machine works.
	Admit func(ctx context.Context, e *door.Effect, n Newcomer) (ident.UserID, ident.OrgID, error)
	// Erase ends the account of a machine that is nobody's, and with it its own organization, when it has one.
	Erase func(ctx context.Context, e *door.Effect, machine ident.UserID, org *ident.OrgID) error
	// Leave ends a machine's membership.
	Leave func(ctx context.Context, e *door.Effect, org ident.OrgID, machine ident.UserID) error

	q     machineq.Queries
	known accounts
}

// Register makes a machine with a key, which is shown once. Nobody has to be signed in, unless the installation says so; a person proves first who they are, as
// for any key. Programs register none: what they may do would not bind it.
func (s *Service) Register(ctx context.Context, in RegisterMachineInput) (*MachineRegistered, error) {
	caller := authz.From(ctx)
	a := door.Action{Name: "machine.register", Own: true, StepUp: true}
	switch {
	case caller.Kind == authz.USER:
		if err := s.Limit.Allow(ctx, perPerson, caller.UserID.String()); err != nil {
			return nil, err
		}
	case caller.Kind != authz.PUBLIC:
		return nil, fault.Refused("persons_only", "A machine is registered by a person, or by nobody. Sign in, or send no credential.")
	case s.Closed:
		return nil, fault.Refused("anonymous_machines_off", "Sign in to register a machine: this installation takes none from strangers.")
	default:
		if err := s.Limit.Allow(ctx, perNetwork, caller.Network); err != nil {
			return nil, err
		}
		a = door.Action{Name: "machine.register", Public: true}
	}
	return door.Do(ctx, s.Door, door.Change[RegisterMachineInput, *MachineRegistered]{
		Action:   a,
		Key:      func(in RegisterMachineInput) *string { return in.ClientMutationID },
		Validate: validate,
		Do:       s.register,
	}, in)
}

func validate(_ context.Context, e *door.Effect, in *RegisterMachineInput) error {
	var faults []error
	in.Name = norm.NFC.String(strings.TrimSpace(in.Name))
	if n := utf8.RuneCountInString(in.Name); n == 0 || n > 100 || !utf8.ValidString(in.Name) || strings.ContainsFunc(in.Name, unicode.IsControl) {
		faults = append(faults, fault.Invalid("name", "name_length", "Give a name of 1 to 100 characters on one line."))
	}
	if in.Timezone == nil || *in.Timezone == "" {
		in.Timezone = new("Etc/UTC")
	}
	if _, err := time.LoadLocation(*in.Timezone); err != nil || *in.Timezone == "Local" || len(*in.Timezone) > 64 {
		faults = append(faults, fault.Invalid("timezone", "timezone", "Name a time zone of the tz database, such as Europe/Berlin."))
	}
	faults = append(faults, apikey.CheckExpiry("apiKeyExpiresAt", in.APIKeyExpiresAt, e.Tx.Now))
	return errors.Join(faults...)
}

func (s *Service) register(ctx context.Context, e *door.Effect, in RegisterMachineInput) (*MachineRegistered, error) {
	n := Newcomer{Name: in.Name, Timezone: *in.Timezone}
	scopes := s.scopes()
	if e.Caller.Kind == authz.USER {
		n.By = &e.Caller.UserID
		var err error
		if n.Join, err = s.join(ctx, e.Caller.UserID, scopes); err != nil {
			return nil, err
		}
	}
	id, org, err := s.Admit(ctx, e, n)
	if err != nil {
		return nil, err
	}
	e.Record(event.Change{OrgID: org, Action: "machine.registered", Subject: id.String(), Version: 1, Stream: "machine:" + id.String(), Payload: map[string]any{"v": 1, "anonymous": n.By == nil}, Audited: true})
	key, err := s.Keys.MachineTx(ctx, e, id, org, in.Name, scopes, in.APIKeyExpiresAt)
	if err != nil {
		return nil, err
	}
	m := &Machine{ID: id, Name: n.Name, Timezone: n.Timezone, CreatedByID: n.By, OrganizationID: &org, CreatedAt: e.Tx.Now, Active: true}
	return &MachineRegistered{Machine: m, APIKey: key, Edge: &page.Edge[*Machine]{Cursor: at(m).String(), Node: m}}, nil
}

// scopes are what a member holds.
func (s *Service) scopes() (all []string) {
	for _, g := range s.Authz.Grants() {
		if slices.Contains(g.Roles, authz.Member) {
			all = append(all, string(g.Permission))
		}
	}
	return all
}

// join answers the person's shared organization if they may do there all that their machine could; else nil.
func (s *Service) join(ctx context.Context, person ident.UserID, scopes []string) (*ident.OrgID, error) {
	org, err := s.Shared(ctx, person)
	if err != nil || org == nil {
		return nil, err
	}
	held, err := s.Authz.Permissions(ctx, *org)
	if err != nil {
		return nil, err
	}
	for _, scope := range scopes {
		if !slices.Contains(held, authz.Permission(scope)) {
			return nil, nil
		}
	}
	return org, nil
}

// List pages through the machines that the caller registered, the newest first.
func (s *Service) List(ctx context.Context, a page.Args) (*MachinePage, error) {
	caller := authz.From(ctx)
	if caller.Kind != authz.USER {
		return nil, fault.Unauthorized("", "Sign in first.")
	}
	before := uuid.Max
	if a.After != nil {
		before = a.After.ID
	}
	rows, err := s.q.OrgOfMachinesOf(ctx, s.DB, machineq.OrgOfMachinesOfParams{Person: caller.UserID.UUID(), Now: s.DB.Now(), Before: before, Most: int32(a.First + 1)})
	if err != nil {
		return nil, fmt.Errorf("list the machines: %w", err)
	}
	n, err := s.q.CountMachinesOf(ctx, s.DB, machineq.CountMachinesOfParams{Person: caller.UserID.UUID()})
	if err != nil {
		return nil, fmt.Errorf("count the machines: %w", err)
	}
	all := make([]*Machine, len(rows))
	for i, r := range rows {
		all[i] = &Machine{ID: ident.From[ident.UserID](r.ID), Name: r.Name, Timezone: r.Timezone, CreatedByID: ident.FromPtr[ident.UserID](r.CreatedBy), OrganizationID: ident.FromPtr[ident.OrgID](r.DefaultOrgID),
			CreatedAt: r.CreatedAt, LastUsedAt: r.LastUsedAt, Active: r.Active && r.Access == "ENABLED"}
	}
	return new(page.Make(a, all, new(int32(n)), at)), nil
}

func at(m *Machine) page.Cursor { return page.Cursor{ID: m.ID.UUID()} }

// LeaveTx lets the machines of a person leave an organization together with the person.
func (s *Service) LeaveTx(ctx context.Context, e *door.Effect, org ident.OrgID, person ident.UserID) error {
	ids, err := s.q.OrgOfMachinesIn(ctx, e.Tx, machineq.OrgOfMachinesInParams{OrgID: org.UUID(), Person: person.UUID()})
	if err != nil {
		return fmt.Errorf("find the machines of a former member: %w", err)
	}
	for _, id := range ids {
		if err := s.Leave(ctx, e, org, ident.From[ident.UserID](id)); err != nil {
			return err
		}
	}
	return nil
}

// purge ends machines that are nobody's and idle.
func (s *Service) purge(ctx context.Context) error {
	for {
		rows, err := s.q.OrgOfIdle(ctx, s.DB, machineq.OrgOfIdleParams{Since: s.DB.Now().Add(-idle)})
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			id, org := ident.From[ident.UserID](r.ID), ident.FromPtr[ident.OrgID](r.OrgID)
			_, err := door.Do(authz.System(ctx, "machine.idle"), s.Door, door.Change[ident.UserID, struct{}]{
				Action: door.Action{Name: "machine.purge", Own: true},
				Do: func(ctx context.Context, e *door.Effect, id ident.UserID) (struct{}, error) {
					if err := s.Keys.EndAllTx(ctx, e, id, "idle"); err != nil {
						return struct{}{}, err
					}
					e.Record(event.Change{Action: "machine.purged", Subject: id.String(), Version: 2, Stream: "machine:" + id.String(), Chain: id.String(), Payload: map[string]any{"v": 1}, Audited: true})
					return struct{}{}, s.Erase(ctx, e, id, org)
				},
			}, id)
			if err != nil {
				return fmt.Errorf("purge the machine %s: %w", id, err)
			}
		}
	}
}

// Part is what machines contribute.
func (s *Service) Part() part.Part {
	return part.Part{Name: "machine", Grants: []authz.Grant{{Permission: manage, Operator: true, What: "make and end service accounts (on the command line)"}},
		Periodics: []work.Periodic{{Kind: "machine.idle", Every: 24 * time.Hour, Do: s.purge}, {Kind: "service_message.sweep", Every: time.Hour, Do: s.sweep}}}
}
