package apikey

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/apikeyq"
)

// mostNetworks is how many networks of one key are told apart; after so many another one is no news.
const mostNetworks = 1000

// used notes the use of a key, to the minute, and on record the first one from each network.
func (s *Service) used(ctx context.Context, caller authz.Principal, row *apikeyq.OrgOfLookupRow, ip string, network *string) error {
	now := s.DB.Now()
	if row.NetworkKnown && row.LastUsedAt != nil && now.Sub(*row.LastUsedAt) <= usedEvery {
		return nil
	}
	p := apikeyq.UseKeyParams{ID: row.ID, LastUsedAt: &now}
	if ip != "" {
		p.Ip = &ip
	}
	if err := s.q.UseKey(ctx, s.DB, p); err != nil {
		return fmt.Errorf("note the use of a key: %w", err)
	}
	if row.NetworkKnown {
		return nil
	}
	_, err := door.Do(authz.With(ctx, caller.About(authz.From(ctx))), s.Door, door.Change[string, struct{}]{
		Action: door.Action{Name: "apikey.use", Public: true},
		Do: func(ctx context.Context, e *door.Effect, network string) (struct{}, error) {
			n, err := s.q.AddNetwork(ctx, e.Tx, apikeyq.AddNetworkParams{KeyID: row.ID, Network: network, Now: e.Tx.Now, Most: mostNetworks})
			if err != nil {
				return struct{}{}, fmt.Errorf("note the network of a key: %w", err)
			}
			if n == 0 {
				e.Quiet() // another process was faster, or there were enough
				return struct{}{}, nil
			}
			e.Record(event.Change{OrgID: caller.OrgID, Action: "apikey.used_from_new_network", Subject: caller.KeyID.String(), Version: 1, Payload: map[string]any{"v": 1}, Audited: true})
			return struct{}{}, nil
		},
	}, *network)
	return err
}

// refuse answers for a key whose person is locked out, what it answers for every dead key, and notes it once an hour.
func (s *Service) refuse(ctx context.Context, caller authz.Principal) error {
	_, err := door.Do(ctx, s.Door, door.Change[struct{}, struct{}]{
		Action: door.Action{Name: "apikey.refuse", Public: true},
		Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
			e.Refuse(invalid())
			n, err := s.q.RefuseKey(ctx, e.Tx, apikeyq.RefuseKeyParams{ID: caller.KeyID.UUID(), OrgID: caller.OrgID.UUID(), Now: e.Tx.Now})
			if err != nil {
				return struct{}{}, fmt.Errorf("note the refusal of a key: %w", err)
			}
			if n == 0 {
				e.Quiet()
				return struct{}{}, nil
			}
			e.Record(event.Change{OrgID: caller.OrgID, Action: "apikey.refused_suspended", Subject: caller.KeyID.String(), Version: 1, Payload: map[string]any{"v": 1}, Audited: true})
			return struct{}{}, nil
		},
	}, struct{}{})
	return err
}

// cidr is a caller's network as the database keeps it; nil for a caller without one.
func cidr(network string) *string {
	p, err := netip.ParsePrefix(network)
	if err != nil {
		a, err := netip.ParseAddr(network)
		if err != nil {
			return nil
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	return new(p.Masked().String())
}
