-- +goose Up
-- Checks that somebody waits for have a queue of their own, so that no backlog of routine stands before them. A row of the old binary is routine until
-- its next turn.
alter table connection_due add column urgent boolean not null default false;
create index connection_due_turn on connection_due (kind, urgent, due_at);
drop index connection_due_at;
