package lab

import "context"

// TB is what Start needs of a *testing.T or *testing.B.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Fatalf(format string, args ...any)
}

// Option changes the world that Start makes.
type Option func(*Config)

// Start starts a world on free ports for a test and ends it with the test. Any number may run at the same
// time.
func Start(t TB, opts ...Option) *World {
	t.Helper()
	cfg := Config{FreePorts: true}
	for _, o := range opts {
		o(&cfg)
	}
	w, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(w.Close)
	return w
}
