-- When a target was made in this ledger; a copy of the ledger has the same moment. $1 target
SELECT created_at FROM targets WHERE id = $1
