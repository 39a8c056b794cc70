-- name: TakeClaim :execrows
-- One verified holder for each name in the installation: the primary key says no to the second (I2).
insert into hostname_claim (hostname, holder_connection_id, holder_org_id, proof, verified_at, last_proof_at)
values (@hostname, @connection_id, @org_id, @proof, @now, @now) on conflict (hostname) do nothing;

-- name: ClaimOf :one
select * from hostname_claim where hostname = $1;

-- name: ProveClaim :one
update hostname_claim set last_proof_at = @now, proof = @proof, version = version + 1 where hostname = @hostname and holder_connection_id = @connection_id returning *;

-- name: ReleaseClaim :execrows
delete from hostname_claim where hostname = @hostname and holder_connection_id = @connection_id;

-- name: ContestClaim :execrows
-- One challenger at a time, against the holder that was read.
update hostname_claim set contested_by = @challenger::uuid, contested_org_id = @challenger_org::uuid, contested_at = @now::timestamptz, transfer_at = @transfer_at::timestamptz, version = version + 1
where hostname = @hostname and holder_connection_id = @holder and contested_by is null and refused_connection_id is distinct from @challenger::uuid;

-- name: EndContest :execrows
-- The challenger's proof is gone, or nobody saw to it in time.
update hostname_claim set contested_by = null, contested_org_id = null, contested_at = null, transfer_at = null, version = version + 1
where hostname = @hostname and contested_by = @challenger::uuid;

-- name: HastenTransfer :execrows
update hostname_claim set transfer_at = @now::timestamptz, version = version + 1 where hostname = @hostname and contested_by = @challenger::uuid and transfer_at > @now::timestamptz;

-- name: RefuseContest :execrows
-- The holder's own proof stands beside the challenger's.
update hostname_claim set refused_connection_id = contested_by, contested_by = null, contested_org_id = null, contested_at = null, transfer_at = null, version = version + 1
where hostname = @hostname and holder_connection_id = @holder and contested_by is not null;

-- name: ForgetRefusal :execrows
update hostname_claim set refused_connection_id = null, version = version + 1 where hostname = @hostname and holder_connection_id = @holder and refused_connection_id is not null;

-- name: TransferClaim :execrows
-- The name changes hands, once its time has come and not before.
update hostname_claim set holder_connection_id = contested_by, holder_org_id = contested_org_id, proof = 'TXT_TRANSFER', verified_at = @now::timestamptz, last_proof_at = @now::timestamptz,
  contested_by = null, contested_org_id = null, contested_at = null, transfer_at = null, refused_connection_id = null, version = version + 1
where hostname = @hostname and holder_connection_id = @holder and contested_by = @challenger::uuid and transfer_at <= @now::timestamptz;
