-- name: AddApplication :exec
insert into application (id, org_id, slug, name, environment, public_key, allowed_origins, target_token_proof, txt_required, subdomain_rule, upstream, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12);

-- name: SetRecipe :exec
update application set recipe_id = $3 where id = $1 and org_id = $2;

-- name: UpdateApplication :execrows
update application set name = $3, slug = $4, allowed_origins = $5, target_token_proof = $6, txt_required = $7, subdomain_rule = $8, default_subdomain = $9, upstream = $10, hsts_max_age = $12, monitor_policy_id = $13, companion = $14, companion_status = $15, wildcards = $16,
  version = version + 1, updated_at = $11 where id = $1 and org_id = $2 and version = sqlc.arg(version);

-- name: MarkEdgeSecret :one
update application set edge_secret_at = $3, updated_at = $3, version = version + 1 where id = $1 and org_id = $2 returning version;

-- name: ArchiveApplication :execrows
-- The name is free for another application from then on.
update application set archived_at = $3, updated_at = $3, version = version + 1, slug = left(slug, 30) || '-' || right(id::text, 12)
where id = $1 and org_id = $2 and archived_at is null;

-- name: OrgOfApplication :one
select org_id from application where id = $1;

-- name: OrgOfPublicKey :one
-- The loader of a page knows the public key alone.
select * from application where public_key = $1 and archived_at is null;

-- name: OrgOfFound :one
-- For callers who were authorised for its organization, and for the product itself.
select * from application where id = $1;

-- name: LockApplication :one
select * from application where id = $1 and org_id = $2 for update;

-- name: ApplicationsByID :many
select * from application where org_id = $1 and id = any(sqlc.arg(ids)::uuid[]) order by id;

-- name: ListApplications :many
select * from application where org_id = $1 and archived_at is null and (sqlc.arg(any_id)::boolean or id = sqlc.arg(one)::uuid)
  and (sqlc.arg(search)::text = '' or position(lower(sqlc.arg(search)::text) in lower(name || ' ' || slug)) > 0)
  and id < sqlc.arg(before)::uuid order by id desc limit sqlc.arg(most);

-- name: CountApplications :one
select count(*) from application where org_id = $1 and archived_at is null and (sqlc.arg(any_id)::boolean or id = sqlc.arg(one)::uuid)
  and (sqlc.arg(search)::text = '' or position(lower(sqlc.arg(search)::text) in lower(name || ' ' || slug)) > 0);
