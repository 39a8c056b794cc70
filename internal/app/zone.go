package app

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// nameServers are the edge zone's, as its parent delegates to them.
func nameServers(s Settings) (out []edgedns.NameServer) {
	for _, n := range s.Edge.NameServers {
		out = append(out, edgedns.NameServer{Label: n.Label, Addresses: n.Addresses})
	}
	if len(out) == 0 {
		out = edgedns.DefaultNameServers(s.Edge.V4, s.Edge.V6)
	}
	return out
}

// Delegation is what the operator writes into the edge zone's parent zone: NS records and their addresses.
func Delegation(s Settings) []string {
	var out []string
	for _, n := range nameServers(s) {
		out = append(out, fmt.Sprintf("%s. NS %s.%s.", s.Edge.Zone, n.Label, s.Edge.Zone))
		for _, a := range n.Addresses {
			kind := "A"
			if a.Is6() {
				kind = "AAAA"
			}
			out = append(out, fmt.Sprintf("%s.%s. %s %s", n.Label, s.Edge.Zone, kind, a))
		}
	}
	return out
}

// cookieSecrets make DNS cookies that every node knows: one of today, which makes them, and those of yesterday and tomorrow for whoever sits at
// midnight or has another clock. Like the keys of session tickets they are computed and stored nowhere.
func (d derived) cookieSecrets(ctx context.Context) ([][16]byte, error) {
	keys, err := d.ring.Verifiers(ctx, vault.TLSTicket)
	if err != nil {
		return nil, fmt.Errorf("read the key of DNS cookies: %w", err)
	}
	today := d.now().Truncate(day)
	var out [][16]byte
	for _, k := range keys {
		for _, at := range []time.Time{today, today.Add(-day), today.Add(day)} {
			out = append(out, [16]byte(k.MAC("dns cookie", strconv.FormatInt(at.Unix(), 10))))
		}
	}
	return out, nil
}

// sealedKey is where the vault knows keys of the edge zone by.
const sealedKey = "edge_zone_record.value"

// ZoneKeys are what the edge zone is signed with, the newest last. The first call of an installation makes the first.
func (a *App) ZoneKeys(ctx context.Context) ([]*edgedns.Key, error) {
	sealed, err := a.EdgeEntries.Keys(ctx)
	if err != nil {
		return nil, err
	}
	if len(sealed) == 0 {
		if err := a.addZoneKey(ctx, true); err != nil {
			return nil, err
		}
		if sealed, err = a.EdgeEntries.Keys(ctx); err != nil {
			return nil, err
		}
	}
	return a.openKeys(sealed, func(raw []byte) ([]byte, error) {
		return a.Vault.Open(ctx, a.DB, ident.OrgID{}, sealedKey, a.Settings.Edge.Zone, raw)
	})
}

// AddZoneKey adds a key that signs beside those there are, and becomes the one that the parent is told to name.
func (a *App) AddZoneKey(ctx context.Context) error { return a.addZoneKey(ctx, false) }

func (a *App) addZoneKey(ctx context.Context, first bool) error {
	return a.EdgeEntries.AddKey(ctx, first, func(ctx context.Context, tx *db.Tx, known []string) (string, error) {
		taken, err := a.openKeys(known, func(raw []byte) ([]byte, error) {
			return a.Vault.Open(ctx, tx, ident.OrgID{}, sealedKey, a.Settings.Edge.Zone, raw)
		})
		if err != nil {
			return "", err
		}
		plain, err := edgedns.NewKey(a.Settings.Edge.Zone, taken...)
		if err != nil {
			return "", fmt.Errorf("make a key of the edge zone: %w", err)
		}
		sealed, err := a.Vault.Seal(ctx, tx, ident.OrgID{}, sealedKey, a.Settings.Edge.Zone, plain)
		if err != nil {
			return "", fmt.Errorf("seal a key of the edge zone: %w", err)
		}
		return base64.StdEncoding.EncodeToString(sealed), nil
	})
}

// RetireZoneKey takes the key with a tag away. The parent must not name it any more, and have done so for as long as its DS may be kept.
func (a *App) RetireZoneKey(ctx context.Context, tag uint16) error {
	sealed, err := a.EdgeEntries.Keys(ctx)
	if err != nil {
		return err
	}
	keys, err := a.openKeys(sealed, func(raw []byte) ([]byte, error) {
		return a.Vault.Open(ctx, a.DB, ident.OrgID{}, sealedKey, a.Settings.Edge.Zone, raw)
	})
	if err != nil {
		return err
	}
	n := slices.IndexFunc(keys, func(k *edgedns.Key) bool { return k.Tag() == tag })
	if n < 0 {
		return fmt.Errorf("the edge zone has no key %d", tag)
	}
	return a.EdgeEntries.EndKey(ctx, sealed[n])
}

func (a *App) openKeys(sealed []string, open func(raw []byte) ([]byte, error)) ([]*edgedns.Key, error) {
	out := make([]*edgedns.Key, len(sealed))
	for n, text := range sealed {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("read a key of the edge zone: %w", err)
		}
		plain, err := open(raw)
		if err != nil {
			return nil, fmt.Errorf("open a key of the edge zone: %w", err)
		}
		if out[n], err = edgedns.ReadKey(a.Settings.Edge.Zone, plain); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// zone reads the networks that may copy the zone. A signed zone has no copy: its proofs of absence are made for each question.
func (p *parser) zone(s *EdgeSettings, transfers string) {
	s.Transfers = p.prefixes("edge.dns_transfer", transfers)
	if s.DNSSEC && len(s.Transfers) > 0 {
		p.wrong("edge.dns_transfer", "and edge.dnssec exclude each other: proofs of absence are made for each question, and a copy would not have them")
	}
}
