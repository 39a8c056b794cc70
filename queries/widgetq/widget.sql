-- name: AddToken :exec
insert into widget_token (jti, org_id, application_id, hostname, connection_ids, end_user_ref, external_ref, end_user_email, metadata, recipe_id, origin, scopes, minted_by, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: OrgOfToken :one
-- The tokens of a deleted organization are none.
select t.org_id, t.application_id, t.revoked_at from widget_token t join organization o on o.id = t.org_id where t.jti = $1 and o.deleted_at is null;

-- name: RevokeToken :execrows
update widget_token set revoked_at = $3 where jti = $1 and org_id = $2 and revoked_at is null;

-- name: LastToken :one
select created_at from widget_token where org_id = $1 order by created_at desc limit 1;
