-- An unknown code that refused every probe speaks of the account, not of these rows, and is no certain
-- refusal either: they come into doubt, to be looked up. Of one media and type one at a time.
-- $1 target, $2 submissions, $3 code, $4 actor, $5 reason
UPDATE submissions s
   SET state = 'in_doubt', actor = $4, reason = $5, finished_at = NULL, refusal_is_certain = NULL
 WHERE s.target_id = $1 AND s.id = ANY ($2::bigint[])
   AND s.state = 'rejected' AND lower(s.error_code) = lower($3::text)
   AND retry_way(s) = 'doubt'
RETURNING s.id
