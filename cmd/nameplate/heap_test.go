package main

import "testing"

func TestPercent(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 800, 1 << 20: 800, 16 << 20: 700, 32 << 20: 300, 64 << 20: 100, 128 << 20: 100, 4 << 30: 100} {
		if got := percent(live); got != want {
			t.Errorf("%d MB live: %d %%, want %d", live>>20, got, want)
		}
	}
}
