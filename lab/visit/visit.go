// Package visit is a visitor of the edge: it fetches a page as a browser would whose resolver knows the
// world's names and which trusts the world's CAs.
package visit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Page is what came back.
type Page struct {
	URL         string
	Status      string // "200 OK"
	Code        int
	Headers     http.Header
	Body        string // at most 64 kB
	Certificate *Certificate
	Took        time.Duration
}

// Certificate is what the edge presented.
type Certificate struct {
	Subject   string
	Names     []string
	Issuer    string
	Serial    string
	NotBefore time.Time
	NotAfter  time.Time
}

const maxBody = 64 << 10

// Get fetches https://host/path from the edge at address, with SNI and Host set to host. The certificate is
// checked against the roots; an answer that is not trusted is an error. Redirects are not followed.
func Get(ctx context.Context, address string, roots []byte, host, path string) (*Page, error) {
	host = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(host), "."))
	if host == "" || len(host) > 253 || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return nil, fmt.Errorf("%.80q is not a host name", host)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	u, err := url.Parse("https://" + host + path)
	if err != nil || u.Host != host {
		return nil, errors.New("the path cannot be part of an address")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		},
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS12},
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", u, err)
	}
	req.Header.Set("User-Agent", "lab visitor")
	req.Header.Set("Accept", "application/json, */*")
	start := time.Now()
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("visit %s: %w", u, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", u, err)
	}
	leaf := res.TLS.PeerCertificates[0]
	return &Page{
		URL: u.String(), Status: res.Status, Code: res.StatusCode, Headers: res.Header, Body: string(body), Took: time.Since(start),
		Certificate: &Certificate{
			Subject: leaf.Subject.String(), Names: leaf.DNSNames, Issuer: leaf.Issuer.CommonName,
			Serial: leaf.SerialNumber.Text(16), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		},
	}, nil
}

// Curl is the command that does the same in a terminal.
func Curl(address, rootFile, host, path string) string {
	_, port, _ := net.SplitHostPort(address)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return fmt.Sprintf("curl --resolve %s:%s:127.0.0.1 --cacert %s 'https://%s:%s%s'", host, port, rootFile, host, port, strings.ReplaceAll(path, "'", "%27"))
}
