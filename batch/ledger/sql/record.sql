-- Commit the outcomes that gathered, in one statement.
-- $1 submission, $2 lease, $3 outcome, $4 http_status, $5 code, $6 message, $7 request_id,
-- $8 job_id, $9 further JobIds (comma separated), $10 the state to move to, $11 due again in seconds,
-- $12 1 when the attempt does not count, $13 whether the answer proves that no job exists
-- (arrays, one element a submission) · $14 actor
--
-- The evidence goes onto the attempt always. The state moves only where id, lease and state match:
-- a late answer then leaves its receipt and moves nothing. Returned are those that did not move, and
-- those whose JobId is another submission's: it stays on the attempt as a receipt, and the submission
-- is in doubt, for its own job nobody has named.
--
-- BETWEEN drops nothing: it lets the planner expect one row, whatever it knows of the tables. A plan
-- made while they were small would read the whole of them for each group, ever after.
-- Repeat: harmless
WITH said AS MATERIALIZED (
    SELECT a.*,
           a.job_id IS NOT NULL
           AND (row_number() OVER (PARTITION BY a.job_id ORDER BY a.submission_id) > 1
                OR EXISTS (SELECT FROM submissions k
                            WHERE k.job_id = a.job_id AND k.id <> a.submission_id
                            OFFSET 0)) AS is_anothers
      FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::int[], $5::text[], $6::text[],
                  $7::text[], $8::text[], $9::text[], $10::text[], $11::float8[], $12::int[],
                  $13::boolean[])
        AS a(submission_id, lease, outcome, http_status, code, message, request_id,
             job_id, further, to_state, due_in, uncounted, is_certain)
     WHERE a.submission_id BETWEEN 1 AND 9223372036854775807
),
answer AS MATERIALIZED (
    SELECT a.submission_id, a.lease, a.http_status, a.code, a.request_id, a.due_in, a.uncounted,
           a.is_anothers, a.is_certain,
           a.outcome = 'account_stopped' AND a.uncounted = 0 AS is_set_back,
           CASE WHEN a.is_anothers THEN 'in_doubt' ELSE a.outcome END AS outcome,
           CASE WHEN a.is_anothers THEN 'in_doubt' ELSE a.to_state END AS to_state,
           CASE WHEN a.is_anothers THEN 'job ' || a.job_id || ' is another submission''s'
                ELSE a.message END AS message,
           CASE WHEN NOT a.is_anothers THEN a.job_id END AS job_id,
           coalesce(string_to_array(nullif(a.further, ''), ','), '{}')
           || CASE WHEN a.is_anothers THEN ARRAY[a.job_id] ELSE '{}' END AS further
      FROM said a
),
moved AS (
    UPDATE submissions s
       SET state = a.to_state, actor = $14,
           reason = concat_ws(': ', a.outcome, coalesce(a.code, a.message)),
           due_at = CASE WHEN a.to_state = 'pending'
                         THEN now() + make_interval(secs => a.due_in) ELSE s.due_at END,
           attempts = s.attempts - a.uncounted,
           -- It may be itself to blame for what was said of the account: it goes behind all others.
           priority = CASE WHEN a.is_set_back THEN -32768 ELSE s.priority END,
           set_back_from = CASE WHEN a.is_set_back THEN coalesce(s.set_back_from, s.priority)
                                ELSE s.set_back_from END,
           job_id = CASE WHEN a.to_state = 'submitted' THEN a.job_id END,
           submitted_at = CASE WHEN a.to_state = 'submitted' THEN now() END,
           request_id = coalesce(a.request_id, s.request_id),
           error_code = CASE WHEN a.to_state <> 'submitted' THEN coalesce(a.code, a.outcome) END,
           error_message = CASE WHEN a.to_state <> 'submitted' THEN a.message END,
           finished_at = CASE WHEN a.to_state IN ('rejected', 'dead') THEN now() END,
           refusal_is_certain = CASE WHEN a.to_state IN ('rejected', 'dead') THEN a.is_certain END,
           is_waiting = NULL
      FROM answer a
     WHERE s.id = a.submission_id AND s.lease = a.lease
       AND (s.state IN ('submitting', 'in_doubt')
            -- Given back as never sent, not begun again since, and yet here is its JobId.
            -- An operator who had it tried again has closed that attempt.
            OR (s.state = 'pending' AND a.to_state = 'submitted'
                AND NOT EXISTS (SELECT FROM attempts c
                                 WHERE c.submission_id = s.id AND c.lease = s.lease
                                   AND c.closed_by IS NOT NULL)))
       AND s.state <> a.to_state
       -- Once its request was sent once more, only a job moves it: the first sender does not know.
       AND (a.to_state = 'submitted' OR s.replayed_lease IS DISTINCT FROM s.lease)
    RETURNING s.id
),
evidence AS (
    UPDATE attempts t
       SET ended_at = now(),
           outcome = CASE WHEN t.outcome = 'accepted' THEN t.outcome ELSE a.outcome END,
           http_status = coalesce(a.http_status, t.http_status),
           code = CASE WHEN t.outcome = 'accepted' THEN t.code ELSE a.code END,
           message = CASE WHEN t.outcome = 'accepted' THEN t.message ELSE a.message END,
           request_id = coalesce(a.request_id, t.request_id),
           job_id = coalesce(t.job_id, a.job_id),
           extra_job_ids = nullif(
               coalesce(t.extra_job_ids, '{}')
               || ARRAY(SELECT f.job_id
                          FROM unnest(a.further || CASE WHEN t.job_id <> a.job_id
                                                        THEN ARRAY[a.job_id] ELSE '{}' END)
                               WITH ORDINALITY AS f(job_id, place)
                         WHERE f.job_id <> ALL (coalesce(t.extra_job_ids, '{}'))
                         ORDER BY f.place), '{}'),
           is_stray = t.is_stray
               OR (a.job_id = coalesce(t.job_id, a.job_id)
                   AND NOT EXISTS (SELECT FROM moved m WHERE m.id = a.submission_id)
                   AND NOT EXISTS (SELECT FROM submissions s
                                    WHERE s.id = a.submission_id AND s.job_id = a.job_id))
               OR NULL
      FROM answer a
     WHERE t.submission_id = a.submission_id AND t.lease = a.lease
)
SELECT a.submission_id, m.id IS NOT NULL AS has_moved, a.is_anothers
  FROM answer a LEFT JOIN moved m ON m.id = a.submission_id
 WHERE m.id IS NULL OR a.is_anothers
