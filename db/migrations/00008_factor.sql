-- +goose Up
-- owner: factor           what somebody proves beside a first proof; it counts once it is confirmed
create table mfa_authenticator (
  id uuid primary key, user_id uuid not null references app_user on delete cascade,
  kind text not null check (kind in ('TOTP', 'OOB_SMS', 'OOB_EMAIL', 'WEBAUTHN', 'RECOVERY_CODES')), label text not null check (length(label) between 1 and 100),
  sealed_secret bytea, hint text, last_time_step bigint not null default 0, confirmed_at timestamptz, last_used_at timestamptz, created_at timestamptz not null,
  check ((kind = 'TOTP') = (sealed_secret is not null)));
create unique index one_per_kind on mfa_authenticator (user_id, kind) where kind <> 'WEBAUTHN';
create index mfa_authenticator_of_user on mfa_authenticator (user_id);

-- owner: factor           a sign-in between its first proof and its second, or the reset of a password: found by its token alone. mailbox: a mailed code was typed, so factors may be added
create table mfa_login (
  id uuid primary key, purpose text not null check (purpose in ('SIGN_IN', 'RESET')), token_hash bytea not null unique, user_id uuid not null references app_user on delete cascade,
  form text not null check (form in ('BROWSER', 'PROGRAM')), client text not null, amr text[] not null, home_org uuid references organization, limited_to_org uuid references organization,
  enrol boolean not null, mailbox boolean not null default false, code_hash bytea, code_expires_at timestamptz, code_tries int not null default 0, tries int not null default 0,
  created_at timestamptz not null, expires_at timestamptz not null, ended_at timestamptz);
create index mfa_login_expiry on mfa_login (expires_at);

-- owner: factor           what one authenticator was asked, for one sign-in or one session; a new question takes the place of the old one
create table mfa_challenge (
  id uuid primary key, authenticator_id uuid not null references mfa_authenticator on delete cascade, login_id uuid references mfa_login on delete cascade, session_id uuid,
  code_hash bytea, oob_hash bytea, webauthn_session bytea, tries int not null default 0, expires_at timestamptz not null, check (num_nonnulls(login_id, session_id) = 1));
create unique index one_challenge on mfa_challenge (authenticator_id, coalesce(login_id, session_id));
create index mfa_challenge_expiry on mfa_challenge (expires_at);

-- owner: factor
create table recovery_code (authenticator_id uuid references mfa_authenticator on delete cascade, idx smallint, phc text not null, used_at timestamptz, primary key (authenticator_id, idx));

-- owner: factor           flags and counter as WebAuthn Level 3, 4 calls them; a handle is random and belongs to one person
create table webauthn_credential (
  credential_id bytea primary key, authenticator_id uuid not null unique references mfa_authenticator on delete cascade, user_handle bytea not null, public_key bytea not null, sign_count bigint not null,
  aaguid bytea, transports text[] not null, attestation_type text not null, backup_eligible boolean not null, backup_state boolean not null, clone_warning_at timestamptz);

-- owner: factor           a sign-in by passkey that has begun: nobody knows yet who it will be
create table webauthn_ceremony (id uuid primary key, browser_hash bytea not null unique, webauthn_session bytea not null, expires_at timestamptz not null);
create index webauthn_ceremony_expiry on webauthn_ceremony (expires_at);

-- owner: session          a session that began at an organization's own provider works in that organization alone
alter table session add column if not exists limited_to_org uuid references organization;
