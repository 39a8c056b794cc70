-- +goose Up
-- owner: door             calls that were refused to somebody, counted for a minute; when it is over one row of the ledger tells of them (platform PF-LED-5)
create table refusal (
  actor text not null, action text not null, org_id uuid, minute timestamptz not null, permission text not null, times int not null, chain text not null,
  request_id text not null, context jsonb not null,
  constraint refusal_once unique nulls not distinct (actor, action, org_id, minute));
create index refusal_minute on refusal (minute);
