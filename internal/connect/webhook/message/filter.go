package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// states are those of a connection. The package reads the ledger and knows no sibling, hence the list.
var states = strings.Fields("DRAFT ANALYZING ACTION_REQUIRED APPLYING VERIFYING SECURING LIVE DEGRADED SUSPENDED FAILED BLOCKED CONTESTED ARCHIVED")

// Filter narrows what an endpoint hears within its topics. A message without a connection passes a filter by state.
type Filter struct {
	ApplicationID *ident.ApplicationID `json:"applicationId,omitempty"`
	State         States               `json:"state,omitempty"`
}

// States are written as one state or as a list.
type States []string

func (s States) MarshalJSON() ([]byte, error) {
	if len(s) == 1 {
		return json.Marshal(s[0])
	}
	return json.Marshal([]string(s))
}

func (s *States) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*s = States{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(s))
}

// Passes says whether a message about an application and a connection in a state is wanted.
func (f Filter) Passes(app ident.ApplicationID, state string) bool {
	return (f.ApplicationID == nil || *f.ApplicationID == app) && (len(f.State) == 0 || state == "" || slices.Contains(f.State, state))
}

var errFilter = errors.New("not a filter")

// ParseFilter reads what somebody sent or the database kept. Unknown members are refused: a filter that silently does nothing sends too much.
func ParseFilter(raw json.RawMessage) (Filter, error) {
	var f Filter
	if t := bytes.TrimSpace(raw); len(t) == 0 || string(t) == "null" {
		return f, nil
	}
	if len(raw) > 4096 {
		return f, errFilter
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Filter{}, errors.Join(errFilter, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Filter{}, errFilter
	}
	for _, s := range f.State {
		if !slices.Contains(states, s) {
			return Filter{}, errFilter
		}
	}
	if f.ApplicationID != nil && f.ApplicationID.IsZero() {
		f.ApplicationID = nil
	}
	return f, nil
}

// CheckFilter answers the filter in the form that is kept.
func CheckFilter(raw json.RawMessage) (Filter, json.RawMessage, error) {
	f, err := ParseFilter(raw)
	if err != nil {
		return f, nil, fault.Invalid("filter", "filter", `A filter reads like {"applicationId": "app_…", "state": ["LIVE", "DEGRADED"]}; both members may be left out.`)
	}
	kept, err := json.Marshal(f)
	return f, kept, err
}
