-- $1 target, $2 the error code of a JobId that the cloud does not know
SELECT count(*) AS n FROM submissions
 WHERE target_id = $1 AND state = 'submitted' AND error_code = $2
