package record

// Lines that are asked for when two connections of one name meet (connect 12.3). Their keys are no recipe's.
const (
	TransferKey = "transfer" // of the one that wants a held name
	DefenceKey  = "defence"  // of the one that holds it, and wants to keep it
)

// TransferValue is the value of the TXT that moves a held name to the connection with this token.
func TransferValue(token string) string { return "np-transfer=" + token }

// TransferLine asks for the TXT that moves a held name.
func TransferLine(h Host, token string) Record {
	return proofLine(h, TransferKey, TransferValue(token))
}

// DefenceLine asks for the TXT by which a holder keeps its name.
func DefenceLine(h Host, token string) Record { return proofLine(h, DefenceKey, Verification(token)) }

func proofLine(h Host, key, value string) Record {
	name := txtLabel + "." + h.Base()
	return Record{Key: key, Type: TXT, Purpose: Ownership, Requirement: Required, FQDN: name, Name: relative(name, h.Registrable), Value: value, TTL: 300, Position: 1000, Status: Pending}
}

// Shown is a line in one sentence, as findings name it.
func (r *Record) Shown() string { return r.FQDN + " " + string(r.Type) + ` "` + r.Value + `"` }
