package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	edgedns "github.com/nameplate-dev/nameplate/edge/dns"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// luggage is what an edge takes along of the house's secrets beside names and certificates, sealed on its disk: the keys of probes and session tickets, those of
// the edge zone, and our accounts at the CAs.
type luggage struct {
	Signing map[vault.Purpose][][]byte
	Zone    [][]byte // PKCS #8, the newest last
	CAs     []edgedns.CA
}

const (
	luggageName = "luggage"
	packEvery   = 10 * time.Second
)

// carried are the keys that an edge derives others from.
var carried = []vault.Purpose{vault.Nonce, vault.TLSTicket}

// unpack reads what a former process left on the disk.
func (o *Outpost) unpack() error {
	raw, err := o.disk.Value(luggageName)
	if err != nil {
		return fmt.Errorf("read edge.state_dir: %w; was it sealed under another vault.kek? Name the former one in vault.former_keks, or remove the directory", err)
	}
	if raw == nil {
		return nil
	}
	var l luggage
	if err := json.Unmarshal(raw, &l); err != nil {
		return fmt.Errorf("read edge.state_dir: %w", err)
	}
	o.packed.Store(&l)
	return nil
}

// pack keeps the luggage up to date while the house is there.
func (o *Outpost) pack(ctx context.Context) error {
	t := time.NewTicker(packEvery)
	defer t.Stop()
	var last []byte
	for {
		if raw, err := o.gather(ctx); err != nil {
			o.log.DebugContext(ctx, "pack what the edge needs without its database", "err", err)
		} else if !bytes.Equal(raw, last) {
			if err := o.disk.PutValue(luggageName, raw); err != nil {
				o.log.ErrorContext(ctx, "the edge cannot write its disk", "err", err)
			} else {
				if last == nil {
					o.log.InfoContext(ctx, "the edge can start without its database from now on", "state_dir", o.settings.Edge.StateDir)
				}
				last = raw
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// gather answers the luggage as it stands on the disk, and takes it over.
func (o *Outpost) gather(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	a := o.house.Load()
	if a == nil {
		return nil, errAway
	}
	l := &luggage{Signing: map[vault.Purpose][][]byte{}, CAs: o.caaOfTargets()}
	if former := o.packed.Load(); former != nil && !complete(l.CAs) {
		l.CAs = former.CAs // the accounts were not read yet
	}
	for _, p := range carried {
		signing, err := a.Vault.Verifiers(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, k := range signing {
			l.Signing[p] = append(l.Signing[p], k.Pack())
		}
	}
	if o.settings.Edge.DNSSEC {
		zone, err := a.ZoneKeys(ctx)
		if err != nil {
			return nil, err
		}
		for _, k := range zone {
			plain, err := k.PKCS8()
			if err != nil {
				return nil, err
			}
			l.Zone = append(l.Zone, plain)
		}
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("pack what the edge needs without its database: %w", err)
	}
	o.packed.Store(l)
	return raw, nil
}

// Verifiers are the house's keys for a purpose, or the last that were known.
func (o *Outpost) Verifiers(ctx context.Context, p vault.Purpose) ([]*vault.SigningKey, error) {
	signing, err := behind(o, func(a *App) ([]*vault.SigningKey, error) { return a.Vault.Verifiers(ctx, p) })
	l := o.packed.Load()
	if err == nil || l == nil || len(l.Signing[p]) == 0 {
		return signing, err
	}
	signing = nil
	for _, packed := range l.Signing[p] {
		k, err := vault.UnpackKey(packed)
		if err != nil {
			return nil, err
		}
		signing = append(signing, k)
	}
	return signing, nil
}

// zoneKeys are what the edge zone is signed with, or the last that were known.
func (o *Outpost) zoneKeys(ctx context.Context) ([]*edgedns.Key, error) {
	zone, err := behind(o, func(a *App) ([]*edgedns.Key, error) { return a.ZoneKeys(ctx) })
	l := o.packed.Load()
	if err == nil || l == nil || len(l.Zone) == 0 {
		return zone, err
	}
	zone = nil
	for _, plain := range l.Zone {
		k, err := edgedns.ReadKey(o.settings.Edge.Zone, plain)
		if err != nil {
			return nil, err
		}
		zone = append(zone, k)
	}
	return zone, nil
}

// caaOfTargets is what every target publishes: our CAs, each with our account there.
func (o *Outpost) caaOfTargets() []edgedns.CA {
	if a := o.house.Load(); a != nil {
		return a.caaOfTargets()
	}
	if l := o.packed.Load(); l != nil {
		return l.CAs
	}
	return nil
}

// complete says that the accounts have been read.
func complete(all []edgedns.CA) bool {
	for _, ca := range all {
		if ca.AccountURI == "" {
			return false
		}
	}
	return len(all) > 0
}
