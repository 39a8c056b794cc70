package letter

import (
	"embed"
	"io/fs"
	"time"
)

//go:embed words/*.json
var files embed.FS

//go:embed words/common/common.json
var commonWords []byte

// Accounts are the letters of the platform: sign-up, sign-in, organizations, keys.
func Accounts() Set {
	words, err := fs.Sub(files, "words")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return Set{Words: words, Examples: examples()}
}

// ConfirmRegistration asks whether an address belongs to who registered it: by the link anywhere, by the code in the browser that registered (RU-45).
type ConfirmRegistration struct {
	Name  Typed
	Link  string
	Code  string
	Until time.Time
}

// RegistrationRepeat tells the owner of an address that somebody registered it again.
type RegistrationRepeat struct {
	Link  string // to sign in, or to reset the password
	Place string
}

// PasswordReset brings the link that sets a new password.
type PasswordReset struct {
	Link  string
	Until time.Time
	Place string
}

// PasswordResetUnknown tells an address without an account that a reset was asked for it.
type PasswordResetUnknown struct {
	Link  string // to register
	Place string
}

// PasswordChanged tells that the password is another one.
type PasswordChanged struct{ Security Security }

// EmailChange asks a new address for its consent.
type EmailChange struct {
	Link  string
	Until time.Time
}

// EmailChangeNotice tells the old address of it; NewAddress is masked.
type EmailChangeNotice struct {
	NewAddress string
	Security   Security
}

// PhoneCode is a code that goes to a telephone, to prove that it is the person's own.
type PhoneCode struct {
	Code  string
	Until time.Time
}

// Erased tells the former address that the account is no more.
type Erased struct{ Security Security }

// MFACode is a code to be typed during a sign-in or an enrolment.
type MFACode struct {
	Code  string
	Until time.Time
	Place string
}

// MFAChange is what happened to the second factors of an account.
type MFAChange string

const (
	MFAAdded      MFAChange = "ADDED"
	MFARemoved    MFAChange = "REMOVED"
	MFADisabled   MFAChange = "DISABLED"
	RecoveryUsed  MFAChange = "RECOVERY_USED"
	RecoveryNew   MFAChange = "RECOVERY_NEW"
	CloneObserved MFAChange = "CLONE"
)

// MFAChanged tells of it. Factor is what the person calls it.
type MFAChanged struct {
	Change   MFAChange
	Factor   Typed
	Security Security
}

// MFAResetByOps tells that an operator took the factors away.
type MFAResetByOps struct{ Security Security }

// NewSignIn tells of the first sign-in from a device or network.
type NewSignIn struct{ Security Security }

// SessionRevokedReuse tells that a session's former secret was shown again, and the session ended.
type SessionRevokedReuse struct{ Security Security }

// SignInBlocked tells that many wrong passwords came before the right one.
type SignInBlocked struct {
	Failures int
	Security Security
}

func (ConfirmRegistration) Letter() string  { return "confirm_registration" }
func (RegistrationRepeat) Letter() string   { return "registration_repeat" }
func (PasswordReset) Letter() string        { return "password_reset" }
func (PasswordResetUnknown) Letter() string { return "password_reset_unknown" }
func (PasswordChanged) Letter() string      { return "password_changed" }
func (EmailChange) Letter() string          { return "email_change" }
func (EmailChangeNotice) Letter() string    { return "email_change_notice" }
func (PhoneCode) Letter() string            { return "phone_code" }
func (Erased) Letter() string               { return "account_erased" }
func (MFACode) Letter() string              { return "mfa_code" }
func (MFAChanged) Letter() string           { return "mfa_changed" }
func (MFAResetByOps) Letter() string        { return "mfa_reset_by_ops" }
func (NewSignIn) Letter() string            { return "new_sign_in" }
func (SessionRevokedReuse) Letter() string  { return "session_revoked_reuse" }
func (SignInBlocked) Letter() string        { return "sign_in_blocked" }
