package mail

import (
	"context"
	"encoding/json"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// Component is a mail that a component of the installation asks for: one of our letters, filled in.
type Component struct {
	Key           string          `json:"key"` // template, key and recipient together are sent once
	To            string          `json:"to"`
	Locale        string          `json:"locale"`
	Timezone      string          `json:"timezone"`
	Template      string          `json:"template"`
	Substitutions json.RawMessage `json:"substitutions"`
}

// filled is the content of a letter as somebody else wrote it.
type filled struct {
	name    string
	content json.RawMessage
}

func (f filled) Letter() string               { return f.name }
func (f filled) MarshalJSON() ([]byte, error) { return f.content, nil }

// StageComponent puts a component's mail into the queue. An unknown letter, a value that is missing and an address that is none are refused now, not on the way.
func (s *Service) StageComponent(ctx context.Context, e *door.Effect, c Component) error {
	if _, err := Address("message.body.to", c.To); err != nil {
		return err
	}
	if c.Key == "" || len(c.Key) > maxKey {
		return fault.Invalid("message.body.key", "key", "Give a key of 1 to %d bytes: the same one is sent once.", maxKey)
	}
	if len(c.Substitutions) == 0 {
		c.Substitutions = json.RawMessage("{}")
	}
	if _, err := s.Book.WriteJSON(c.Template, c.Substitutions, letter.Reader{Locale: c.Locale, Zone: c.Timezone}); err != nil {
		return fault.Invalid("message.body.template", "template", "The letter cannot be written: %v.", err)
	}
	return s.Stage(ctx, e, Mail{Key: c.Key, To: c.To, Locale: c.Locale, Zone: c.Timezone, Letter: filled{c.Template, c.Substitutions}})
}
