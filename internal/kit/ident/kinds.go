package ident

import "io"

// The kinds. gqlgen does not see promoted methods and names the marshallers of generic instances alike: hence two methods for each type.
type (
	organizationKind struct{}
	userKind         struct{}
	membershipKind   struct{}
	sessionKind      struct{}
	apiKeyKind       struct{}
	applicationKind  struct{}
	recipeKind       struct{}
	connectionKind   struct{}
	recordKind       struct{}
	conflictKind     struct{}
	checkKind        struct{}
	observationKind  struct{}
	certificateKind  struct{}
	widgetTokenKind  struct{}
	webhookKind      struct{}
	deliveryKind     struct{}
	eventKind        struct{}
	edgeNodeKind     struct{}
	messageKind      struct{}
	invitationKind   struct{}
	ssoProviderKind  struct{}
	approvalKind     struct{}
	factorKind       struct{}
	exportKind       struct{}
	checkpointKind   struct{}
	policyKind       struct{}
	incidentKind     struct{}
)

func (organizationKind) Prefix() string { return "org" }
func (userKind) Prefix() string         { return "usr" }
func (membershipKind) Prefix() string   { return "mem" }
func (sessionKind) Prefix() string      { return "sgn" }
func (apiKeyKind) Prefix() string       { return "key" }
func (applicationKind) Prefix() string  { return "app" }
func (recipeKind) Prefix() string       { return "rcp" }
func (connectionKind) Prefix() string   { return "con" }
func (recordKind) Prefix() string       { return "rec" }
func (conflictKind) Prefix() string     { return "cnf" }
func (checkKind) Prefix() string        { return "chk" }
func (observationKind) Prefix() string  { return "obs" }
func (certificateKind) Prefix() string  { return "crt" }
func (widgetTokenKind) Prefix() string  { return "wtk" }
func (webhookKind) Prefix() string      { return "whk" }
func (deliveryKind) Prefix() string     { return "dlv" }
func (eventKind) Prefix() string        { return "evt" }
func (edgeNodeKind) Prefix() string     { return "edn" }
func (messageKind) Prefix() string      { return "msg" }
func (invitationKind) Prefix() string   { return "inv" }
func (ssoProviderKind) Prefix() string  { return "sso" }
func (approvalKind) Prefix() string     { return "apr" }
func (factorKind) Prefix() string       { return "fac" }
func (exportKind) Prefix() string       { return "exp" }
func (checkpointKind) Prefix() string   { return "ckp" }
func (policyKind) Prefix() string       { return "mon" }
func (incidentKind) Prefix() string     { return "inc" }

// OrgID is the id of a tenant.
type OrgID struct{ ID[organizationKind] }

func (i OrgID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *OrgID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// UserID is the id of a person or machine.
type UserID struct{ ID[userKind] }

func (i UserID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *UserID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// MembershipID is the id of a person in an organization.
type MembershipID struct{ ID[membershipKind] }

func (i MembershipID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *MembershipID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// SessionID is the id of a sign-in session.
type SessionID struct{ ID[sessionKind] }

func (i SessionID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *SessionID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// KeyID is the id of an API key.
type KeyID struct{ ID[apiKeyKind] }

func (i KeyID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *KeyID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// ApplicationID is the id of an application.
type ApplicationID struct{ ID[applicationKind] }

func (i ApplicationID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *ApplicationID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// RecipeID is the id of a version of a recipe.
type RecipeID struct{ ID[recipeKind] }

func (i RecipeID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *RecipeID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// ConnectionID is the id of a connection.
type ConnectionID struct{ ID[connectionKind] }

func (i ConnectionID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *ConnectionID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// RecordID is the id of a record of a connection.
type RecordID struct{ ID[recordKind] }

func (i RecordID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *RecordID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// ConflictID is the id of a conflict.
type ConflictID struct{ ID[conflictKind] }

func (i ConflictID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *ConflictID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// CheckID is the id of one analysis run.
type CheckID struct{ ID[checkKind] }

func (i CheckID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *CheckID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// ObservationID is the id of one answer of a server.
type ObservationID struct{ ID[observationKind] }

func (i ObservationID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *ObservationID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// CertificateID is the id of a certificate.
type CertificateID struct{ ID[certificateKind] }

func (i CertificateID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *CertificateID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// WidgetTokenID is the id of a widget token (jti).
type WidgetTokenID struct{ ID[widgetTokenKind] }

func (i WidgetTokenID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *WidgetTokenID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// WebhookID is the id of a webhook endpoint.
type WebhookID struct{ ID[webhookKind] }

func (i WebhookID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *WebhookID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// DeliveryID is the id of a webhook delivery.
type DeliveryID struct{ ID[deliveryKind] }

func (i DeliveryID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *DeliveryID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// EventID is the id of a ledger row.
type EventID struct{ ID[eventKind] }

func (i EventID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *EventID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// EdgeNodeID is the id of an edge node.
type EdgeNodeID struct{ ID[edgeNodeKind] }

func (i EdgeNodeID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *EdgeNodeID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// MessageID is the id of a mail on its way, or of what became of it.
type MessageID struct{ ID[messageKind] }

func (i MessageID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *MessageID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// InvitationID is the id of an invitation.
type InvitationID struct{ ID[invitationKind] }

func (i InvitationID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *InvitationID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// SsoProviderID is the id of a provider of single sign-on.
type SsoProviderID struct{ ID[ssoProviderKind] }

func (i SsoProviderID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *SsoProviderID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// ApprovalID is the id of a change that waits for a second person.
type ApprovalID struct{ ID[approvalKind] }

func (i ApprovalID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *ApprovalID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// FactorID is the id of an authenticator: what a person proves beside the password.
type FactorID struct{ ID[factorKind] }

func (i FactorID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *FactorID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// ExportID is the id of a link that carries the audit log away.
type ExportID struct{ ID[exportKind] }

func (i ExportID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *ExportID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// CheckpointID is the id of a signed head of a chain of the ledger.
type CheckpointID struct{ ID[checkpointKind] }

func (i CheckpointID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *CheckpointID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// MonitorPolicyID is the id of how live names are looked after.
type MonitorPolicyID struct{ ID[policyKind] }

func (i MonitorPolicyID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *MonitorPolicyID) UnmarshalGQL(v any) error { return readGQL(v, i) }

// IncidentID is the id of what is wrong with a name that was live.
type IncidentID struct{ ID[incidentKind] }

func (i IncidentID) MarshalGQL(w io.Writer)    { writeQuoted(w, i.String()) }
func (i *IncidentID) UnmarshalGQL(v any) error { return readGQL(v, i) }
