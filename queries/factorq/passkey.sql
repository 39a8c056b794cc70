-- name: AddCredential :exec
insert into webauthn_credential (credential_id, authenticator_id, user_handle, public_key, sign_count, aaguid, transports, attestation_type, backup_eligible, backup_state)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: CredentialsOf :many
-- The confirmed passkeys of a person.
select c.credential_id, c.authenticator_id, c.user_handle, c.public_key, c.sign_count, c.aaguid, c.transports, c.attestation_type, c.backup_eligible, c.backup_state
from webauthn_credential c join mfa_authenticator a on a.id = c.authenticator_id where a.user_id = $1 and a.confirmed_at is not null order by c.credential_id;

-- name: OwnerOfCredential :one
select a.user_id, c.user_handle from webauthn_credential c join mfa_authenticator a on a.id = c.authenticator_id where c.credential_id = $1 and a.confirmed_at is not null;

-- name: UseCredential :exec
update webauthn_credential set sign_count = $2, backup_state = $3 where credential_id = $1;

-- name: WarnCredential :exec
update webauthn_credential set clone_warning_at = sqlc.arg(now)::timestamptz where credential_id = $1;

-- name: AddCeremony :exec
insert into webauthn_ceremony (id, browser_hash, webauthn_session, expires_at) values ($1, $2, $3, $4);

-- name: TakeCeremony :one
-- An answer to a ceremony counts once, right or wrong. The hash is of the browser's secret and the challenge: a browser has several ceremonies at a time.
delete from webauthn_ceremony where browser_hash = $1 and expires_at > sqlc.arg(now)::timestamptz returning webauthn_session;

-- name: SweepCeremonies :execrows
delete from webauthn_ceremony where expires_at < $1;

-- name: UseAuthenticatorOf :exec
update mfa_authenticator set last_used_at = sqlc.arg(now)::timestamptz where id = (select c.authenticator_id from webauthn_credential c where c.credential_id = $1);
