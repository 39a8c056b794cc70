package main

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// world is what an edge leans on, in memory.
type world struct {
	entries []edgeentry.Entry
	keys    map[ident.CertificateID]*tls.Certificate
	open    func(ident.CertificateID) (*tls.Certificate, error) // nil: keys has all
}

func (w *world) Load(context.Context) (edgeentry.Snapshot, error) {
	return edgeentry.Snapshot{Generation: 1, Entries: w.entries}, nil
}

// Delta has never anything new.
func (w *world) Delta(context.Context, int64) (edgeentry.Snapshot, error) {
	return edgeentry.Snapshot{Generation: 1}, nil
}

// Generation stays.
func (w *world) Generation(context.Context) (int64, error) { return 1, nil }

// Heartbeat is heard by nobody.
func (w *world) Heartbeat(context.Context, edgeentry.Node) error { return nil }

// Leave too.
func (w *world) Leave(context.Context, ident.EdgeNodeID) error { return nil }

// certificatesOf gives what is opened to the edge.
type certificatesOf struct{ *world }

// Load of a certificate; the projection's Load has the same name.
func (w certificatesOf) Load(_ context.Context, id ident.CertificateID) (*tls.Certificate, error) {
	if w.open != nil {
		return w.open(id)
	}
	if c := w.keys[id]; c != nil {
		return c, nil
	}
	return nil, errors.New("no such certificate")
}
