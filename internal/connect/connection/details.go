package connection

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

// What the developer keeps with a connection, as it may be.

const (
	maxMetadata = 4096
	maxLabels   = 20
)

func (in *StartConnectionInput) checkDetails() error {
	return errors.Join(checkMetadata(in.Metadata), checkLabels(in.Labels), checkText("externalRef", in.ExternalRef, 200), checkText("endUserRef", in.EndUserRef, 200), checkEmail(in.EndUserEmail))
}

func checkMetadata(raw json.RawMessage) error {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil
	case len(raw) > maxMetadata:
		return fault.Invalid("metadata", "metadata_too_large", "Metadata has at most %d characters.", maxMetadata)
	case raw[0] != '{' || !json.Valid(raw) || bytes.Contains(raw, []byte(`\u0000`)):
		return fault.Invalid("metadata", "metadata_object", "Metadata is a JSON object.")
	}
	return nil
}

func checkLabels(labels []string) error {
	bad := func(l string) bool {
		return l == "" || len(l) > 60 || strings.ContainsFunc(l, func(r rune) bool { return r < ' ' })
	}
	if len(labels) > maxLabels || slices.ContainsFunc(labels, bad) {
		return fault.Invalid("labels", "labels", "Give at most %d labels of 1 to 60 characters.", maxLabels)
	}
	return nil
}

func checkText(field string, s *string, most int) error {
	if s != nil && (len(*s) > most || strings.ContainsFunc(*s, func(r rune) bool { return r < ' ' })) {
		return fault.Invalid(field, "text", "Give at most %d characters on one line.", most)
	}
	return nil
}

func checkEmail(s *string) error {
	if s == nil || *s == "" {
		return nil
	}
	at := strings.LastIndexByte(*s, '@')
	if at < 1 || at == len(*s)-1 || len(*s) > 254 || strings.ContainsAny(*s, " \t\r\n<>,;\x00") {
		return fault.Invalid("endUserEmail", "email", "This is no e-mail address.")
	}
	return nil
}
