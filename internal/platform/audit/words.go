package audit

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

//go:embed text/*.json
var texts embed.FS

// book holds a sentence for each action, under the action's name, and what actors without a name are called.
var book = locale.Load(texts)

// ending are the actions that we know to end so.
var ending = func() map[AuditOutcome][]string {
	out := map[AuditOutcome][]string{}
	for _, action := range slices.Sorted(maps.Keys(book[locale.English])) {
		if strings.Contains(action, ".") {
			out[outcomeOf(action)] = append(out[outcomeOf(action)], action)
		}
	}
	return out
}()

// outcomeOf reads an action's name.
func outcomeOf(action string) AuditOutcome {
	_, verb, _ := strings.Cut(action, ".")
	for _, part := range strings.Split(verb, "_") {
		switch part {
		case "refused", "tripped", "detected", "suspected":
			return Refused
		case "failed", "broken", "bounced", "degraded", "lost":
			return Failed
		}
	}
	return OK
}

// Actions are those that have a sentence, in order: what a list can be narrowed to.
func Actions() []string {
	return slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, string) bool) {
		for k, v := range book[locale.English] {
			if strings.Contains(k, ".") && !strings.HasPrefix(k, "actor.") && !strings.HasPrefix(k, "role.") && !yield(k, v) {
				return
			}
		}
	})))
}

// Message tells a row in one sentence. An action that has none yet is told by its name.
func Message(a *Audit, tag string) string {
	values := locale.Values{"actor": ActorLabel(a.Actor, tag), "subject": a.Subject, "action": a.Action}
	if a.SubjectLabel != nil {
		values["subject"] = *a.SubjectLabel
	}
	var args map[string]any
	_ = json.Unmarshal(a.Args, &args) // written by us alone
	for name, v := range args {
		if _, taken := values[name]; !taken {
			values[name] = spoken(tag, v)
		}
	}
	for name, called := range a.names {
		values[name] = called
	}
	if !book.Has(a.Action) {
		return book.Say(tag, "other", values)
	}
	return book.Say(tag, a.Action, values)
}

// ActorLabel is what an actor is called: by name, else by kind.
func ActorLabel(a *AuditActor, tag string) string {
	if a.Label != "" {
		return a.Label
	}
	return book.Say(tag, "actor."+string(a.Kind), nil)
}

// spoken is a value of a payload inside a sentence. A role has a name that people know.
func spoken(tag string, v any) any {
	switch v := v.(type) {
	case float64:
		if v == float64(int(v)) {
			return int(v)
		}
	case []any:
		parts := make([]string, len(v))
		for n, one := range v {
			parts[n] = fmt.Sprint(spoken(tag, one))
		}
		return strings.Join(parts, ", ")
	case string:
		if role := "role." + v; book.Has(role) {
			return book.Say(tag, role, nil)
		}
	case map[string]any, nil:
		return ""
	}
	return fmt.Sprint(v)
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// toldWith are the actions whose sentence has a text in it.
func toldWith(tag, text string, only, never []string) (out []string) {
	sentences := book[locale.Of(tag)]
	for _, action := range Actions() {
		if len(only) > 0 && !slices.Contains(only, action) || slices.Contains(never, action) {
			continue
		}
		if strings.Contains(strings.ToLower(placeholder.ReplaceAllString(sentences[action], " ")), text) || strings.HasPrefix(action, text) {
			out = append(out, action)
		}
	}
	return out
}
