-- name: LimitSession :exec
-- a session belongs to a person; from then on to one organization too
-- @sqlc-vet-disable tenant
update session set limited_to_org = $2, org_id = $2 where id = $1;
