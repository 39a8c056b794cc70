-- +goose Up
alter table application add column hsts_max_age int not null default 0 check (hsts_max_age between 0 and 63072000), add column edge_secret_at timestamptz;

-- owner: edgeentry        what an edge signs its requests to an application's origin with
create table edge_secret (
  application_id uuid primary key, org_id uuid not null, sealed bytea not null, sealed_previous bytea, previous_until timestamptz, generation bigint not null, created_at timestamptz not null,
  foreign key (application_id, org_id) references application (id, org_id) on delete cascade, check ((sealed_previous is null) = (previous_until is null)));
create index edge_secret_delta on edge_secret (generation);
