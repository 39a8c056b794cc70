package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	asksRate = 2_000 // questions a second
	askToken = "whoever knows this may ask"
)

// asks puts questions to GET /internal/ask of an edge with 100,000 names, as a proxy in front of it would, and compares every answer: half of the names may have
// a certificate, a third of the questions is for names that nobody knows.
func asks(ctx context.Context, o options) error {
	p, _, leave, err := single(ctx, setting{Origin: "127.0.0.1:9", Names: names})
	defer leave()
	if err != nil {
		return err
	}
	const clients = 16
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: 5 * time.Second}
	gap, start := time.Second*clients/asksRate, time.Now()
	alone := make([][]time.Duration, clients) // without what the client's own timers are late
	f, err := crowd(ctx, clients, p, max(5*time.Second, 5*o.each), func(ctx context.Context, k int, seen *[]time.Duration) (int, error) {
		n := k
		return paced(ctx, start.Add(gap*time.Duration(k)/clients), gap, seen, func() error {
			n += clients * 31
			began := time.Now()
			defer func() { alone[k] = append(alone[k], time.Since(began)) }()
			return ask(ctx, client, p.address, n)
		})
	})
	if err != nil {
		return err
	}
	all := slices.Sorted(slices.Values(slices.Concat(alone...)))
	fmt.Printf("ask: %.0f questions a second over %d connections, %d names: p50 %s ms, p99 %s ms; with what the client's timers are late p50 %s ms, p99 %s ms; the edge used %.2f of a core\n",
		f.rate(), clients, names, ms(all[len(all)/2]), ms(all[len(all)*99/100]), ms(f.p50), ms(f.p99), f.cpu.Seconds()/f.seconds)
	return nil
}

func ask(ctx context.Context, client *http.Client, address string, n int) error {
	name, want := hostOf(n%names), http.StatusOK
	if n%2 == 1 {
		want = http.StatusForbidden
	}
	if n%3 == 0 {
		name, want = "x"+name, http.StatusForbidden
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, "http://"+address+"/internal/ask?domain="+name, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+askToken)
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	if _ = res.Body.Close(); res.StatusCode != want {
		return fmt.Errorf("%s was answered %d instead of %d", name, res.StatusCode, want)
	}
	return nil
}
