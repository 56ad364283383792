-- migrate:up

-- Whether the last answer to a rejected or dead submission proves that no job exists: a documented
-- refusal, or a request that never left. Null is an answer of an earlier program: nobody knows.
ALTER TABLE submissions ADD COLUMN refusal_is_certain boolean;
UPDATE submissions SET refusal_is_certain = true
 WHERE (state = 'rejected' AND error_code LIKE 'Preflight.%')
    OR (state = 'dead' AND error_code = 'not_sent');

-- What becomes of a rejected or dead submission that is tried again: it is 'due'; or in 'doubt', since
-- a job may exist; or it 'waits', since of one media and type one doubt at a time can be told apart
-- from the others, the oldest first.
CREATE FUNCTION retry_way(s submissions) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN coalesce(s.refusal_is_certain, s.lease = 0) THEN 'due'
        WHEN EXISTS (
            SELECT FROM submissions u
             WHERE u.target_id = s.target_id AND u.media_id = s.media_id
               AND u.job_type = s.job_type AND u.id <> s.id
               AND (u.state IN ('submitting', 'in_doubt')
                    OR (u.id < s.id AND u.state IN ('rejected', 'dead')
                        AND NOT coalesce(u.refusal_is_certain, u.lease = 0))))
        THEN 'waits'
        ELSE 'doubt' END
$$;

-- migrate:down
DROP FUNCTION retry_way(submissions);
ALTER TABLE submissions DROP COLUMN refusal_is_certain;
