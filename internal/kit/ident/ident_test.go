package ident_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

func TestIDsRoundTripAndSortInTheOrderTheyWereMade(t *testing.T) {
	t.Parallel()
	now := time.Now()
	prev := ""
	for range 10_000 {
		id := ident.New[ident.ConnectionID](now)
		if id.String() <= prev {
			t.Fatalf("%s is not after %s", id, prev)
		}
		prev = id.String()
		back, err := ident.Parse[ident.ConnectionID](id.String())
		if err != nil || back != id {
			t.Fatalf("%s came back as %s: %v", id, back, err)
		}
	}
}

func TestIDsOfOneClockDoNotHeedAnother(t *testing.T) {
	t.Parallel()
	now := time.Now()
	prev := ""
	for n := range 100 {
		id := ident.New[ident.ConnectionID](now.Add(time.Duration(n) * time.Millisecond)).String()
		if id <= prev {
			t.Fatalf("%s is not after %s", id, prev)
		}
		prev = id
		ident.New[ident.OrgID](now.Add(time.Second / 2))
		ident.New[ident.OrgID](now.Add(time.Duration(n%2) * time.Hour))
	}
}

func TestWrongTextIsRefused(t *testing.T) {
	t.Parallel()
	good := ident.New[ident.OrgID](time.Now()).String()
	for name, s := range map[string]string{
		"Empty": "", "NoPrefix": good[4:], "OtherKind": "con" + good[3:], "TooShort": good[:len(good)-1], "TooLong": good + "0",
		"ForeignLetter": good[:len(good)-1] + "u", "AboveTheRange": "org_zzzzzzzzzzzzzzzzzzzzzzzzzz", "Zero": "org_00000000000000000000000000", "Spaces": " " + good,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ident.Parse[ident.OrgID](s); !fault.Is(err, fault.InvalidCode) {
				t.Fatalf("%q: %v", s, err)
			}
		})
	}
	_, err := ident.As[ident.ConnectionID](ident.Any(good), "connectionId")
	if f := fault.All(err); len(f) != 1 || f[0].Field != "connectionId" {
		t.Fatalf("the fault does not name the argument: %v", err)
	}
}

func TestJSONCarriesTheOutsideForm(t *testing.T) {
	t.Parallel()
	in := map[string]ident.OrgID{"a": ident.New[ident.OrgID](time.Now()), "none": {}}
	raw, _ := json.Marshal(in)
	var out map[string]ident.OrgID
	if err := json.Unmarshal(raw, &out); err != nil || out["a"] != in["a"] || !out["none"].IsZero() {
		t.Fatalf("%s: %v %v", raw, out, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("con_01k9s6v0z8e2r8n3b0m4q7t5ya")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ident.Parse[ident.ConnectionID](s); err == nil && id.IsZero() {
			t.Fatalf("%q gave no id and no error", s)
		}
	})
}
