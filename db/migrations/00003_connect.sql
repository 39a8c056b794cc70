-- +goose Up
-- owner: application
create table application (
  id uuid primary key, org_id uuid not null references organization,
  slug text not null check (slug ~ '^[a-z0-9](-?[a-z0-9])*$' and length(slug) <= 63), name text not null check (length(name) between 1 and 120),
  environment text not null check (environment in ('LIVE', 'TEST')), public_key text not null unique, allowed_origins text[] not null default '{}', recipe_id uuid,
  target_token_proof boolean not null default true, txt_required boolean not null default false, check (target_token_proof or txt_required),
  subdomain_rule text not null default 'OPTIONAL' check (subdomain_rule in ('OPTIONAL', 'REQUIRED', 'FORBIDDEN')), default_subdomain text, upstream jsonb,
  version int not null default 1, created_at timestamptz not null, updated_at timestamptz not null, archived_at timestamptz, unique (org_id, slug), unique (id, org_id));

-- owner: recipe
create table recipe (
  id uuid primary key, org_id uuid not null, application_id uuid not null, number int not null, name text not null,
  status text not null check (status in ('DRAFT', 'PUBLISHED', 'RETIRED')), hosts text[] not null check (hosts <@ array['APEX', 'SUBDOMAIN', 'WILDCARD']),
  created_at timestamptz not null, published_at timestamptz,
  foreign key (application_id, org_id) references application (id, org_id), unique (application_id, number));
alter table application add foreign key (recipe_id) references recipe;

-- owner: recipe
create table record_template (
  recipe_id uuid not null references recipe on delete cascade, key text not null, type text not null, purpose text not null, name text not null, value text not null,
  ttl int not null default 300 check (ttl between 60 and 86400), priority int, requirement text not null check (requirement in ('REQUIRED', 'ONE_OF', 'RECOMMENDED', 'OPTIONAL', 'REMOVE')),
  group_key text, applies_when text not null default 'always', essential text not null default 'ALWAYS' check (essential in ('ALWAYS', 'ON_APPLY')), position int not null,
  primary key (recipe_id, key), check ((requirement = 'ONE_OF') = (group_key is not null)));

-- owner: connection
create table connection (
  id uuid primary key, org_id uuid not null, application_id uuid not null,
  hostname text not null check (hostname = lower(hostname) and length(hostname) <= 253), hostname_unicode text not null, host_label text not null,
  registrable_domain text not null, public_suffix text not null, zone_apex text, is_apex boolean not null, is_wildcard boolean not null default false,
  external_ref text, end_user_ref text, end_user_email text, metadata jsonb not null default '{}' check (length(metadata::text) <= 4096), labels text[] not null default '{}',
  recipe_id uuid not null references recipe,
  state text not null check (state in ('DRAFT', 'ANALYZING', 'ACTION_REQUIRED', 'APPLYING', 'VERIFYING', 'SECURING', 'LIVE', 'DEGRADED', 'SUSPENDED', 'FAILED', 'BLOCKED', 'CONTESTED', 'ARCHIVED')),
  state_reason text, state_since timestamptz not null, facets jsonb not null, findings jsonb not null default '[]', eta jsonb,
  setup_type text, mechanism text, setup_origin text not null check (setup_origin in ('WIDGET', 'CONSOLE', 'API', 'SHARE')), provider_slug text, provider_confidence real,
  target_token text not null unique check (target_token ~ '^[a-z2-7]{26}$'), verification_token text not null unique, upstream jsonb, tls_mode text not null default 'HTTP_01' check (tls_mode in ('HTTP_01', 'TLS_ALPN_01')),
  pass_count int not null default 0, last_pass_at timestamptz, fail_count int not null default 0, first_fail_at timestamptz,
  attention_until timestamptz, ladder int not null default 0, window_ends_at timestamptz, grace_until timestamptz,
  analyzed_at timestamptz, verifying_since timestamptz, live_at timestamptz, first_live_at timestamptz, suspended_at timestamptz, failed_at timestamptz, archived_at timestamptz,
  created_by text not null, version int not null default 1, created_at timestamptz not null, updated_at timestamptz not null,
  foreign key (application_id, org_id) references application (id, org_id), unique (id, org_id), check ((state = 'ARCHIVED') = (archived_at is not null)));
create unique index connection_one_open on connection (application_id, hostname) where archived_at is null;
create index connection_list on connection (org_id, id desc);
create index connection_by_ref on connection (org_id, external_ref) where external_ref is not null;
create index connection_by_state on connection (org_id, state, id desc) where archived_at is null;
create index connection_by_hostname on connection (hostname) where archived_at is null;

-- owner: connection       due rows of its checks and timers; apart, so that a lease touches neither the noun's version nor its indexes
create table connection_due (
  connection_id uuid not null, org_id uuid not null, kind text not null check (kind in ('CHECK', 'TIMER')), trigger text not null default 'SCHEDULE',
  due_at timestamptz not null, owner text, epoch bigint not null default 0, lease_until timestamptz,
  primary key (connection_id, kind), foreign key (connection_id, org_id) references connection (id, org_id));
create index connection_due_at on connection_due (kind, due_at);

-- owner: connection       who is looking; may be lost, the next upsert brings it back
create unlogged table connection_watch (connection_id uuid primary key, until timestamptz not null);

-- owner: connection       every token ever handed out; rows are never deleted, so a token can never come back
create table edge_target (token text primary key, connection_id uuid not null, org_id uuid not null, created_at timestamptz not null, retired_at timestamptz, answer_until timestamptz);

-- owner: claim            global on purpose: one verified holder per name in the whole installation
create table hostname_claim (
  hostname text primary key, holder_connection_id uuid not null, holder_org_id uuid not null, proof text not null check (proof in ('TARGET', 'TXT')),
  verified_at timestamptz not null, last_proof_at timestamptz not null, version int not null default 1,
  foreign key (holder_connection_id, holder_org_id) references connection (id, org_id));

-- owner: record
create table record (
  id uuid primary key, org_id uuid not null, connection_id uuid not null, key text not null, type text not null, name text not null, fqdn text not null, value text not null, ttl int not null, priority int,
  purpose text not null, requirement text not null, group_key text, position int not null,
  status text not null check (status in ('PENDING', 'PARTIAL', 'OK', 'WRONG_VALUE', 'WRONG_TYPE', 'WRONG_NAME', 'CONFLICT', 'FLATTENED', 'PROXIED', 'SHADOWED_BY_WILDCARD', 'UNVERIFIABLE', 'MERGED', 'WAIVED')),
  status_since timestamptz not null, servers_have int not null default 0, servers_of int not null default 0, observed jsonb not null default '[]', finding jsonb,
  writer text check (writer in ('CUSTOMER', 'US', 'PROVIDER_TEMPLATE')), applied_at timestamptz, first_seen_at timestamptz, eta_at timestamptz,
  foreign key (connection_id, org_id) references connection (id, org_id), unique (connection_id, key));

-- owner: record
create table conflict (
  id uuid primary key, org_id uuid not null, connection_id uuid not null, kind text not null, severity text not null check (severity in ('INFO', 'WARNING', 'BLOCKING')), name text not null, type text not null,
  existing text[] not null, desired text, choices text[] not null, resolution text, resolved_at timestamptz, seen_at timestamptz not null, foreign key (connection_id, org_id) references connection (id, org_id));
create unique index conflict_open on conflict (connection_id, kind, name, type) where resolved_at is null;

-- owner: check            append only; 90 days, checks that changed something stay with their connection
create table dns_check (
  id uuid not null, org_id uuid, application_id uuid, connection_id uuid, hostname text not null, trigger text not null check (trigger in ('CREATE', 'WATCH', 'SCHEDULE', 'MANUAL', 'WEBHOOK', 'PRE_ISSUE', 'PRE_RENEW')),
  started_at timestamptz not null, finished_at timestamptz, verdict text check (verdict in ('ABSENT', 'PARTIAL', 'CONFLICTING', 'CORRECT', 'COULD_NOT_ASK')),
  findings jsonb not null default '[]', zone jsonb, provider jsonb, resolvers jsonb, caa jsonb, dnssec text, probe jsonb, eta_seconds int, duration_ms int, queries int, changed boolean not null default false,
  primary key (started_at, id)) partition by range (started_at);
create table dns_check_default partition of dns_check default;
create index dns_check_connection on dns_check (connection_id, started_at desc);
create index dns_check_id on dns_check (id);

-- owner: check
create table observation (
  id uuid not null, check_id uuid not null, org_id uuid, at timestamptz not null, source_kind text not null check (source_kind in ('AUTHORITATIVE', 'RESOLVER', 'PROBE')), source text not null, family smallint not null,
  rtype text not null, name text not null, data text[] not null, ttl int, rcode text not null, aa boolean not null default false, ad boolean not null default false, elapsed_us int not null, error text,
  primary key (at, id)) partition by range (at);
create table observation_default partition of observation default;
create index observation_check on observation (check_id);

-- owner: widget
create table widget_token (
  jti uuid primary key, org_id uuid not null, application_id uuid not null references application, hostname text, connection_ids uuid[] not null default '{}', end_user_ref text,
  external_ref text, end_user_email text, metadata jsonb not null default '{}', recipe_id uuid, origin text, scopes text[] not null,
  minted_by text not null, created_at timestamptz not null, expires_at timestamptz not null, revoked_at timestamptz,
  check (end_user_ref is not null or cardinality(connection_ids) > 0));

-- owner: certificate
create table certificate (
  id uuid primary key, org_id uuid not null, connection_id uuid not null, names text[] not null, mode text not null check (mode in ('HTTP_01', 'TLS_ALPN_01')), ca text not null, order_url text,
  status text not null check (status in ('NONE', 'PREFLIGHT', 'ORDERING', 'VALIDATING', 'ISSUED', 'RENEWING', 'FAILED', 'REVOKED', 'EXPIRED')),
  chain_pem text, sealed_key bytea, issuer text, serial text, not_before timestamptz, not_after timestamptz, renew_at timestamptz, failures int not null default 0, last_error jsonb,
  preflight_check_id uuid, due_at timestamptz, owner text, epoch bigint not null default 0, lease_until timestamptz, replaced_by uuid references certificate, created_at timestamptz not null, revoked_at timestamptz,
  foreign key (connection_id, org_id) references connection (id, org_id));
create index certificate_due on certificate (due_at) where due_at is not null and replaced_by is null;
create index certificate_of on certificate (connection_id, created_at desc);

-- owner: certificate
create table acme_account (ca text primary key, uri text not null, sealed_key bytea not null, contact text[] not null, terms_agreed_at timestamptz, created_at timestamptz not null);

-- owner: certificate      answers for CAs, readable by every edge
create table acme_challenge (
  kind text not null check (kind in ('HTTP_01', 'TLS_ALPN_01')), name text not null, token text not null, answer text not null, certificate_id uuid not null references certificate on delete cascade, expires_at timestamptz not null,
  primary key (kind, name, token));

-- owner: certificate      mirrors the CA's own limits so that we stop before it does
create table acme_budget (ca text not null, bucket text not null, key text not null, tokens double precision not null, updated_at timestamptz not null, blocked_until timestamptz, reason text, primary key (ca, bucket, key));

-- owner: edgeentry        all that an edge needs to serve
create table edge_entry (
  hostname text primary key, connection_id uuid not null, org_id uuid not null, serve boolean not null, cert_allowed boolean not null, mode text not null check (mode in ('PROXY', 'REDIRECT', 'SUSPENDED', 'GONE')),
  route jsonb not null, certificate_id uuid, generation bigint not null, updated_at timestamptz not null);
create index edge_entry_delta on edge_entry (generation);
-- owner: edgeentry        locked for update by every change of the projection, so that generations become visible in order
create table edge_generation (one boolean primary key default true check (one), generation bigint not null);
insert into edge_generation (generation) values (0);
-- owner: edgeentry
create table edge_node (
  id uuid primary key, name text not null unique, version text not null, serves_dns boolean not null, addresses inet[] not null, acked_generation bigint not null default 0, started_at timestamptz not null, last_seen_at timestamptz not null, draining boolean not null default false);
-- owner: edgeentry        a target is one row (type TARGET, owner its connection, value empty); addresses and CAA are computed when answering
create table edge_zone_record (fqdn text not null, type text not null, value text not null, ttl int not null, owner text not null, generation bigint not null, expires_at timestamptz, primary key (fqdn, type, value));
create index edge_zone_record_delta on edge_zone_record (generation);

-- owner: webhook
create table webhook_endpoint (
  id uuid primary key, org_id uuid references organization, application_id uuid, url text not null, description text not null default '', topics text[] not null check (cardinality(topics) >= 1), filter jsonb not null default '{}',
  ordered boolean not null default true, api_version text not null, sealed_secret bytea not null, secret_hint text not null, previous_sealed_secret bytea, previous_secret_until timestamptz,
  status text not null default 'ENABLED' check (status in ('ENABLED', 'DISABLED', 'AUTO_DISABLED')), disabled_reason text, disabled_at timestamptz,
  version int not null default 1, created_at timestamptz not null, deleted_at timestamptz, check ((previous_sealed_secret is null) = (previous_secret_until is null)));
create index webhook_endpoint_of on webhook_endpoint (org_id) where deleted_at is null;

-- owner: webhook          the due row of an endpoint: who holds its lease sends what is due there. due_at is never later than that of a delivery that can be sent.
create table webhook_lane (
  endpoint_id uuid primary key references webhook_endpoint, org_id uuid not null, due_at timestamptz, owner text, epoch bigint not null default 0, lease_until timestamptz,
  failing_since timestamptz, warned_at timestamptz, throttled_until timestamptz) with (fillfactor = 50);
create index webhook_lane_due on webhook_lane (due_at) where due_at is not null;

-- owner: webhook          the event's time is the partition key, so that "once per event" stays a unique index
create table webhook_delivery (
  id uuid not null, org_id uuid, endpoint_id uuid not null references webhook_endpoint, event_id uuid not null, event_at timestamptz not null,
  stream text not null, sequence bigint not null, topic text not null, body bytea not null, replay_of uuid, test boolean not null default false,
  state text not null check (state in ('PENDING', 'WAITING_FOR_EARLIER', 'RETRYING', 'SUCCEEDED', 'FAILED', 'SKIPPED')), attempts int not null default 0,
  due_at timestamptz, created_at timestamptz not null, finished_at timestamptz,
  primary key (id, event_at)) partition by range (event_at);
create table webhook_delivery_default partition of webhook_delivery default;
create unique index webhook_delivery_once on webhook_delivery (endpoint_id, event_id, topic, event_at) where replay_of is null;
create index webhook_delivery_head on webhook_delivery (endpoint_id, stream, sequence) where finished_at is null;
create index webhook_delivery_due on webhook_delivery (endpoint_id, due_at, id) where finished_at is null;
create index webhook_delivery_log on webhook_delivery (endpoint_id, id desc);
create index webhook_delivery_states on webhook_delivery (endpoint_id, state, id desc);
create index webhook_delivery_topics on webhook_delivery (endpoint_id, topic, id desc);
create index webhook_delivery_streams on webhook_delivery (endpoint_id, stream, id desc);

-- owner: webhook
create table webhook_attempt (
  delivery_id uuid not null, n int not null, at timestamptz not null, latency_ms int, resolved_ip inet, status int, error text, request_headers jsonb, response_headers jsonb,
  response_body text check (length(response_body) <= 65536), primary key (delivery_id, n, at)) partition by range (at);
create table webhook_attempt_default partition of webhook_attempt default;

-- owner: webhook          attempts of an hour, kept when the log is gone; latencies counts them by the bounds that the code names. Tests do not count.
create table webhook_hour (
  endpoint_id uuid not null references webhook_endpoint, hour timestamptz not null, attempts int not null, succeeded int not null, latencies int[] not null, primary key (endpoint_id, hour)) with (fillfactor = 50);
