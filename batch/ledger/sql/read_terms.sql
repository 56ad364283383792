-- $1 target
SELECT terms FROM targets WHERE id = $1
