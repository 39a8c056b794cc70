package edgeentry

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/queries/edgeentryq"
)

const mayReadRoutes authz.Permission = "route.read"

// Node is one running edge.
type Node struct {
	ID        ident.EdgeNodeID
	Name      string
	Version   string
	ServesDNS bool
	Addresses []netip.Addr
	StartedAt time.Time
	Acked     int64 // everything up to this generation is in force there
	Draining  bool  // going away: nobody waits for it
	SeenAt    time.Time
}

// EdgeNodeState says whether a change is in force at an edge, and whether others wait for it.
type EdgeNodeState string

const (
	Current  EdgeNodeState = "CURRENT"
	Behind   EdgeNodeState = "BEHIND"
	Draining EdgeNodeState = "DRAINING"
	Silent   EdgeNodeState = "SILENT" // since Alive
)

// EdgeNode is an edge as operators see it.
type EdgeNode struct {
	ID              ident.EdgeNodeID
	Name            string
	Addresses       []string
	Version         string
	ServesDNS       bool
	AckedGeneration int64
	Lag             int64 // generations behind the newest
	State           EdgeNodeState
	StartedAt       time.Time
	LastSeenAt      time.Time
}

// Heartbeat says that a node is alive and how far it has come. Every second.
func (s *Service) Heartbeat(ctx context.Context, n Node) error {
	p := edgeentryq.BeatParams{ID: n.ID.UUID(), Name: n.Name, Version: n.Version, ServesDns: n.ServesDNS, Addresses: n.Addresses, AckedGeneration: n.Acked,
		StartedAt: n.StartedAt, Now: s.DB.Now(), Draining: n.Draining}
	if p.Addresses == nil {
		p.Addresses = []netip.Addr{}
	}
	if err := s.q.Beat(ctx, s.DB, p); err != nil {
		return fmt.Errorf("beat for the edge %s: %w", n.Name, err)
	}
	return nil
}

// Leave takes a node out, so that nobody waits for it.
func (s *Service) Leave(ctx context.Context, id ident.EdgeNodeID) error {
	return s.q.Leave(ctx, s.DB, edgeentryq.LeaveParams{ID: id.UUID()})
}

// Acked says that every live edge has a generation in force. Edges that were silent for ten seconds do not count; with none alive it is false.
func (s *Service) Acked(ctx context.Context, generation int64) (bool, error) {
	n, err := s.q.Acknowledged(ctx, s.DB, edgeentryq.AcknowledgedParams{Generation: generation, Since: s.DB.Now().Add(-Alive)})
	if err != nil {
		return false, fmt.Errorf("ask how far the edges are: %w", err)
	}
	return n.Alive > 0 && n.Have == n.Alive, nil
}

// Nodes are all edges of the last hour, by name.
func (s *Service) Nodes(ctx context.Context) ([]Node, error) {
	rows, err := s.q.Nodes(ctx, s.DB)
	if err != nil {
		return nil, fmt.Errorf("list the edges: %w", err)
	}
	out := make([]Node, len(rows))
	for n, r := range rows {
		out[n] = Node{ident.From[ident.EdgeNodeID](r.ID), r.Name, r.Version, r.ServesDns, r.Addresses, r.StartedAt, r.AckedGeneration, r.Draining, r.LastSeenAt}
	}
	return out, nil
}

// EdgeNodes are all edges of the last hour by name, for operators, with how far each is behind.
func (s *Service) EdgeNodes(ctx context.Context) ([]*EdgeNode, error) {
	if err := s.Authz.Operate(ctx, mayReadRoutes); err != nil {
		return nil, err
	}
	// The nodes first: one that acknowledges between the two reads is not ahead of the newest.
	nodes, err := s.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	newest, err := s.Generation(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*EdgeNode, len(nodes))
	for k, n := range nodes {
		one := &EdgeNode{ID: n.ID, Name: n.Name, Addresses: make([]string, len(n.Addresses)), Version: n.Version, ServesDNS: n.ServesDNS, AckedGeneration: n.Acked,
			Lag: max(0, newest-n.Acked), State: Current, StartedAt: n.StartedAt, LastSeenAt: n.SeenAt}
		for i, a := range n.Addresses {
			one.Addresses[i] = a.String()
		}
		switch {
		case !n.SeenAt.After(s.DB.Now().Add(-Alive)):
			one.State = Silent
		case n.Draining:
			one.State = Draining
		case one.Lag > 0:
			one.State = Behind
		}
		out[k] = one
	}
	return out, nil
}
