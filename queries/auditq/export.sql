-- name: AddExport :exec
-- @sqlc-vet-disable tenant
-- An operator's may be of no organization.
insert into audit_export (id, org_id, user_id, operator, filter, format, token_hash, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: ExportByToken :one
-- @sqlc-vet-disable tenant
-- The token says whose it is.
select * from audit_export where token_hash = $1 and expires_at > @now::timestamptz;

-- name: ExportedRows :exec
-- @sqlc-vet-disable tenant
-- The token was shown.
update audit_export set rows = @rows::int where id = @id;

-- name: ForgetExports :exec
-- @sqlc-vet-disable tenant
-- Work of the product: links that ended a day ago.
delete from audit_export where expires_at < @before::timestamptz;
