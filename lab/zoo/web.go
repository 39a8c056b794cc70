package zoo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/lab/loopback"
)

// Nonce is what the edge of every world answers to a probe.
const Nonce = "now"

// Proxy is a made-up address of a proxy that customers put before their names.
const Proxy = "104.16.0.1"

// web are the web servers of a world.
type web struct {
	roots  *x509.CertPool
	places map[netip.AddrPort]netip.AddrPort
}

// Web puts a web server on ports 80 and 443 of a made-up address. Its certificate is good for every name that Roots is asked about.
func (w *World) Web(addr string, h http.Handler, names ...string) {
	w.t.Helper()
	cert, err := w.certificate(names)
	if err != nil {
		w.t.Fatalf("make a certificate: %v", err)
	}
	for _, port := range []uint16{80, 443} {
		l, err := loopback.Listen(w.t.Context(), 0)
		if err != nil {
			w.t.Fatalf("start a web server: %v", err)
		}
		at := netip.MustParseAddrPort(l.Addr().String())
		srv := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Second}
		served := net.Listener(l)
		if port == 443 {
			served = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
		}
		done := make(chan struct{})
		go func() { defer close(done); _ = srv.Serve(served) }()
		w.t.Cleanup(func() { _ = srv.Close(); <-done })
		w.mu.Lock()
		w.web.places[netip.AddrPortFrom(netip.MustParseAddr(addr), port)] = at
		w.mu.Unlock()
	}
}

// WebPlaces tells where the port of a made-up address really is.
func (w *World) WebPlaces() map[netip.AddrPort]netip.AddrPort {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.web.places
}

// Roots are whom the world's visitors trust.
func (w *World) Roots() *x509.CertPool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.web.roots
}

// certificate makes one that signs itself, and makes the world trust it.
func (w *World) certificate(names []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "zoo"}, DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		return tls.Certificate{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.web.roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, nil
}

// edge answers probes as our edge does. As a proxy before it, it shows that it is one, and says over what it asked the edge: http when it is
// flexible, else as it was asked itself.
func edge(proxy, flexible bool) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if proxy {
			out.Header().Set("Cf-Ray", "8f0-ZOO")
		}
		arrived := "http"
		if in.TLS != nil && !flexible {
			arrived = "https"
		}
		out.Header().Set("Nameplate-Arrived", arrived)
		fmt.Fprint(out, strings.TrimPrefix(in.URL.Path, "/.well-known/nameplate/")+" edge-1")
	})
}

// stranger is somebody else's site; elsewhere sends its visitors away.
func stranger(out http.ResponseWriter, _ *http.Request) { fmt.Fprint(out, "Welcome to nginx!") }

func elsewhere(out http.ResponseWriter, in *http.Request) {
	http.Redirect(out, in, "https://www.elsewhere.lab/", http.StatusFound)
}
