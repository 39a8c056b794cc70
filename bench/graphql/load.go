package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// burst is one run of the load generator.
type burst struct {
	URL         string
	Body        []byte
	Keys        []string // API keys, each of which is good for PerKey requests
	PerKey      int
	First       int // how many requests of them are spent already
	Size        int // of every good answer, in bytes
	Concurrency int
	For         time.Duration
}

// outcome is what it saw. Times are in milliseconds.
type outcome struct {
	Requests int
	Seconds  float64
	P50, P99 float64
}

func (o outcome) perSecond() float64 { return float64(o.Requests) / o.Seconds }

// load sends one request after the other on each of its connections until the time is over. An answer of another size or status ends it.
func load(ctx context.Context) error {
	var in burst
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: in.Concurrency, DisableCompression: true}}
	var sent atomic.Int64
	sent.Store(int64(in.First))
	took := make([][]time.Duration, in.Concurrency)
	var wg sync.WaitGroup
	began := time.Now()
	for n := range in.Concurrency {
		wg.Go(func() {
			buffer := make([]byte, in.Size+1)
			for time.Since(began) < in.For && ctx.Err() == nil {
				key := in.Keys[int(sent.Add(1)-1)/in.PerKey%len(in.Keys)]
				at := time.Now()
				if err := send(ctx, client, &in, key, buffer); err != nil {
					cancel(err)
					return
				}
				took[n] = append(took[n], time.Since(at))
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	all := slices.Concat(took...)
	return json.NewEncoder(os.Stdout).Encode(outcome{len(all), time.Since(began).Seconds(), quantile(all, 0.5), quantile(all, 0.99)})
}

func send(ctx context.Context, client *http.Client, in *burst, key string, buffer []byte) error {
	res, err := post(ctx, client, in.URL, in.Body, key)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	n, err := io.ReadFull(res.Body, buffer)
	if !errors.Is(err, io.ErrUnexpectedEOF) || n != in.Size || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d with %d bytes instead of %d (%v): %.400s", in.URL, res.StatusCode, n, in.Size, err, buffer[:n])
	}
	return nil
}

func post(ctx context.Context, client *http.Client, url string, body []byte, key string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json")
	r.Header.Set("Authorization", "Bearer "+key)
	return client.Do(r)
}

// quantile is the smallest of all that q of them do not exceed, in milliseconds.
func quantile(all []time.Duration, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return float64(all[min(len(all)-1, int(q*float64(len(all))))]) / float64(time.Millisecond)
}
