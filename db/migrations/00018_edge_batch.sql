-- +goose Up
-- owner: usage            batches of edges that were counted, so that one which comes again counts once; dropped after a day
create table edge_batch (node_id uuid not null, number bigint not null, counted_at timestamptz not null, primary key (node_id, number));
create index edge_batch_old on edge_batch (counted_at);
