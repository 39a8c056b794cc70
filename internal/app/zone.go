package app

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/run"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// Publisher brings the edge zone to a name server of the operator's; none when we answer ourselves (EZ-5).
func (a *App) Publisher() []run.Part {
	s := a.Settings
	if s.Edge.Publish == "" {
		return nil
	}
	key, err := edgedns.ParseTSIG(s.Edge.PublishKey.Reveal())
	if err != nil {
		panic(err) // Parse has read it
	}
	poked := make(chan struct{}, 1)
	a.Hub.On(edgeentry.Subject, func() {
		select {
		case poked <- struct{}{}:
		default:
		}
	})
	p := &edgedns.Publisher{
		Answers:    &edgedns.Server{Zone: s.Edge.Zone, V4: s.Edge.V4, V6: s.Edge.V6, NameServers: nameServers(s), CAs: a.caaOfTargets, HTTPS: s.Edge.HTTPSRecords, Now: a.DB.Now, Metrics: a.Metrics, Log: a.Log},
		Projection: a.EdgeEntries, Poked: poked, To: s.Edge.Publish, Key: key, Version: s.BuildVersion, Log: a.Log,
	}
	return []run.Part{{Name: "edge zone", Run: p.Run}}
}

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

// nameServersAt is where they are asked.
func nameServersAt(s Settings) (out []netip.AddrPort) {
	for _, n := range nameServers(s) {
		for _, a := range n.Addresses {
			out = append(out, netip.AddrPortFrom(a, uint16(s.DNS.Port)))
		}
	}
	return out
}

// handover are the labels of the name servers that answer for names which customers hand over to us: none where the zone is published by somebody else's
// servers, which have no place for zones of others.
func handover(s Settings) (labels []string) {
	if s.Edge.Publish != "" {
		return nil
	}
	for _, n := range nameServers(s) {
		labels = append(labels, n.Label)
	}
	return labels
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
	if s.Publish == "" {
		return
	}
	if _, _, err := net.SplitHostPort(s.Publish); err != nil {
		p.wrong("edge.dns_publish", "is host:port, such as ns.example.net:53")
	}
	if _, err := edgedns.ParseTSIG(s.PublishKey.Reveal()); err != nil {
		p.wrong("edge.dns_publish_key", "%v", err)
	}
	if len(s.DNS) > 0 {
		p.wrong("edge.dns", "must be empty beside edge.dns_publish: one of the two answers for the zone")
	}
	if s.DNSSEC {
		p.wrong("edge.dnssec", "is for answers of our own: sign the zone where edge.dns_publish writes it")
	}
}
