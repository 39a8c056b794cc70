-- +goose Up
-- Words of the audit log stand in blocks of 1,024 rows of a chain. They are found by a btree, because row-level security lets nobody use a full-text index, and a
-- look reads the newest blocks and stops, because a full-text index knows no order. Rows that fill no block yet are read as they are.
drop index event_audit_words;
drop function event_words;

-- owner: audit            blocks of a chain that are indexed: n has the rows n * 1024 + 1 to (n + 1) * 1024, whose ids lie between low and high
create table audit_block (chain text not null, n int not null, org_id uuid not null, low uuid not null, high uuid not null, primary key (chain, n));

-- owner: audit            which rows of a block have a word: two bytes for each, or 128 bytes with a bit for each of the 1,024
create table audit_word (org_id uuid not null, n int not null, word text collate "C" not null, rows bytea not null, primary key (org_id, n, word));

-- What happened to one thing, newest first.
create index event_audit_subject on event (subject, id desc) where audited;
