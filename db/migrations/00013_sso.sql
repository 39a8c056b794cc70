-- +goose Up
-- owner: sso              an OpenID provider: of an organization, or (without one) of the whole installation, from its settings
create table sso_provider (
  id uuid primary key, slug text not null unique check (slug ~ '^[a-z0-9](-?[a-z0-9]){1,38}$'), name text not null, issuer text not null, client_id text not null, sealed_client_secret bytea,
  scopes text[] not null, org_id uuid references organization, email_domains citext[] not null default '{}', trust_email boolean not null default false, enabled boolean not null default true,
  last_error text, created_at timestamptz not null, version int not null default 1);
create index sso_provider_of_org on sso_provider (org_id, slug);

-- owner: sso              a mail domain of an organization: counts once its TXT record was seen, for one organization at a time
create table sso_domain (
  org_id uuid references organization, domain citext, token text not null, state text not null check (state in ('PENDING', 'PROVEN')), started_at timestamptz not null, checked_at timestamptz,
  proven_at timestamptz, seen_at timestamptz, last_error text, version int not null default 1, primary key (org_id, domain));
create unique index sso_domain_proven on sso_domain (domain) where state = 'PROVEN';
create index sso_domain_check on sso_domain (checked_at) where state = 'PROVEN';

-- owner: sso              who a person is at a provider
create table sso_identity (
  provider_id uuid references sso_provider on delete cascade, subject text, user_id uuid not null references app_user on delete cascade, email citext, email_verified boolean not null,
  sealed_tokens bytea, linked_at timestamptz not null, last_login_at timestamptz, primary key (provider_id, subject), unique (user_id, provider_id));

-- owner: sso              a journey to a provider and back, known to one browser; after the return, what the provider said until the person has decided
create table sso_login (
  state_hash bytea primary key, purpose text not null check (purpose in ('SIGN_IN', 'LINK', 'STEP_UP', 'TEST')), provider_id uuid not null references sso_provider on delete cascade,
  nonce text not null, sealed_verifier bytea not null, browser_hash bytea not null, user_id uuid references app_user on delete cascade, session_id uuid, invitation_hash bytea, return_to text not null,
  sealed_claims bytea, created_at timestamptz not null, expires_at timestamptz not null, consumed_at timestamptz, finished_at timestamptz);
create index sso_login_expiry on sso_login (expires_at);
create index sso_login_of_browser on sso_login (browser_hash) where sealed_claims is not null and finished_at is null;
