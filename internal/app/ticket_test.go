package app

import (
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

func TestTickets_AreTheSameOnEveryNodeAndChangeDaily(t *testing.T) {
	t.Parallel()
	d, kek := dbtest.New(t), vault.GenerateKEK("k1")
	now := time.Now().UTC().Truncate(day).Add(9 * time.Hour)
	d.SetClock(func() time.Time { return now })
	node := func() [][32]byte { // each has a vault of its own, as each process does
		t.Helper()
		keys, err := derived{vault.New(d, kek), d.Now}.tickets(t.Context())
		if err != nil || len(keys) != 2 || keys[0] == keys[1] || keys[0] == [32]byte{} {
			t.Fatalf("%d keys: %v", len(keys), err)
		}
		return keys
	}
	first := node()
	if again := node(); again[0] != first[0] || again[1] != first[1] {
		t.Fatal("two nodes, two keys")
	}
	now = now.Add(14 * time.Hour)
	if late := node(); late[0] != first[0] {
		t.Fatal("another key on the same day")
	}
	now = now.Add(2 * time.Hour)
	next := node()
	if next[0] == first[0] || next[1] != first[0] {
		t.Fatal("the next day: the key is the same, or the former does not decrypt any more")
	}
	now = now.Add(29*day + time.Hour) // two in the morning of the day on which the signing key turns 30 days, at nine
	last := node()
	now = now.Add(12 * time.Hour)
	turned := node()
	if turned[0] == last[0] || turned[1] != last[0] {
		t.Fatal("the signing key's last day: what encrypted in the morning does not decrypt in the evening")
	}
	now = now.Add(24 * time.Hour)
	if after := node(); after[1] != turned[0] {
		t.Fatal("the day after the signing key changed")
	}
}
