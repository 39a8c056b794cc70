package provider

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

// Label is what the form calls a field; nil where nobody knows, and for the type, which everybody calls so.
func (n FieldNames) Label(part FormPart) *string {
	switch part {
	case NameField:
		return n.Name
	case ValueField:
		return n.Value
	case PriorityField:
		return n.Priority
	case TTLField:
		return n.TTL
	}
	return nil
}
