package hostname

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// strict is UTS #46 processing with UseSTD3ASCIIRules, CheckHyphens, CheckBidi, CheckJoiners, Transitional=false.
// VerifyDnsLength stays off: lengths have reasons of their own.
var strict = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.StrictDomainName(true),
	idna.ValidateLabels(true),
	idna.CheckHyphens(true),
	idna.CheckJoiners(true),
	idna.BidiRule(),
)

// single checks runes one by one, where the rules about neighbours make no sense.
var single = idna.New(idna.MapForLookup(), idna.StrictDomainName(true), idna.CheckJoiners(false), idna.CheckHyphens(false))

func convert(host string) (ascii, uni string, _ *Error) {
	if len(host) > 4*maxName { // nothing this long becomes short enough; punycode would only cost time
		return "", "", refuse(TooLong, "length", len(host), "limit", maxName)
	}
	// UTS #46 maps the capital sharp s to the small one since Unicode 15.1; the tables in use are older, and would make another domain of it.
	host = strings.ReplaceAll(host, "\u1e9e", "\u00df")
	ascii, err := strict.ToASCII(host)
	if e := checkLabels(host, ascii); e != nil {
		return "", "", e
	}
	if err != nil {
		return "", "", idnaError(host)
	}
	// The conversions must be each other's inverse, else two spellings of one name would live side by side, or the
	// name that is shown is not the one that is asked for.
	uni, err = strict.ToUnicode(ascii)
	if err != nil || !norm.NFC.IsNormalString(uni) {
		return "", "", idnaError(host)
	}
	if again, err := strict.ToASCII(uni); err != nil || again != ascii {
		return "", "", idnaError(host)
	}
	for label := range strings.SplitSeq(uni, ".") {
		if strings.HasPrefix(label, "xn--") { // an A-label inside an A-label (UTS #46 revision 33, V4)
			return "", "", idnaError(host)
		}
	}
	return ascii, uni, nil
}

// checkLabels looks at the converted name, which is whole even where the conversion found an error.
func checkLabels(host, ascii string) *Error {
	for label := range strings.SplitSeq(ascii, ".") {
		switch {
		case label == "" && strings.Contains(strings.ToLower(host), "xn--"):
			return refuse(IDNA, "character", "xn--") // an A-label that encodes nothing
		case label == "": // made of characters that the mapping drops, such as soft hyphens
			return refuse(LabelEmpty, "name", host)
		case len(label) > maxLabel:
			return refuse(LabelTooLong, "label", label, "length", len(label), "limit", maxLabel)
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return refuse(Characters, "character", "-")
		}
	}
	if len(ascii) > maxName {
		return refuse(TooLong, "length", len(ascii), "limit", maxName)
	}
	return nil
}

// idnaError names the character if it is one character's fault; else (direction, joiners, hyphens, a broken
// A-label) the parameter holds the whole label.
func idnaError(host string) *Error {
	if strings.Contains(norm.NFKC.String(host), "_") {
		return refuse(Underscore, "name", host)
	}
	for _, r := range host {
		if r < 0x80 {
			continue
		}
		if _, err := single.ToASCII("a" + string(r)); err != nil {
			return refuse(IDNA, "character", string(r))
		}
	}
	for label := range strings.SplitSeq(host, ".") {
		if _, err := strict.ToASCII(label); err != nil {
			return refuse(IDNA, "character", label)
		}
	}
	return refuse(IDNA, "character", host)
}
