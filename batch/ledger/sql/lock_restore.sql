-- One at a time brings a target up to its journals, for the rest of the transaction: two that compare at
-- once would both make what the database forgot. $1 target
SELECT pg_advisory_xact_lock(1986946162, $1)
