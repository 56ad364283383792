-- $1 worker, $2 target, $3 host, $4 pid
INSERT INTO workers (id, target_id, host, pid) VALUES ($1, $2, $3, $4)
