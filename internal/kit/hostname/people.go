package hostname

import "strings"

// ForPeople adds to a name of A-labels what people know it by: "bücher.example (xn--bcher-kva.example)". Both are shown, because forms want the one and
// letters of other scripts can imitate ours. Any other text stays as it is.
func ForPeople(name string) string {
	if !strings.Contains(name, "xn--") {
		return name
	}
	rest := strings.TrimSuffix(name, ".")
	for strings.HasPrefix(rest, "_") || strings.HasPrefix(rest, "*.") { // _acme-challenge, wildcards
		_, below, found := strings.Cut(rest, ".")
		if !found {
			return name
		}
		rest = below
	}
	ascii, uni, err := convert(rest)
	if err != nil || ascii != rest || uni == rest {
		return name
	}
	return strings.Replace(strings.TrimSuffix(name, "."), rest, uni, 1) + " (" + name + ")"
}
