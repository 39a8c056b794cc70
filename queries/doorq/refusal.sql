-- name: NoteRefusal :exec
-- The first of a minute tells where they came from.
insert into refusal (actor, action, org_id, minute, permission, times, chain, request_id, context) values ($1, $2, $3, $4, $5, 1, $6, $7, $8)
on conflict on constraint refusal_once do update set times = refusal.times + 1;

-- name: TakeRefusal :one
-- One that is over, and that nobody else takes.
delete from refusal r where r.ctid = (select o.ctid from refusal o where o.minute < sqlc.arg(before)::timestamptz order by o.minute limit 1 for update skip locked) returning *;
