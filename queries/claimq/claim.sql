-- name: TakeClaim :execrows
-- One verified holder for each name in the installation: the primary key says no to the second (I2).
insert into hostname_claim (hostname, holder_connection_id, holder_org_id, proof, verified_at, last_proof_at)
values (@hostname, @connection_id, @org_id, @proof, @now, @now) on conflict (hostname) do nothing;

-- name: HolderOf :one
select holder_connection_id from hostname_claim where hostname = $1;

-- name: ProveClaim :execrows
update hostname_claim set last_proof_at = @now, proof = @proof, version = version + 1 where hostname = @hostname and holder_connection_id = @connection_id;

-- name: ReleaseClaim :execrows
delete from hostname_claim where hostname = @hostname and holder_connection_id = @connection_id;
