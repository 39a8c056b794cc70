package connection

import (
	"embed"
	"encoding/json"

	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

//go:embed text/*.json
var texts embed.FS

// book holds what is said about a connection while nothing is wrong: headlines, the four steps, the timeline. What is wrong is said by findings.
var book = locale.Load(texts)

func say(tag, key string, c *Connection, s FacetState) string {
	r := ratio(s.Servers)
	return book.Say(tag, key, locale.Values{"name": c.UnicodeName, "have": r.Have, "of": r.Of})
}

// EventText is an event in one sentence, for the timeline. An event that has none shows its type.
func EventText(e *ConnectionEvent, tag string) string {
	key := "event." + e.Type
	if !book.Has(key) {
		return e.Type
	}
	var data struct{ Hostname string }
	_ = json.Unmarshal(e.Data, &data) // an event without a name has a sentence without one
	return book.Say(tag, key, locale.Values{"name": data.Hostname})
}
