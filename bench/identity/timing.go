package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// situation is a kind of name that a stranger tries.
type situation struct {
	what string
	try  func(ctx context.Context, n int) error
	took []time.Duration
}

// timing tries every situation of an entrance in random order, one at a time, and compares each with the first: names that nobody has. The second is the same
// once more, and says how much of a difference is noise.
func timing(ctx context.Context, h *house, o options) error {
	for _, access := range []string{"ENABLED", "SUSPENDED"} {
		for n := range o.samples {
			if err := h.person(ctx, fmt.Sprintf("%s%d@timing.example", strings.ToLower(access), n), access, true); err != nil {
				return err
			}
		}
	}
	for n := range o.samples {
		if err := h.person(ctx, fmt.Sprintf("elsewhere%d@timing.example", n), "ENABLED", false); err != nil {
			return err
		}
	}
	of := func(what, name string, call func(ctx context.Context, email string) error) *situation {
		return &situation{what: what, try: func(ctx context.Context, n int) error { return call(ctx, fmt.Sprintf("%s%d@timing.example", name, n)) }}
	}
	everybody := func(kind string, call func(ctx context.Context, email string) error) []*situation {
		return []*situation{of("nobody's", kind+"-nobody", call), of("nobody's, once more", kind+"-again", call), of("has an account", "enabled", call), of("is suspended", "suspended", call), of("has no password", "elsewhere", call)}
	}
	for _, entrance := range []struct {
		name string
		all  []*situation
	}{
		{"a wrong password", everybody("sign-in", h.wrong)}, {"a reset", everybody("reset", h.reset)}, {"a registration", everybody("register", h.register)},
	} {
		if err := compare(ctx, entrance.name, entrance.all, o.samples); err != nil {
			return fmt.Errorf("%s: %w", entrance.name, err)
		}
	}
	return nil
}

func compare(ctx context.Context, entrance string, all []*situation, samples int) error {
	var order []int
	for n := range samples {
		_ = n
		for s := range all {
			order = append(order, s)
		}
	}
	rand.New(rand.NewPCG(8, 2026)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	next := make([]int, len(all))
	for _, s := range order {
		began := time.Now()
		if err := all[s].try(ctx, next[s]); err != nil {
			return fmt.Errorf("%s: %w", all[s].what, err)
		}
		all[s].took = append(all[s].took, time.Since(began))
		next[s]++
	}
	fmt.Printf("%s, %d of each, one at a time\n", entrance, samples)
	for _, s := range all {
		slices.Sort(s.took)
		line := fmt.Sprintf("  %-22s p50 %8s  p95 %8s", s.what, median(s.took).Round(10*time.Microsecond), s.took[len(s.took)*95/100].Round(10*time.Microsecond))
		if s != all[0] {
			low, high := between(s.took, all[0].took)
			line += fmt.Sprintf("  from the first %8s (95 %%: %s to %s)", (median(s.took) - median(all[0].took)).Round(10*time.Microsecond), low.Round(10*time.Microsecond), high.Round(10*time.Microsecond))
		}
		fmt.Println(line)
	}
	return nil
}

func (h *house) wrong(ctx context.Context, email string) error {
	status, body, err := h.post(ctx, "/auth/sign-in", map[string]string{"username": email, "password": "a wrong walk by the sea"})
	if err == nil && status != http.StatusUnauthorized {
		err = fmt.Errorf("%d %s", status, body)
	}
	return err
}

func (h *house) reset(ctx context.Context, email string) error {
	return h.accepted(ctx, `mutation($email: Email!) { initiatePasswordReset(email: $email) { accepted } }`, map[string]any{"email": email})
}

func (h *house) register(ctx context.Context, email string) error {
	return h.accepted(ctx, `mutation($in: RegisterPersonInput!) { registerPerson(input: $in) { accepted } }`,
		map[string]any{"in": map[string]any{"email": email, "password": "grey otters swim at 5", "firstName": "Ana", "lastName": "", "termsAccepted": true}})
}

func (h *house) accepted(ctx context.Context, query string, variables map[string]any) error {
	status, body, err := h.post(ctx, "/graphql", map[string]any{"query": query, "variables": variables})
	if err == nil && (status != http.StatusOK || !strings.Contains(string(body), `"accepted":true`)) {
		err = fmt.Errorf("%d %s", status, body)
	}
	return err
}
