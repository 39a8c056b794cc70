-- name: AddRecipe :exec
insert into recipe (id, org_id, application_id, number, name, status, hosts, created_at, published_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: AddTemplate :exec
insert into record_template (recipe_id, key, type, purpose, name, value, ttl, priority, requirement, group_key, applies_when, essential, position)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: OrgOfRecipe :one
select * from recipe where id = $1;

-- name: RecipesOfApplication :many
select * from recipe where org_id = $1 and application_id = $2 order by number desc;

-- name: TemplatesOf :many
select * from record_template where recipe_id = any(sqlc.arg(ids)::uuid[]) order by recipe_id, position;

-- name: ConnectionsOn :one
select count(*) from connection where org_id = $1 and recipe_id = $2 and archived_at is null;
