package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// nonce is what the edge answers to the probe, and the product expects.
const nonce = "bench"

// edge answers probes as the product's edge does, with a certificate for each zone, and gives the roots that vouch for it.
func edge(h *host) (port int, roots []byte, err error) {
	ca, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, nil, err
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, ca.Public(), ca)
	if err != nil {
		return 0, nil, err
	}
	var mu sync.Mutex
	made := map[string]*tls.Certificate{}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		_, zone, _ := strings.Cut(hello.ServerName, ".")
		mu.Lock()
		defer mu.Unlock()
		if c := made[zone]; c != nil {
			return c, nil
		}
		leaf := &x509.Certificate{SerialNumber: big.NewInt(int64(len(made) + 2)), DNSNames: []string{"*." + zone}, NotBefore: root.NotBefore, NotAfter: root.NotAfter}
		raw, err := x509.CreateCertificate(rand.Reader, leaf, root, ca.Public(), ca)
		if err != nil {
			return nil, err
		}
		made[zone] = &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: ca}
		return made[zone], nil
	}})
	if err != nil {
		return 0, nil, err
	}
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(nonce)) })}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	h.Cleanup(func() { _ = s.Close(); <-done })
	return l.Addr().(*net.TCPAddr).Port, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
