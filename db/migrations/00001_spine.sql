-- +goose Up
create extension if not exists citext;
create extension if not exists btree_gist;

-- owner: event            the one ledger: append-only, by month, streams with gapless sequences, audited rows chained by hash
create table event (
  id uuid not null, at timestamptz not null, org_id uuid, actor text not null, action text not null, subject text not null, version int not null,
  stream text not null, sequence bigint not null, payload jsonb not null, context jsonb not null default '{}', request_id text not null,
  audited boolean not null, chain text, seq bigint, prev_hash bytea, hash bytea,
  xid xid8 not null default pg_current_xact_id(),
  primary key (id, at), check (audited = (hash is not null)), check (num_nonnulls(chain, seq, prev_hash, hash) in (0, 4))
) partition by range (at);
create table event_default partition of event default;
create index event_org     on event (org_id, id desc);
create index event_subject on event (subject, version);
create index event_order   on event (stream, sequence);
create index event_action  on event (action, id desc);
create index event_chain   on event (chain, seq) where audited;

-- owner: event
create table event_stream (stream text primary key, sequence bigint not null);
-- owner: event
create table event_head (chain text primary key, seq bigint not null, hash bytea not null);
-- owner: event            how far a reader has come in a stream; a due row
create table event_reader (
  reader text not null, stream text not null, org_id uuid, done_sequence bigint not null default 0,
  state text not null check (state in ('IDLE', 'DUE', 'PARKED')), due_at timestamptz, attempts int not null default 0, last_error text,
  owner text, epoch bigint not null default 0, lease_until timestamptz, primary key (reader, stream));
create index event_reader_due on event_reader (due_at) where state = 'DUE';
create index event_reader_turn on event_reader (reader, org_id, due_at) where state = 'DUE';

-- +goose StatementBegin
create function deny_change() returns trigger language plpgsql as $$ begin raise exception 'append-only table %', tg_table_name; end $$;
-- +goose StatementEnd
create trigger no_change before update or delete on event for each row execute function deny_change();
create trigger no_truncate before truncate on event for each statement execute function deny_change();

-- owner: door
create table idempotency (
  actor text not null, action text not null, key text not null, request_hash bytea not null, sealed_response bytea, wait_id text, at timestamptz not null,
  primary key (actor, action, key), check ((sealed_response is null) <> (wait_id is null)));

-- owner: authz            whose rights ended; every process reads the new rows twice a second
create table revocation (id uuid primary key, subject text not null, reason text not null, at timestamptz not null, xid xid8 not null default pg_current_xact_id());
create index revocation_xid on revocation (xid);

-- owner: vault
create table data_key (
  id uuid primary key, owner_kind text not null check (owner_kind in ('PLATFORM', 'ORG')), owner_id uuid, version int not null, kek_id text not null, wrapped bytea not null,
  state text not null check (state in ('ACTIVE', 'DECRYPT_ONLY', 'DESTROYED')), created_at timestamptz not null,
  constraint data_key_owner check ((owner_kind = 'ORG') = (owner_id is not null)), unique nulls not distinct (owner_kind, owner_id, version));
create unique index data_key_one_active on data_key (owner_kind, owner_id) nulls not distinct where state = 'ACTIVE';

-- owner: vault
create table signing_key (
  id uuid primary key, purpose text not null check (purpose in ('WIDGET_TOKEN', 'PASSPORT', 'CHECKPOINT', 'NONCE', 'CSRF', 'SESSION', 'TLS_TICKET')),
  state text not null check (state in ('CURRENT', 'PREVIOUS', 'RETIRED')), public_key bytea, sealed_key bytea, created_at timestamptz not null, check ((state = 'RETIRED') = (sealed_key is null)));
create unique index signing_key_two on signing_key (purpose, state) where state <> 'RETIRED';

-- owner: work
create table periodic (kind text primary key, due_at timestamptz not null, owner text, epoch bigint not null default 0, lease_until timestamptz);
