-- One at a time reads a target's journals in, for the rest of the transaction: two that compare at
-- once would both make what the database forgot. $1 target
SELECT pg_advisory_xact_lock(1986946162, $1)
