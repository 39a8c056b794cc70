package rest

import (
	"encoding/json"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
)

// webhooks describes what is sent to endpoints: each topic with its schema and an example, from the structs that the messages are made of.
func webhooks() object {
	out := object{}
	header := func(name, about string) object {
		return object{"name": name, "in": "header", "required": true, "schema": object{"type": "string"}, "description": about}
	}
	for _, t := range message.All {
		out[t.Name] = object{"post": object{
			"operationId": strings.ReplaceAll(t.Name, ".", "_"), "summary": t.What, "tags": []string{"webhooks sent"}, "security": []object{},
			"parameters": []object{
				header("webhook-id", "The same in every retry and every replay."),
				header("webhook-timestamp", "Seconds since 1970; of this attempt."),
				header("webhook-signature", "By Standard Webhooks; one for each valid secret, with spaces between."),
			},
			"requestBody": object{"required": true, "content": object{"application/json": object{"schema": json.RawMessage(t.Schema()), "example": json.RawMessage(t.Sample())}}},
			"responses":   object{"2XX": object{"description": "It has arrived. Redirects are not followed."}},
		}}
	}
	return out
}
