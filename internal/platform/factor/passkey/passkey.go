// Package passkey is our side of WebAuthn Level 3: what a browser is asked, and whether its answer holds.
//
// Every ceremony asks for user verification (a PIN, a finger, a face), so that a passkey is two factors in one, and for a discoverable credential, so that
// nobody has to type a name. Origin and RP ID come from the settings. Storing, expiry and use-once are the caller's.
package passkey

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// maxAnswer is how long an answer of a browser may be: attestations carry certificates, and nothing of it is longer.
const maxAnswer = 16 << 10

// ErrAnswer says that an answer does not hold, for whatever reason; what it wraps is for the log.
var ErrAnswer = errors.New("the answer of the authenticator does not hold")

// Party is who asks: the relying party.
type Party struct{ rp *webauthn.WebAuthn }

// New is the party of a console at this address: https://console.example.com. Browsers refuse addresses that are numbers.
func New(origin, name string) (*Party, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, fmt.Errorf("read the console's origin: %w", err)
	}
	rp, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: name, RPOrigins: []string{origin}, AttestationPreference: protocol.PreferNoAttestation})
	if err != nil {
		return nil, fmt.Errorf("make the relying party: %w", err)
	}
	return &Party{rp}, nil
}

// Credential is a passkey as it is stored.
type Credential struct {
	ID              []byte
	PublicKey       []byte // COSE
	SignCount       uint32
	AAGUID          []byte
	Transports      []string
	AttestationType string
	BackupEligible  bool // synced by its provider
	BackupState     bool
	// Cloned says that the counter went back: at least two authenticators may hold the key.
	Cloned bool
}

// Holder is whose passkeys they are.
type Holder struct {
	Handle      []byte // random, 64 bytes; says nothing about the person
	Name        string // shown by the browser beside others of the same site
	DisplayName string
	Credentials []Credential
}

// Handle makes one for somebody who has no passkey yet.
func Handle() []byte {
	b := make([]byte, 64)
	rand.Read(b)
	return b
}

func (h Holder) WebAuthnID() []byte          { return h.Handle }
func (h Holder) WebAuthnName() string        { return h.Name }
func (h Holder) WebAuthnDisplayName() string { return h.DisplayName }
func (h Holder) WebAuthnCredentials() []webauthn.Credential {
	out := make([]webauthn.Credential, len(h.Credentials))
	for n, c := range h.Credentials {
		out[n] = webauthn.Credential{ID: c.ID, PublicKey: c.PublicKey, AttestationType: c.AttestationType,
			Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: true, BackupEligible: c.BackupEligible, BackupState: c.BackupState},
			Authenticator: webauthn.Authenticator{AAGUID: c.AAGUID, SignCount: c.SignCount}}
		for _, t := range c.Transports {
			out[n].Transport = append(out[n].Transport, protocol.AuthenticatorTransport(t))
		}
	}
	return out
}

// Register begins to add a passkey: what the browser's navigator.credentials.create takes, and what Registered needs later.
func (p *Party) Register(h Holder) (options json.RawMessage, session []byte, err error) {
	creation, s, err := p.rp.BeginRegistration(h,
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired}),
		webauthn.WithExclusions(webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		return nil, nil, fmt.Errorf("begin to register a passkey: %w", err)
	}
	return both(creation.Response, s)
}

// Registered reads the new passkey from the browser's answer, with the handle that it was made for.
func (p *Party) Registered(session []byte, answer json.RawMessage) (*Credential, []byte, error) {
	s, err := stored(session)
	if err != nil {
		return nil, nil, err
	}
	if len(answer) > maxAnswer {
		return nil, nil, ErrAnswer
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, nil, refused(err)
	}
	c, err := p.rp.CreateCredential(Holder{Handle: s.UserID}, *s, parsed)
	if err != nil {
		return nil, nil, refused(err)
	}
	return fromLibrary(c), s.UserID, nil
}

// Ask begins to ask for one of somebody's passkeys; of nobody's in particular for the zero holder, who is then whoever answers.
func (p *Party) Ask(h Holder) (options json.RawMessage, session []byte, err error) {
	var assertion *protocol.CredentialAssertion
	var s *webauthn.SessionData
	if len(h.Credentials) == 0 {
		assertion, s, err = p.rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	} else {
		assertion, s, err = p.rp.BeginLogin(h, webauthn.WithUserVerification(protocol.VerificationRequired))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("begin to ask for a passkey: %w", err)
	}
	return both(assertion.Response, s)
}

// Named reads which passkey an answer is of and which challenge (base64url) it answers, before anything of it is believed.
func Named(answer json.RawMessage) (credential []byte, challenge string, err error) {
	parsed, err := assertion(answer)
	if err != nil {
		return nil, "", err
	}
	return parsed.RawID, parsed.Response.CollectedClientData.Challenge, nil
}

// Challenge is what a ceremony asks (base64url, without padding).
func Challenge(session []byte) (string, error) {
	s, err := stored(session)
	if err != nil {
		return "", err
	}
	return s.Challenge, nil
}

// Answered says with which of the holder's passkeys the question was answered, as it is to be stored from now on.
func (p *Party) Answered(h Holder, session []byte, answer json.RawMessage) (*Credential, error) {
	s, err := stored(session)
	if err != nil {
		return nil, err
	}
	parsed, err := assertion(answer)
	if err != nil {
		return nil, err
	}
	var c *webauthn.Credential
	if len(s.UserID) == 0 {
		_, c, err = p.rp.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return h, nil }, *s, parsed)
	} else {
		c, err = p.rp.ValidateLogin(h, *s, parsed)
	}
	if err != nil {
		return nil, refused(err)
	}
	return fromLibrary(c), nil
}

func assertion(answer json.RawMessage) (*protocol.ParsedCredentialAssertionData, error) {
	if len(answer) > maxAnswer {
		return nil, ErrAnswer
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, refused(err)
	}
	return parsed, nil
}

func refused(err error) error {
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		return fmt.Errorf("%w: %s: %s", ErrAnswer, e.Details, e.DevInfo)
	}
	return fmt.Errorf("%w: %w", ErrAnswer, err)
}

func both(response any, s *webauthn.SessionData) (options json.RawMessage, session []byte, err error) {
	if options, err = json.Marshal(response); err != nil {
		return nil, nil, err
	}
	session, err = json.Marshal(s)
	return options, session, err
}

func stored(session []byte) (*webauthn.SessionData, error) {
	s := &webauthn.SessionData{}
	if err := json.Unmarshal(session, s); err != nil {
		return nil, fmt.Errorf("read the ceremony: %w", err)
	}
	return s, nil
}

func fromLibrary(c *webauthn.Credential) *Credential {
	out := &Credential{ID: c.ID, PublicKey: c.PublicKey, SignCount: c.Authenticator.SignCount, AAGUID: c.Authenticator.AAGUID, Transports: []string{}, AttestationType: c.AttestationType,
		BackupEligible: c.Flags.BackupEligible, BackupState: c.Flags.BackupState, Cloned: c.Authenticator.CloneWarning}
	for _, t := range c.Transport {
		if len(out.Transports) < 8 && len(t) <= 32 {
			out.Transports = append(out.Transports, string(t))
		}
	}
	return out
}
