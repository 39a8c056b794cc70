package sso

import (
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

// Back is the page of the console that tells of a refusal, by a word in its address: where somebody who is signed in began, else the sign-in page.
func Back(err error, returnTo string, signedIn bool) string {
	page, word := home(returnTo), "failed"
	if !signedIn {
		if page = "/login"; local(returnTo) != "" {
			page = with(page, "returnTo", returnTo)
		}
	}
	if faults := fault.All(err); len(faults) > 0 {
		switch f := faults[0]; {
		case f.Code == fault.RateLimitedCode:
			word = "too_often"
		case f.Code == fault.StepUpCode:
			word = "step_up"
		case f.Code == fault.NotFoundCode:
			word = "provider_off"
		case f.Reason != "":
			word = f.Reason
		}
	}
	return with(page, "sso", word)
}

// SecondStep is the page that asks for a factor before it leads on.
func SecondStep(page string) string {
	if page == "" {
		return "/login?mfa=1"
	}
	return with("/login?mfa=1", "returnTo", page)
}

// home is where a journey of somebody who is signed in began.
func home(returnTo string) string {
	if to := local(returnTo); to != "" {
		return to
	}
	return "/account/security"
}
