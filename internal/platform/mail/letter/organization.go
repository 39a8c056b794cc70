package letter

import "time"

// InvitePlatform invites a guest to register.
type InvitePlatform struct {
	Inviter Typed
	Link    string
	Until   time.Time
}

// InviteOrgGuest invites an address without an account to an organization.
type InviteOrgGuest struct {
	Inviter, Organization Typed
	Link                  string
	Until                 time.Time
}

// InviteOrgExisting invites somebody who has an account.
type InviteOrgExisting struct {
	Inviter, Organization Typed
	Link                  string
	Until                 time.Time
}

// InviteAccepted tells the inviter. Waiting: it was accepted with another address, and an owner has to agree.
type InviteAccepted struct {
	Member, Organization Typed
	Waiting              bool
	Link                 string
}

// MemberRemoved tells a former member.
type MemberRemoved struct{ Organization Typed }

// RoleChanged tells a person which roles they hold now; Organization is "" for roles of the platform.
type RoleChanged struct {
	Organization Typed
	Roles        string // as the product names them, with commas
}

// OperatorChangeWaiting tells every operator that a change runs by itself unless one stops it (RU-47).
type OperatorChangeWaiting struct {
	Change string
	Asked  Typed
	Until  time.Time
	Link   string
}

// OrgDeleted tells owners and buyer until when it can be taken back.
type OrgDeleted struct {
	Organization Typed
	Until        time.Time
}

// KeyCreated tells a key's owner.
type KeyCreated struct {
	Description Typed
	Hint        string // prefix and last four
	Security    Security
}

// KeyExpiring tells a key's owner some days before.
type KeyExpiring struct {
	Description Typed
	Hint        string
	At          time.Time
	Link        string
}

// KeyRevoked tells a key's owner, and the organization's owners, who or what ended it.
type KeyRevoked struct {
	Description Typed
	Hint        string
	By          Typed
	Link        string
}

// Test is what an operator sends to see whether mail works.
type Test struct{ Asked Typed }

func (InvitePlatform) Letter() string        { return "invite_platform" }
func (InviteOrgGuest) Letter() string        { return "invite_org_guest" }
func (InviteOrgExisting) Letter() string     { return "invite_org_existing" }
func (InviteAccepted) Letter() string        { return "invite_accepted" }
func (MemberRemoved) Letter() string         { return "member_removed" }
func (RoleChanged) Letter() string           { return "role_changed" }
func (OperatorChangeWaiting) Letter() string { return "operator_change_waiting" }
func (OrgDeleted) Letter() string            { return "org_deleted" }
func (KeyCreated) Letter() string            { return "api_key_created" }
func (KeyExpiring) Letter() string           { return "api_key_expiring" }
func (KeyRevoked) Letter() string            { return "api_key_revoked" }
func (Test) Letter() string                  { return "test" }

// examples is one of each, for previews and for the proof at the start.
func examples() []Content {
	at, until := time.Date(2027, 3, 2, 9, 30, 0, 0, time.UTC), time.Date(2027, 3, 3, 9, 30, 0, 0, time.UTC)
	const console = "https://console.example.com"
	security := Security{At: at, Place: "192.0.2.0/24", Device: "Firefox on Linux", NotMe: console + "/auth/not-me/3f9a"}
	return []Content{
		ConfirmRegistration{Name: "Ana", Link: console + "/confirm/3f9a", Code: "482913", Until: until},
		RegistrationRepeat{Link: console + "/login", Place: "192.0.2.0/24"},
		PasswordReset{Link: console + "/auth/password-reset/3f9a", Until: until, Place: "192.0.2.0/24"},
		PasswordResetUnknown{Link: console + "/signup", Place: "192.0.2.0/24"},
		PasswordChanged{security},
		EmailChange{Link: console + "/confirm/3f9a", Until: until},
		EmailChangeNotice{NewAddress: "b…@example.net", Security: security},
		PhoneCode{Code: "482913", Until: until}, Erased{security},
		MFACode{Code: "482913", Until: until, Place: "192.0.2.0/24"},
		MFAChanged{Change: MFAAdded, Factor: "Ana's phone", Security: security},
		MFAResetByOps{security}, NewSignIn{security}, SessionRevokedReuse{security},
		SignInBlocked{Failures: 12, Security: security},
		InvitePlatform{Inviter: "Ana Developer", Link: console + "/invite/3f9a", Until: until},
		InviteOrgGuest{Inviter: "Ana Developer", Organization: "Acme", Link: console + "/invite/3f9a", Until: until},
		InviteOrgExisting{Inviter: "Ana Developer", Organization: "Acme", Link: console + "/invite/3f9a", Until: until},
		InviteAccepted{Member: "Ben", Organization: "Acme", Link: console + "/acme/members"},
		MemberRemoved{Organization: "Acme"},
		RoleChanged{Organization: "Acme", Roles: "MEMBER, OWNER"},
		OperatorChangeWaiting{Change: "account.assign_role", Asked: "Ana Developer", Until: until, Link: console + "/approvals/3f9a"},
		OrgDeleted{Organization: "Acme", Until: until},
		KeyCreated{Description: "Acme's server", Hint: "npk_3f9a…x7Qd", Security: security},
		KeyExpiring{Description: "Acme's server", Hint: "npk_3f9a…x7Qd", At: until, Link: console + "/acme/keys"},
		KeyRevoked{Description: "Acme's server", Hint: "npk_3f9a…x7Qd", By: "Ana Developer", Link: console + "/acme/keys"},
		Test{Asked: "Ana Developer"},
	}
}
