-- The target's row, made on first use. $1 account, $2 region
-- Repeat: harmless
WITH made AS (
    INSERT INTO targets (account, region)
    SELECT $1, $2
     WHERE NOT EXISTS (SELECT FROM targets WHERE account = $1 AND region = $2)
        ON CONFLICT ON CONSTRAINT targets_account_region DO UPDATE SET account = excluded.account
    RETURNING id, account, region
)
SELECT id, account, region FROM made
UNION ALL
SELECT id, account, region FROM targets
 WHERE account = $1 AND region = $2 AND NOT EXISTS (SELECT FROM made)
