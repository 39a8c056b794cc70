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
	"os"
	"path/filepath"
	"time"
)

// host is the name that everybody serves.
const host = "shop.bench.example"

// identity is the certificate that all proxies present.
type identity struct{ Cert, Key, Root string } // files in PEM

// issue makes one as a CA would: a leaf of P-256 and an intermediate.
func issue(dir string) (identity, error) {
	id := identity{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "root.pem")}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return id, err
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	parent, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return id, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return id, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return id, err
	}
	leaf := &x509.Certificate{SerialNumber: serial, DNSNames: []string{host}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, CRLDistributionPoints: []string{"http://crl.bench.example/1.crl"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return id, err
	}
	sealed, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return id, err
	}
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: parent})
	chain := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), root...)
	if err := os.WriteFile(id.Cert, chain, 0o600); err != nil {
		return id, err
	}
	if err := os.WriteFile(id.Root, root, 0o600); err != nil {
		return id, err
	}
	return id, os.WriteFile(id.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: sealed}), 0o600)
}

func (id identity) load() (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(id.Cert, id.Key)
	return &c, err
}

// visitor is how the clients speak TLS. Whether the chain leads to a root is not the proxies' work.
func visitor() *tls.Config {
	return &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.CurveP256}, NextProtos: []string{"http/1.1"}}
}
