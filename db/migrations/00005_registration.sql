-- +goose Up
-- owner: registration     what somebody typed who says that an address is theirs; nothing else exists of a person before the address is confirmed
create table registration (
  email citext primary key, first_name text not null, last_name text not null, phc text not null, timezone text not null, locale text not null, country_code text,
  invitation_hash bytea, token_hash bytea not null unique, code_hash bytea not null, code_tries int not null default 0, binding_hash bytea not null,
  created_at timestamptz not null, expires_at timestamptz not null);
create index registration_expiry on registration (expires_at);

-- owner: recovery         a password that somebody forgot; without user_id nobody has the address, and the row costs the same work
create table password_reset (
  id uuid primary key, user_id uuid references app_user on delete cascade, token_hash bytea not null unique, sends int not null default 1,
  created_at timestamptz not null, expires_at timestamptz not null, consumed_at timestamptz);
create index password_reset_of_user on password_reset (user_id) where consumed_at is null;
create index password_reset_expiry on password_reset (expires_at);

-- owner: account          which terms somebody accepted, and when
create table terms_acceptance (user_id uuid not null references app_user on delete cascade, terms_version text not null, accepted_at timestamptz not null, primary key (user_id, terms_version));
