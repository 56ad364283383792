-- $1 account, $2 region
SELECT id, account, region FROM targets WHERE account = $1 AND region = $2
