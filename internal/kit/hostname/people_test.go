package hostname

import "testing"

func TestForPeople(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"xn--bcher-kva.lab":                 "bücher.lab (xn--bcher-kva.lab)",
		"shop.xn--bcher-kva.lab.":           "shop.bücher.lab (shop.xn--bcher-kva.lab.)",
		"_acme-challenge.xn--bcher-kva.lab": "_acme-challenge.bücher.lab (_acme-challenge.xn--bcher-kva.lab)",
		"*.xn--bcher-kva.lab":               "*.bücher.lab (*.xn--bcher-kva.lab)",
		"shop.acme.lab":                     "shop.acme.lab", "": "", "xn--": "xn--", "_xn--": "_xn--", "xn--a.lab": "xn--a.lab", "XN--BCHER-KVA.lab": "XN--BCHER-KVA.lab",
		"ns1.xn--bcher-kva.lab said REFUSED": "ns1.xn--bcher-kva.lab said REFUSED",
	} {
		if got := ForPeople(name); got != want {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
}
