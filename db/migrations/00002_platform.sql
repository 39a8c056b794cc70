-- +goose Up
-- owner: account
create table app_user (
  id uuid primary key, kind text not null check (kind in ('PERSON', 'MACHINE')), status text not null check (status in ('UNCONFIRMED', 'REGISTERED', 'ERASED')),
  access text not null default 'ENABLED' check (access in ('ENABLED', 'SUSPENDED')), default_org_id uuid, created_by uuid references app_user, host_region text not null default 'local',
  created_at timestamptz not null, version int not null default 1);

-- owner: profile
create table user_profile (
  user_id uuid primary key references app_user on delete cascade, first_name text not null, last_name text, display_name text not null,
  email citext unique, email_verified_at timestamptz, timezone text not null default 'Etc/UTC', locale text not null default 'en', version int not null default 1);

-- owner: organization
create table organization (
  id uuid primary key, slug citext not null unique check (slug ~ '^[a-z0-9](-?[a-z0-9]){1,38}$'), name text not null check (length(name) between 1 and 100),
  ownership text not null check (ownership in ('PERSONAL', 'SHARED')), created_by uuid not null references app_user, host_region text not null default 'local',
  email_domains citext[] not null default '{}', hide_member_emails boolean not null default false, mfa_policy jsonb not null default '{}',
  created_at timestamptz not null, deleted_at timestamptz, purged_at timestamptz, version int not null default 1);
create unique index one_personal_org on organization (created_by) where ownership = 'PERSONAL' and deleted_at is null;
alter table app_user add foreign key (default_org_id) references organization;

-- owner: membership
create table membership (
  id uuid primary key, org_id uuid not null references organization, user_id uuid not null references app_user,
  roles text[] not null check (roles <@ array['MEMBER', 'OWNER', 'BILLING_ADMIN'] and cardinality(roles) > 0), joined_at timestamptz not null, version int not null default 1, unique (org_id, user_id));
create index membership_of_user on membership (user_id);

-- owner: billing          the one place that says who the buyer is
create table billing_subscription (
  id uuid primary key, org_id uuid not null unique references organization, buyer_user_id uuid not null references app_user, plan_id text not null,
  ever_entitled boolean not null default false, created_at timestamptz not null, version int not null default 1);

-- The last owner and the buyer cannot vanish, by role change, removal or leaving, however many do so at one moment: they wait for each other at the organization's row.
-- +goose StatementBegin
create function keep_owner() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare gone timestamptz; buyer uuid;
begin
  select deleted_at into gone from organization where id = old.org_id for update;
  if gone is not null then return null; end if;
  if not exists (select 1 from membership where org_id = old.org_id and 'OWNER' = any (roles)) then
    raise exception 'LAST_OWNER' using errcode = 'check_violation', constraint = 'keep_owner_last';
  end if;
  select buyer_user_id into buyer from billing_subscription where org_id = old.org_id;
  if buyer = old.user_id and not exists (select 1 from membership where org_id = old.org_id and user_id = buyer and 'BILLING_ADMIN' = any (roles)) then
    raise exception 'BUYER_MUST_STAY' using errcode = 'check_violation', constraint = 'keep_owner_buyer';
  end if;
  return null;
end $$;
-- +goose StatementEnd
create constraint trigger keep_owner after update or delete on membership deferrable initially deferred for each row execute function keep_owner();

-- owner: credential
create table password_credential (user_id uuid primary key references app_user on delete cascade, phc text not null, set_at timestamptz not null, version int not null default 1);
-- owner: credential       by an HMAC of the name typed: known and unknown names alike
create table sign_in_failure (account_hash bytea, network cidr, failures int not null, blocked_until timestamptz, last_at timestamptz not null, primary key (account_hash, network));

-- owner: session
create table session (
  id uuid primary key, user_id uuid not null references app_user on delete cascade, secret_hash bytea not null unique, generation int not null default 1, rotated_at timestamptz,
  signing_key_id uuid not null references signing_key, org_id uuid references organization, aal smallint not null check (aal in (1, 2)), amr text[] not null, auth_time timestamptz not null,
  ip inet, user_agent text, created_at timestamptz not null, last_seen_at timestamptz not null, idle_expires_at timestamptz not null, absolute_expires_at timestamptz not null,
  revoked_at timestamptz, revoke_reason text);
create index session_of_user on session (user_id) where revoked_at is null;

-- owner: apikey
create table api_key (
  id uuid primary key, kind text not null default 'USER' check (kind in ('USER', 'MACHINE', 'SERVICE')), parent_id uuid references api_key,
  lookup text not null unique, last_four text not null, secret_hash bytea not null, user_id uuid not null references app_user on delete cascade, org_id uuid not null references organization, app_id uuid,
  description text not null, scopes text[] not null default '{}', created_at timestamptz not null, expires_at timestamptz, revoked_at timestamptz, revoked_by text, revoke_reason text,
  last_used_at timestamptz, last_used_ip inet, check (parent_id is null or not scopes && array['apikey.manage', 'billing.change']));
create index api_key_of_user on api_key (user_id) where revoked_at is null;
create index api_key_of_org on api_key (org_id, id desc);
create index api_key_child on api_key (parent_id) where revoked_at is null;

-- owner: usage
create table usage_counter (org_id uuid references organization, metric text, period_start date, used bigint not null default 0 check (used >= 0), primary key (org_id, metric, period_start));
