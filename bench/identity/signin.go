package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// people is how many sign in, one after the other.
const people = 200

// signIns measures sign-ins by password, and beside them the hashing alone, which is what they cost by intent.
func signIns(ctx context.Context, h *house, o options) error {
	for n := range people {
		if err := h.person(ctx, fmt.Sprintf("person%d@example.com", n), "ENABLED", true); err != nil {
			return err
		}
	}
	enter := func(ctx context.Context, n int64) error {
		status, body, err := h.post(ctx, "/auth/sign-in", map[string]string{"username": fmt.Sprintf("person%d@example.com", n%people), "password": password})
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	}
	if _, err := measure(ctx, 2, o.each/5, false, enter); err != nil { // keys, statements and connections are made
		return err
	}
	bare, err := measure(ctx, o.clients, o.each, false, func(ctx context.Context, _ int64) error {
		_, err := h.Credentials.Hash(ctx, secret.New(password))
		return err
	})
	if err != nil {
		return err
	}
	f, err := measure(ctx, o.clients, o.each, true, enter)
	if err != nil {
		return err
	}
	fmt.Printf("sign-ins, %d clients, %d cores: %.1f/s, %.0f ms CPU each, p50 %s, p99 %s; hashing alone %.1f/s, %.0f ms CPU each\n", o.clients, runtime.GOMAXPROCS(0), f.rate(), float64(f.cpu.Milliseconds())/float64(f.n),
		f.quantile(0.5).Round(1e6), f.quantile(0.99).Round(1e6), bare.rate(), float64(bare.cpu.Milliseconds())/float64(bare.n))
	return crowd(ctx, h, o, enter)
}

// crowd lets many come at one moment: what they take of memory must not grow with them.
func crowd(ctx context.Context, h *house, o options, enter func(context.Context, int64) error) error {
	before := peak()
	errs := make([]error, o.crowd)
	var wg sync.WaitGroup
	for n := range o.crowd {
		wg.Go(func() { errs[n] = enter(ctx, int64(n)) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	fmt.Printf("%d sign-ins at one moment: peak memory %s before, %s after\n", o.crowd, before, peak())
	return nil
}
