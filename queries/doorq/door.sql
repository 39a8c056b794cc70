-- name: LockKey :exec
-- Two simultaneous calls under one key: the second waits for the first.
select pg_advisory_xact_lock(hashtextextended(sqlc.arg(actor)::text || ' ' || sqlc.arg(action)::text || ' ' || sqlc.arg(key)::text, 7));

-- name: Answered :one
select request_hash, sealed_response, wait_id from idempotency where actor = $1 and action = $2 and key = $3 and at > sqlc.arg(since)::timestamptz;

-- name: KeepAnswer :exec
insert into idempotency (actor, action, key, request_hash, sealed_response, at) values ($1, $2, $3, $4, $5, $6)
on conflict (actor, action, key) do update set request_hash = excluded.request_hash, sealed_response = excluded.sealed_response, wait_id = null, at = excluded.at;

-- name: KeepWait :exec
-- What waits is kept by the id of its wait: a repeat is answered how that stands then.
insert into idempotency (actor, action, key, request_hash, wait_id, at) values ($1, $2, $3, $4, sqlc.arg(wait_id)::text, $5)
on conflict (actor, action, key) do update set request_hash = excluded.request_hash, sealed_response = null, wait_id = excluded.wait_id, at = excluded.at;

-- name: ForgetAnswers :execrows
delete from idempotency where at < $1;
