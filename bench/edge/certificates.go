package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/edge"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

const (
	names = 100_000
	hot   = 10_000
	cold  = 200
)

// stored is a certificate as the database has it, but for its seal.
type stored struct{ leaf, key []byte }

// certificates lets one edge serve 100,000 names, 10,000 of which are visited. Memory is that of the whole process, clients and stored certificates included.
func certificates(ctx context.Context, _ options) error {
	debug.SetGCPercent(100)
	shelf, parent, err := shelve(hot + cold)
	if err != nil {
		return err
	}
	var opens atomic.Int64
	w := &world{}
	at := map[ident.CertificateID]int{}
	for n := range names {
		id := ident.New[ident.CertificateID](time.Now())
		if n < len(shelf) {
			at[id] = n
		}
		w.entries = append(w.entries, edgeentry.Entry{
			Hostname: hostOf(n), ConnectionID: ident.New[ident.ConnectionID](time.Now()), OrgID: ident.New[ident.OrgID](time.Now()), Serve: true, CertAllowed: true, Mode: edgeentry.Proxy, CertificateID: &id, Generation: 1,
			Route: edgeentry.Route{Application: strings.Clone("Shop"), CustomerRef: fmt.Sprint("cus-", n), Upstream: &edgeentry.Upstream{OriginURL: fmt.Sprintf("https://origin%d.example.com", n%100), HostHeader: strings.Clone("CUSTOMER"), TLSVerify: true}},
		})
	}
	w.open = func(id ident.CertificateID) (*tls.Certificate, error) {
		opens.Add(1)
		s := shelf[at[id]]
		key, err := x509.ParsePKCS8PrivateKey(s.key)
		if err != nil {
			return nil, err
		}
		leaf, err := x509.ParseCertificate(s.leaf)
		return &tls.Certificate{Certificate: [][]byte{slices.Clone(s.leaf), slices.Clone(parent)}, PrivateKey: key, Leaf: leaf}, err
	}
	before := inUse()
	e := &edge.Edge{HTTP: []string{"127.0.0.1:0"}, HTTPS: []string{"127.0.0.1:0"}, Name: "bench", Projection: w, Keys: certificatesOf{w}, Upstreams: safehttp.Options{AllowLoopbackHTTP: true}, Metrics: metric.New(), Grace: time.Second}
	began := time.Now()
	if err := e.Listen(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	address := e.HTTPSAddrs()[0].String()
	if _, err := greet(address, 0); err != nil {
		return err
	}
	fmt.Printf("listening, and the first handshake of %d names done, after %s\n", names, time.Since(began).Round(time.Millisecond))
	w.entries = nil // the edge has its own
	fmt.Printf("the table: %d MB\n", inUse()-before)
	if err := visitAll(address); err != nil {
		return err
	}
	if n := opens.Load(); n != hot {
		return fmt.Errorf("%d certificates were opened for %d names", n, hot)
	}
	fmt.Printf("with %d certificates open: %d MB; the process: %d MB in use, %d MB resident\n", hot, inUse()-before, inUse(), resident())
	var first, again []time.Duration
	for n := range cold {
		for _, list := range []*[]time.Duration{&first, &again} {
			took, err := greet(address, hot+n)
			if err != nil {
				return err
			}
			*list = append(*list, took)
		}
	}
	slices.Sort(first)
	slices.Sort(again)
	fmt.Printf("a handshake: p50 %s cold, %s cached; p99 %s cold, %s cached\n", first[cold/2], again[cold/2], first[cold*99/100], again[cold*99/100])
	cancel()
	return <-ended
}

func visitAll(address string) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	problems := make([]error, 16)
	for k := range problems {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < hot; n = int(next.Add(1)) - 1 {
				if _, err := greet(address, n); err != nil {
					problems[k] = err
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range problems {
		if err != nil {
			return err
		}
	}
	return nil
}

func hostOf(n int) string { return fmt.Sprintf("shop%d.customer.example", n) }

// greet makes a handshake for a name and checks whose certificate came.
func greet(address string, n int) (time.Duration, error) {
	config := visitor()
	config.ServerName = hostOf(n)
	began := time.Now()
	raw, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer raw.Close()
	c := tls.Client(raw, config)
	if err := c.Handshake(); err != nil {
		return 0, fmt.Errorf("%s: %w", hostOf(n), err)
	}
	took := time.Since(began)
	if got := c.ConnectionState().PeerCertificates[0].DNSNames[0]; got != hostOf(n) {
		return 0, fmt.Errorf("%s got the certificate of %s", hostOf(n), got)
	}
	return took, nil
}

func shelve(n int) (out []stored, parent []byte, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	if parent, err = x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey); err != nil {
		return nil, nil, err
	}
	for k := range n {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		leaf := &x509.Certificate{SerialNumber: big.NewInt(int64(k + 2)), DNSNames: []string{hostOf(k)}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter}
		der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
		if err != nil {
			return nil, nil, err
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, stored{der, pkcs8})
	}
	return out, parent, nil
}

// inUse is the heap that lives, in MB.
func inUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc >> 20)
}

func resident() int {
	raw, _ := os.ReadFile("/proc/self/status")
	kb := 0
	if _, after, ok := strings.Cut(string(raw), "VmRSS:"); ok {
		_, _ = fmt.Sscan(after, &kb)
	}
	return kb >> 10
}
