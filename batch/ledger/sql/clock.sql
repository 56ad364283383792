-- The database's own time: what its rows are stamped with.
SELECT clock_timestamp() AS now
