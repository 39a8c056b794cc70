-- name: AddProfile :exec
insert into user_profile (user_id, first_name, last_name, display_name, email, email_verified_at, timezone, locale) values ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: ProfileOf :one
select user_id, first_name, last_name, display_name, email, timezone, locale, version from user_profile where user_id = $1;
