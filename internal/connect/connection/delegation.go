package connection

import (
	"context"
	"fmt"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/queries/connectionq"
)

// A name that is handed over as a whole (N17). Instead of a CNAME the customer adds NS records with name servers that carry this connection's token, once.
// That proves the name (nobody else was ever told these servers), routes it and everything below it, and lets us answer the CA's questions, so that no
// further record is ever needed. Our servers answer for the zone from the moment the name is proven, and not before: whatever somebody merely starts
// must not make us say anything about a name.

// delegated says that the name is set up by handing it over.
func (c *Connection) delegated() bool { return c.how() == Delegation }

func (c *Connection) how() SetupType {
	if c.SetupType == nil {
		return Manual
	}
	return *c.SetupType
}

// undecided says that nothing has come of the connection yet that another way of setting it up would end.
func (c *Connection) undecided() bool {
	o := c.Facets.Ownership.Value
	return (o == NoOwnership || o == Pending) && c.ArchivedAt == nil && c.SuspendedAt == nil && !c.incoming()
}

// how a new connection is set up: by hand, unless its name is to be handed over.
func (in *StartConnectionInput) how() SetupType {
	if in.PreferredMethod != nil && *in.PreferredMethod == Delegation {
		return Delegation
	}
	return Manual
}

func mechanismOf(how SetupType) Mechanism {
	if how == Delegation {
		return NSDelegation
	}
	return NoMechanism
}

// Delegable says whether such a name can be handed over: a registered domain is delegated by its registry, and what is below a name comes with it.
func Delegable(apex, wildcard bool, servers []string) bool {
	return !apex && !wildcard && len(servers) > 0
}

// checkMethod refuses a way that does not fit the name.
func (s *Service) checkMethod(in *StartConnectionInput, locale string) error {
	switch {
	case in.how() != Delegation || in.name.ASCII == "":
		return nil
	case len(s.Settings.NameServers) == 0:
		return fault.Invalid("preferredMethod", "delegation_not_offered", "%s", book.Say(locale, "delegation.off", nil))
	case !Delegable(in.name.Apex, in.name.Wildcard, s.Settings.NameServers):
		return fault.Invalid("preferredMethod", "delegation_needs_subdomain", "%s", book.Say(locale, "delegation.subdomain", nil))
	}
	return nil
}

// plan makes the lines that a connection asks for, by the recipe and by how it is set up.
func (s *Service) plan(in StartConnectionInput, c *Connection) ([]record.Record, error) {
	host := hostOf(c)
	lines, err := record.Plan(in.recipe, host, record.Vars{
		Target: s.Edge.Target(c.TargetToken), VerificationToken: c.VerificationToken, Application: in.app.Slug, ExternalRef: deref(c.ExternalRef),
		EdgeV4: s.Settings.EdgeV4, EdgeV6: s.Settings.EdgeV6, TXT: in.app.OwnershipPolicy.TxtRequired || !in.app.OwnershipPolicy.TargetToken,
	})
	if err != nil {
		return nil, fault.Precondition("recipe", "The recipe of this application does not fit this name.").Because(err)
	}
	if c.delegated() {
		var servers []string
		for _, label := range s.Settings.NameServers {
			servers = append(servers, label+"."+s.Edge.Target(c.TargetToken))
		}
		return record.Delegate(lines, host, servers), nil
	}
	standing := make([]*record.Record, len(lines))
	for n := range lines {
		standing[n] = &lines[n]
	}
	return append(lines, s.challengeLines(c, standing, "")...), nil
}

// replan takes another way of setting a name up that is not proven yet. Whatever was seen of the former lines is forgotten with them.
func (s *Service) replan(ctx context.Context, e *door.Effect, in StartConnectionInput, c *Connection) error {
	c.SetupType, c.Mechanism = new(in.how()), new(mechanismOf(in.how()))
	c.RecipeID, c.TLSMode, c.Facets.TLS.Delegated = in.recipe.ID, modeOf(c.IsWildcard, in.how()), false
	lines, err := s.plan(in, c)
	if err != nil {
		return err
	}
	p := connectionq.SetMethodParams{ID: c.ID.UUID(), OrgID: c.OrgID.UUID(), SetupType: string(c.how()), Mechanism: string(*c.Mechanism), RecipeID: c.RecipeID.UUID(), TlsMode: c.TLSMode}
	if err := s.q.SetMethod(ctx, e.Tx, p); err != nil {
		return fmt.Errorf("change how %s is set up: %w", c.ID, err)
	}
	if err := s.Records.ReplaceTx(ctx, e.Tx, c.OrgID, c.ID, lines); err != nil {
		return err
	}
	if err := s.save(ctx, e.Tx, c, true); err != nil {
		return err
	}
	e.Record(change(c, "connection.updated", Changed{V: 1, Fields: []string{"setupType"}}))
	if c.State == Failed {
		return nil // it goes on when somebody says so
	}
	return s.makeDue(ctx, e, c, e.Tx.Now, analysis.TriggerManual)
}

// Zoned is the payload of edge_zone.delegated and edge_zone.removed.
type Zoned struct {
	V        int    `json:"v"`
	Hostname string `json:"hostname"`
	Zone     string `json:"zone"`
}

// answerFor makes our servers answer for a name that was handed over and has been proven.
func (s *Service) answerFor(ctx context.Context, e *door.Effect, c *Connection) error {
	if err := s.Edge.DelegateTx(ctx, e.Tx, c.Hostname, c.TargetToken, c.ID); err != nil {
		return err
	}
	e.Record(change(c, "edge_zone.delegated", Zoned{1, c.Hostname, c.Hostname}))
	return nil
}

// answerNoMore ends that, if they did.
func (s *Service) answerNoMore(ctx context.Context, e *door.Effect, c *Connection) error {
	if !c.delegated() {
		return nil
	}
	had, err := s.Edge.UndelegateTx(ctx, e.Tx, c.Hostname, c.TargetToken)
	if err != nil || !had {
		return err
	}
	e.Record(change(c, "edge_zone.removed", Zoned{1, c.Hostname, c.Hostname}))
	return nil
}
