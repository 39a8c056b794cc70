-- name: EnvironmentOf :one
select environment from application where id = $1 and org_id = sqlc.arg(org_id)::uuid;

-- name: EventsSince :many
-- Events of an organization from an id on that are told by webhooks, without those that the caller knows.
select id, at, org_id, actor, action, subject, version, stream, sequence, payload, request_id, audited from event
where org_id = sqlc.arg(org_id)::uuid and id > sqlc.arg(floor)::uuid and action = any(sqlc.arg(actions)::text[]) and id <> all(sqlc.arg(known)::uuid[])
order by id limit sqlc.arg(most);
