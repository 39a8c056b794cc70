package connection

import (
	"embed"
	"encoding/json"
	"strconv"
	"strings"
)

//go:embed text/*.json
var texts embed.FS

// catalogue is one language: sentences with {name}, {have} and {of} in them.
type catalogue map[string]string

var catalogues = map[string]catalogue{"en": load("en"), "de": load("de")}

// load panics for a broken catalogue: it is part of the program.
func load(locale string) catalogue {
	raw, err := texts.ReadFile("text/" + locale + ".json")
	if err != nil {
		panic(err)
	}
	c := catalogue{}
	if err := json.Unmarshal(raw, &c); err != nil {
		panic("connection: text/" + locale + ".json: " + err.Error())
	}
	return c
}

// words falls back from the region to the language to English.
func words(locale string) catalogue {
	language, _, _ := strings.Cut(strings.ToLower(locale), "-")
	if c, ok := catalogues[language]; ok {
		return c
	}
	return catalogues["en"]
}

func (w catalogue) fill(key string, c *Connection, s FacetState) string {
	if !strings.Contains(w[key], "{") {
		return w[key]
	}
	r := ratio(s.Servers)
	return strings.NewReplacer("{name}", c.UnicodeName, "{have}", strconv.Itoa(int(r.Have)), "{of}", strconv.Itoa(int(r.Of))).Replace(w[key])
}

// EventText is an event in one sentence, for the timeline.
func EventText(e *ConnectionEvent, locale string) string {
	w := words(locale)
	text, ok := w["event."+e.Type]
	if !ok {
		return e.Type
	}
	var data struct{ Hostname string }
	_ = json.Unmarshal(e.Data, &data) // an event without a name has a sentence without one
	return strings.ReplaceAll(text, "{name}", data.Hostname)
}
