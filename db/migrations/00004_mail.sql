-- +goose Up
-- owner: mail             a mail on its way, and what became of it; a due row while it is QUEUED. Erased arguments cannot be sent again
create table outbound_message (
  id uuid primary key, channel text not null check (channel in ('EMAIL')), message_key text not null, org_id uuid, recipient citext not null, template text not null, subject text not null,
  sealed_args bytea, tags text[] not null default '{}',
  state text not null check (state in ('QUEUED', 'SENT', 'DELIVERED', 'BOUNCED', 'FAILED', 'SUPPRESSED')),
  attempts jsonb not null default '[]', round int not null default 0, tries int not null default 0, receipt_id text,
  due_at timestamptz, owner text, epoch bigint not null default 0, lease_until timestamptz,
  queued_at timestamptz not null, sent_at timestamptz, delivered_at timestamptz, failed_at timestamptz, failed_reason text, version int not null default 1,
  constraint outbound_message_key unique (message_key), constraint outbound_message_receipt unique (receipt_id), check ((state = 'QUEUED') = (due_at is not null)));
create index outbound_message_at on outbound_message (channel, queued_at desc);
create index outbound_message_due on outbound_message (due_at) where state = 'QUEUED';
create index outbound_message_to on outbound_message (recipient, queued_at desc);
create index outbound_message_args on outbound_message (queued_at) where sealed_args is not null;

-- owner: mail             addresses that nothing is sent to any more
create table suppression (channel text check (channel in ('EMAIL')), recipient citext, reason text not null, since timestamptz not null, primary key (channel, recipient));
