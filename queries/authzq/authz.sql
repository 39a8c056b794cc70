-- name: RolesOf :one
select roles from membership m join organization o on o.id = m.org_id
where m.org_id = $1 and m.user_id = $2 and o.deleted_at is null;

-- name: AddRevocation :exec
insert into revocation (id, subject, reason, at) values ($1, $2, $3, $4);

-- name: RevocationsSince :many
-- Rows of transactions that were not finished at the former look are read again: their readers know which ids they have seen.
select id, subject from revocation
where xid >= sqlc.arg(since)::text::xid8 order by id;

-- name: RevocationsFrom :many
-- The ids tell the time: a process that starts learns what ended a moment before.
select id, subject from revocation where id >= sqlc.arg(from_id) order by id;

-- name: RevocationMark :one
select pg_snapshot_xmin(pg_current_snapshot())::text as mark;
