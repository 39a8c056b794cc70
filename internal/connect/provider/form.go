package provider

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// FormPart is a field of a form for DNS records.
type FormPart string

const (
	TypeField     FormPart = "TYPE"
	NameField     FormPart = "NAME"
	ValueField    FormPart = "VALUE"
	PriorityField FormPart = "PRIORITY"
	TTLField      FormPart = "TTL"
)

// FormParts are the fields in the order in which forms have them.
var FormParts = []FormPart{TypeField, NameField, ValueField, PriorityField, TTLField}

// Form holds what a provider's form calls its fields, in English: "type", "name", "value", "priority", "ttl", and "value.CNAME" where a type has a word
// of its own.
type Form map[string]string

//go:embed form.json
var formFile []byte

// forms are those of the embedded catalogue, by slug. A row that brings a form of its own keeps it.
var forms = func() map[string]Form {
	var f map[string]Form
	if err := json.Unmarshal(formFile, &f); err != nil {
		panic(fmt.Sprintf("provider: form.json: %v", err))
	}
	return f
}()

// Label is what the form calls a field for a record of a type; nil when nobody wrote that down.
func (f Form) Label(part FormPart, recordType string) *string {
	key := strings.ToLower(string(part))
	for _, k := range []string{key + "." + recordType, key} {
		if label, ok := f[k]; ok {
			return &label
		}
	}
	return nil
}

const longestLabel = 60 // characters

func (f Form) lint() error {
	for key, label := range f {
		base, _, _ := strings.Cut(key, ".")
		if !slices.Contains(FormParts, FormPart(strings.ToUpper(base))) || base != strings.ToLower(base) {
			return fmt.Errorf("form: %q is none of type, name, value, priority, ttl", key)
		}
		if strings.TrimSpace(label) == "" || utf8.RuneCountInString(label) > longestLabel {
			return fmt.Errorf("form: the label of %q is empty or longer than %d characters", key, longestLabel)
		}
	}
	if len(f) > 0 && (f["name"] == "" || f["value"] == "") {
		return errors.New("form: name and value are the least")
	}
	return nil
}
