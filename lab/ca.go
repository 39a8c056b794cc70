package lab

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/nameplate-dev/nameplate/lab/acmeca"
)

// Identities of the two CAs, as CAA records name them.
const (
	MainCA   = "ca.lab"
	SecondCA = "second-ca.lab"
)

func (w *World) startCAs(ctx context.Context, cfg Config) error {
	var err error
	for _, e := range []struct {
		to          *string
		port, fixed int
	}{{&w.Addresses.EdgeHTTP, cfg.EdgeHTTPPort, 20080}, {&w.Addresses.EdgeHTTPS, cfg.EdgeHTTPSPort, 20443}} {
		switch {
		case e.port != 0: // the caller has it: bound already, or about to be
			*e.to = net.JoinHostPort("127.0.0.1", strconv.Itoa(e.port))
		case cfg.FreePorts:
			*e.to, err = freePort(ctx, 0, true)
		default:
			*e.to, err = freePort(ctx, e.fixed, false)
		}
		if err != nil {
			return err
		}
	}
	cert, root, err := acmeca.DirectoryCertificate()
	if err != nil {
		return err
	}
	w.directoryRoot = root
	w.cas = map[string]*acmeca.CA{}
	for _, c := range []struct {
		name, identity string
		port           int
		url            *string
	}{{"main", MainCA, 20014, &w.Addresses.CA}, {"second", SecondCA, 20015, &w.Addresses.CA2}} {
		made, err := acmeca.Start(ctx, acmeca.Config{
			Name: c.name, Identity: c.identity, Port: cfg.port(c.port), Lifetime: cfg.CertLifetime,
			HTTPPort: portOf(w.Addresses.EdgeHTTP), TLSPort: portOf(w.Addresses.EdgeHTTPS),
			Resolver: w.Addresses.CAResolver.String(), Log: w.log, Now: w.Clock.Now, CertOfDir: cert,
		})
		if err != nil {
			return err
		}
		w.stops = append(w.stops, made.Close)
		w.cas[c.name], *c.url = made, made.DirectoryURL()
		w.Addresses.Bound = append(w.Addresses.Bound, made.Addr())
	}
	return nil
}

// CA finds a certification authority: main or second. Another name panics.
func (w *World) CA(name string) *acmeca.CA {
	if c := w.cas[name]; c != nil {
		return c
	}
	panic(fmt.Sprintf("lab: no CA %q, only main and second", name))
}

// DirectoryRootPEM is the root that signed the TLS certificate of the ACME directories: what a client of
// the CAs has to trust.
func (w *World) DirectoryRootPEM() []byte { return bytes.Clone(w.directoryRoot) }

// RootsPEM are the roots of both CAs: what a visitor of the edge has to trust.
func (w *World) RootsPEM() []byte {
	return append(w.CA("main").RootPEM(), w.CA("second").RootPEM()...)
}

// port is the fixed port for people, or 0 for a free one.
func (c Config) port(fixed int) int {
	if c.FreePorts {
		return 0
	}
	return fixed
}

func portOf(hostport string) int {
	_, p, _ := net.SplitHostPort(hostport)
	n, _ := strconv.Atoi(p)
	return n
}
