-- migrate:up

-- What may be sent is said here and nowhere else. in_line: what nothing but its date keeps back; sendable:
-- what may be begun now, and what a begin claims.
--
-- Not in here is what is no matter of a row: a cooldown, which holds for the whole target and passes by
-- itself (begin.sql, outlook.sql, take_slots.sql), and what a run is given, its plan and its budgets
-- (begin.sql, next_cost.sql). Of two rows for one media and type the second waits from the first's begin on:
-- two of them on the wire could not be distinguished afterwards (vod-api.md 12.2).
--
-- For the planner: coalesce matches no partial index and guesses nothing of how many there are, so whoever
-- walks an index says its words as well. Holds are looked up once a statement; of a held target no row is
-- walked. OFFSET 0 keeps a question a look-up for each row: as a join the planner answers it by reading the
-- whole table.
CREATE VIEW in_line AS
SELECT s.*
  FROM submissions s
 WHERE s.target_id = ANY (ARRAY(SELECT t.id FROM targets t
                                 WHERE NOT EXISTS (SELECT FROM holds h
                                                    WHERE h.target_id = t.id AND h.scope = 'target'
                                                      AND h.released_at IS NULL)))
   -- Held rows are not in the index of the line; what came back to pending in a held batch is.
   AND s.hold_id IS NULL AND s.is_waiting IS NOT TRUE
   AND coalesce(s.state = 'pending'
                AND s.batch_id <> ALL (ARRAY(SELECT h.batch_id FROM holds h
                                              WHERE h.scope = 'batch' AND h.released_at IS NULL)),
                false)
   AND NOT EXISTS (SELECT FROM submissions u
                    WHERE u.media_id = s.media_id AND u.job_type = s.job_type
                      AND u.target_id = s.target_id AND u.state IN ('submitting', 'in_doubt')
                    OFFSET 0)
   -- A job of it is known by now: adopt_strays.sql takes it up.
   AND (s.lease = 0
        OR NOT EXISTS (SELECT FROM attempts t
                        WHERE t.submission_id = s.id AND t.is_stray AND t.closed_by IS NULL
                          AND NOT EXISTS (SELECT FROM submissions k WHERE k.job_id = t.job_id)
                        OFFSET 0));

CREATE VIEW sendable AS
SELECT * FROM in_line WHERE due_at <= now();

-- Whether an operator's words mean a submission; each may be null, for any. It is an expression, no table: so
-- the planner sees through it, and it is asked again of a row that another session moved meanwhile.
CREATE FUNCTION selected(s submissions, target integer, states text[], code text, batch bigint,
                         media text[], type text, campaign text)
RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN s.target_id = target
       AND (states IS NULL OR s.state = ANY (states))
       AND (code IS NULL OR lower(s.error_code) = lower(code))
       AND (batch IS NULL OR s.batch_id = batch)
       AND (media IS NULL OR s.media_id = ANY (media))
       AND (type IS NULL OR s.job_type = type)
       AND (campaign IS NULL OR s.campaign = campaign);

-- migrate:down
DROP FUNCTION selected(submissions, integer, text[], text, bigint, text[], text, text);
DROP VIEW sendable;
DROP VIEW in_line;
