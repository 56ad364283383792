-- How far this database knows each journal. $1 journals
SELECT id, applied_bytes FROM journals WHERE id = ANY ($1::uuid[])
