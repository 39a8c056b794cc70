package audit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/queries/auditq"
)

// kinds of actors, as the ledger begins them.
var kinds = map[string]AuditActorKind{"user": User, "operator": Operator, "key": Key, "machine": Machine, "widget": Widget, "service": Account, "system": System, "public": Anonymous}

// about is what a row's context keeps.
type about struct {
	IP           *string `json:"ip"`
	UserAgent    *string `json:"userAgent"`
	Impersonator string  `json:"impersonator"`
	Region       string  `json:"region"`
}

// shown gives rows names and words: the ledger holds ids, so that a person who was erased is erased from it too.
func (s *Service) shown(ctx context.Context, rows []*row) ([]*Audit, error) {
	out := make([]*Audit, len(rows))
	for n, r := range rows {
		out[n] = plain(r)
	}
	return out, s.label(ctx, out)
}

func plain(r *row) *Audit {
	a := &Audit{ID: ident.From[ident.EventID](r.ID), Cursor: page.Cursor{ID: r.ID}.String(), Chain: *r.Chain, Seq: int32(*r.Seq), At: r.At, OrganizationID: ident.FromPtr[ident.OrgID](r.OrgID),
		Action: r.Action, Outcome: outcomeOf(r.Action), Subject: r.Subject, Args: r.Payload, RequestID: r.RequestID, Region: "local", Hash: hex.EncodeToString(r.Hash), PrevHash: hex.EncodeToString(r.PrevHash)}
	var c about
	_ = json.Unmarshal(r.Context, &c) // written by us alone
	a.IP, a.UserAgent = c.IP, c.UserAgent
	if c.Region != "" {
		a.Region = c.Region
	}
	kind, id, _ := strings.Cut(r.Actor, ":")
	a.Actor = &AuditActor{Kind: kinds[kind]}
	switch a.Actor.Kind {
	case "":
		a.Actor.Kind = System
	case System, Anonymous:
	default:
		a.Actor.ID = &id
	}
	if by, err := ident.Parse[ident.UserID](c.Impersonator); err == nil {
		a.Actor.ImpersonatedBy = &by
	}
	return a
}

// label looks up what actors, subjects and the people in payloads are called: people in one query, the things of each organization in one.
func (s *Service) label(ctx context.Context, all []*Audit) error {
	people, things := map[uuid.UUID]string{}, map[ident.OrgID]map[uuid.UUID]string{}
	want := func(org *ident.OrgID, id string) {
		if u, err := ident.Parse[ident.UserID](id); err == nil {
			people[u.UUID()] = ""
		} else if u, ok := uuidOf(id); ok && org != nil {
			if things[*org] == nil {
				things[*org] = map[uuid.UUID]string{}
			}
			things[*org][u] = ""
		}
	}
	for _, a := range all {
		want(a.OrganizationID, a.Subject)
		if a.Actor.ID != nil {
			want(a.OrganizationID, *a.Actor.ID)
		}
		for _, id := range mentioned(a.Args) {
			want(a.OrganizationID, id)
		}
	}
	if err := s.lookUp(ctx, people, things); err != nil {
		return err
	}
	operator := authz.From(ctx).Kind == authz.OPERATOR
	called := func(a *Audit, id string) string {
		u, ok := uuidOf(id)
		if !ok {
			return ""
		}
		if strings.HasPrefix(id, "usr_") {
			return people[u]
		}
		if a.OrganizationID == nil {
			return ""
		}
		return things[*a.OrganizationID][u]
	}
	for _, a := range all {
		if name := called(a, a.Subject); name != "" {
			a.SubjectLabel = &name
		}
		if a.Actor.ID != nil {
			a.Actor.Label = called(a, *a.Actor.ID)
		}
		if a.Actor.Kind == Operator && !operator { // customers learn that it was us, and not who of us
			a.Actor.ID, a.Actor.Label = nil, ""
		}
		a.names = map[string]string{}
		for name, id := range mentioned(a.Args) {
			a.names[name] = id
			if c := called(a, id); c != "" {
				a.names[name] = c
			}
		}
	}
	return nil
}

func (s *Service) lookUp(ctx context.Context, people map[uuid.UUID]string, things map[ident.OrgID]map[uuid.UUID]string) error {
	if len(people) > 0 {
		rows, err := s.q.People(ctx, s.DB, auditq.PeopleParams{Ids: keys(people)})
		if err != nil {
			return fmt.Errorf("read what people are called: %w", err)
		}
		for _, r := range rows {
			people[r.UserID] = r.DisplayName
		}
	}
	for org, of := range things {
		rows, err := s.q.Called(ctx, s.DB, auditq.CalledParams{OrgID: org.UUID(), Ids: keys(of)})
		if err != nil {
			return fmt.Errorf("read what things are called: %w", err)
		}
		for _, r := range rows {
			of[r.ID] = r.Name
		}
	}
	return nil
}

func keys(m map[uuid.UUID]string) []uuid.UUID {
	out := make([]uuid.UUID, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// mentioned are the ids in a payload, by name.
func mentioned(args json.RawMessage) map[string]string {
	var all map[string]any
	_ = json.Unmarshal(args, &all) // written by us alone
	out := map[string]string{}
	for name, v := range all {
		if text, ok := v.(string); ok {
			if _, is := uuidOf(text); is {
				out[name] = text
			}
		}
	}
	return out
}

// uuidOf reads an id of whatever kind.
func uuidOf(id string) (uuid.UUID, bool) {
	prefix, tail, ok := strings.Cut(id, "_")
	if !ok || len(prefix) != 3 {
		return uuid.Nil, false
	}
	u, err := ident.Parse[ident.UserID]("usr_" + tail) // the part behind the prefix is the same for all kinds
	return u.UUID(), err == nil
}
