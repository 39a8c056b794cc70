package finding

import "testing"

func TestTakes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]Takes{
		WrongValue: Minutes, RecordAbsent: Minutes, CAAForbidden: Minutes, OwnershipUnproven: Minutes, LameDelegation: Hours, DNSSECBogus: Hours, NotRegistered: Days,
		CARateLimited: ByItself, CouldNotAsk: ByItself, RecordPartial: ByItself, HostnameTypo: Moments, URLInvalid: Moments, UpstreamUnreachable: Moments, Proxied: Moments,
	} {
		e, ok := Explain(code, "en", nil)
		if !ok || e.Takes != want {
			t.Errorf("%s takes %q, want %s", code, e.Takes, want)
		}
	}
	listed := map[string]Takes{}
	for how, codes := range takes {
		for _, code := range codes {
			if _, known := Lookup(code); !known {
				t.Errorf("%s is no code", code)
			}
			if before, twice := listed[code]; twice {
				t.Errorf("%s takes %s and %s", code, before, how)
			}
			listed[code] = how
		}
	}
}
