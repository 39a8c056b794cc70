package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/probe/overtls"
)

// proofKey is of this process alone, made when the first probe comes.
type proofKey struct {
	once sync.Once
	key  *ecdsa.PrivateKey
	err  error
}

func (k *proofKey) get() (*ecdsa.PrivateKey, error) {
	k.once.Do(func() { k.key, k.err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })
	return k.key, k.err
}

// proof answers a probe of ours that asks over TLS whether we are there. nil is for everybody else, who learns nothing of it: a hello without the name's nonce
// goes on as any other. Over QUIC nobody is answered, because no CA asks there.
func (e *Edge) proof(h *tls.ClientHelloInfo, host string) (*tls.Config, error) {
	nonce, is := overtls.Nonce(h.SupportedProtos)
	if _, tcp := h.Conn.(*patientConn); !is || !tcp || e.Nonce == nil || len(nonce) > tokenMost || !e.Nonce.Valid(host, nonce) {
		return nil, nil
	}
	key, err := e.proofKey.get()
	if err != nil {
		return nil, err
	}
	c, err := overtls.Show(host, key, e.Nonce.Of, time.Now())
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true, NextProtos: h.SupportedProtos, Certificates: []tls.Certificate{*c}}, nil
}
