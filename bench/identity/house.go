package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/devdb"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/run"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

const (
	password = "a long walk by the sea"
	owner    = "owner@acme.example"
	console  = "http://localhost:20100"
)

// house is the product behind its HTTP door, without its loops, and an organization with an owner.
type house struct {
	*app.App
	org   ident.OrgID
	owner ident.UserID
	base  string
	phc   string // of password: everybody has it, so that people are made without hashing

	networks atomic.Uint32
	client   *http.Client
	closers  []func()
}

func open(ctx context.Context) (*house, error) {
	dir, err := os.MkdirTemp("", "identity")
	if err != nil {
		return nil, err
	}
	h := &house{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}, Timeout: 5 * time.Minute}, closers: []func(){func() { os.RemoveAll(dir) }}}
	data, err := devdb.Fresh(ctx, db.MaxConns(30))
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, data.Close)
	s := app.Settings{Profile: "lab", KEK: "file:" + filepath.Join(dir, "kek"), ConsoleOrigin: console, Edge: app.EdgeSettings{Zone: "edge.lab"}, DNS: app.DNSSettings{AllowPrivate: true},
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}} // each request says which network it comes from, or it would wait for the limits
	if h.App, err = app.Build(ctx, s, data.DB, nil, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))); err != nil {
		return nil, err
	}
	h.owner, h.org, err = h.CreateDeveloper(ctx, app.Developer{Email: owner, Name: "Olga Owner", Password: secret.New(password), Organization: "Acme", Slug: "acme"})
	if err != nil {
		return nil, err
	}
	if h.phc, err = h.Credentials.Hash(ctx, secret.New(password)); err != nil {
		return nil, err
	}
	return h, h.serve()
}

func (h *house) serve() error {
	handler, err := h.Handler()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h.base = "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	server := h.Server(l, handler)
	go func() { ended <- run.All(ctx, server) }()
	h.closers = append(h.closers, func() { cancel(); <-ended })
	return nil
}

func (h *house) close() {
	for n := len(h.closers) - 1; n >= 0; n-- {
		h.closers[n]()
	}
}

// person makes somebody with the one password; without sets says that there is none.
func (h *house) person(ctx context.Context, email, access string, withPassword bool) error {
	id := ident.New[ident.UserID](h.DB.Now())
	if _, err := h.DB.Exec(ctx, "insert into app_user (id, kind, status, access, created_at, default_org_id) values ($1, 'PERSON', 'REGISTERED', $2, now(), $3)", id.UUID(), access, h.org.UUID()); err != nil {
		return err
	}
	if _, err := h.DB.Exec(ctx, "insert into user_profile (user_id, first_name, display_name, email) values ($1, 'Ana', 'Ana', $2)", id.UUID(), email); err != nil {
		return err
	}
	if !withPassword {
		return nil
	}
	_, err := h.DB.Exec(ctx, "insert into password_credential (user_id, phc, set_at) values ($1, $2, now())", id.UUID(), h.phc)
	return err
}

// post sends JSON from a network of its own, and answers the status and the body.
func (h *house) post(ctx context.Context, path string, body any) (int, []byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.base+path, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	n := h.networks.Add(1)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("2001:db8:%x:%x::1", n>>16, n&0xffff))
	res, err := h.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	return res.StatusCode, out, err
}

// as is a request of the organization's owner, who signed in just now.
func (h *house) as(ctx context.Context) context.Context {
	return authz.With(ctx, authz.Principal{Kind: authz.USER, UserID: h.owner, SessionID: ident.New[ident.SessionID](h.DB.Now()), AuthTime: h.DB.Now(), AAL: 1, RequestID: "bench", Locale: "en", Network: "192.0.2.1"})
}
