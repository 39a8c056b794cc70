-- +goose Up
-- owner: session          a program that a person signed in: its tokens follow one another until it ends
create table token_family (
  id uuid primary key, user_id uuid not null references app_user on delete cascade, client text not null, aal smallint not null check (aal in (1, 2)), amr text[] not null, auth_time timestamptz not null,
  ip inet, user_agent text, created_at timestamptz not null, last_seen_at timestamptz not null, absolute_expires_at timestamptz not null, revoked_at timestamptz, revoke_reason text);
create index token_family_of_user on token_family (user_id) where revoked_at is null;

-- owner: session          by hash; a pair that followed a refresh token names it as its parent, and there is one such pair
create table auth_token (
  id uuid primary key, family_id uuid not null references token_family on delete cascade, kind text not null check (kind in ('ACCESS', 'REFRESH')), token_hash bytea not null unique,
  parent_id uuid references auth_token on delete set null, signing_key_id uuid not null references signing_key, expires_at timestamptz not null, used_at timestamptz);
create unique index one_child on auth_token (parent_id, kind) where parent_id is not null;
create index auth_token_of_family on auth_token (family_id);
create index auth_token_expiry on auth_token (expires_at);

-- owner: apikey           from where a key was used, so that a new place is noticed
create table api_key_network (key_id uuid not null references api_key on delete cascade, network cidr not null, first_used_at timestamptz not null, primary key (key_id, network));
alter table api_key add column refused_at timestamptz, add column expired_at timestamptz; -- when it was last noted that its person is locked out; when its end was told
create index api_key_expiry on api_key (expires_at) where revoked_at is null and expires_at is not null;
create index api_key_of_any_user on api_key (user_id, id desc);

-- Machines belong to who registered them, or to nobody.
create index app_user_made_by on app_user (created_by, id desc) where created_by is not null;
create index app_user_of_nobody on app_user (created_at) where kind = 'MACHINE' and created_by is null and status = 'REGISTERED';

-- owner: machine          a component of the installation: it belongs to no organization and to no person, and signs what it sends
create table service_account (
  id uuid primary key, name text not null check (length(name) between 1 and 100), lookup text not null unique, last_four text not null, secret_hash bytea not null, sealed_signing_key bytea not null,
  created_at timestamptz not null, last_used_at timestamptz, revoked_at timestamptz);

-- owner: machine          each message once; swept after 7 days
create table service_message (
  account_id uuid not null references service_account on delete cascade, message_id text not null check (length(message_id) between 1 and 100), kind text not null, body_hash bytea not null,
  received_at timestamptz not null, primary key (account_id, message_id));
create index service_message_age on service_message (received_at);
