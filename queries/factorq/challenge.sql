-- name: SetChallenge :exec
insert into mfa_challenge (id, authenticator_id, login_id, session_id, code_hash, oob_hash, webauthn_session, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (authenticator_id, coalesce(login_id, session_id)) do update set id = excluded.id, code_hash = excluded.code_hash, oob_hash = excluded.oob_hash,
  webauthn_session = excluded.webauthn_session, tries = 0, expires_at = excluded.expires_at;

-- name: LockChallenge :one
select * from mfa_challenge
where authenticator_id = $1 and coalesce(login_id, session_id) = sqlc.arg(subject)::uuid for update;

-- name: AskedIn :many
-- Which authenticators of these kinds were asked in a session.
select c.authenticator_id from mfa_challenge c join mfa_authenticator a on a.id = c.authenticator_id
where c.session_id = sqlc.arg(session)::uuid and a.user_id = $1 and a.confirmed_at is not null and a.kind = any(sqlc.arg(kinds)::text[]) order by c.expires_at desc, c.id;

-- name: TryChallenge :exec
update mfa_challenge set tries = tries + 1 where id = $1;

-- name: DropChallenge :exec
delete from mfa_challenge where id = $1;

-- name: SweepChallenges :execrows
delete from mfa_challenge where expires_at < $1;
