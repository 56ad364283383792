-- Claim due media and commit the intent to send them, in one statement.
-- $1 target, $2 how many requests, $3 worker, $4 one nonce a request, $5 signed_at, $6 now (tests),
-- $7 how many rows at the most
-- Prices: $8 currency, $9 price of a minute by type (JSON), $10 seconds of an unknown length or null,
-- $11 run, $12 time zone · Budgets or null: $13 of the run, $14 of the day, $15 of the month
-- $16 only submissions of this id and above lead a request, null: all
-- $17 the plan that it keeps to (fix_plan.sql, fix_canaries.sql), or null
-- $18 id of the access key that the requests are to be signed with, or null
-- $19 priority and $20 submission in front of which no leader is looked for, null: none is passed over
--
-- A row waits while another submission of the same media and type is unresolved: two of them on the
-- wire could not be told apart afterwards (vod-api.md 12.2). OFFSET 0 keeps that question a look-up
-- for each row: as a join the planner answers it by reading the whole table.
-- Repeat: never
WITH leader AS MATERIALIZED (
    SELECT s.id, s.media_id, s.job_type, s.config, s.campaign, s.user_data, s.priority
      FROM submissions s
     WHERE s.target_id = $1 AND s.state = 'pending' AND s.due_at <= coalesce($6, now())
       AND s.id >= coalesce($16::bigint, 0)
       AND NOT EXISTS (SELECT FROM targets t
                        WHERE t.id = $1 AND t.paused_until > coalesce($6, now()))
       AND NOT EXISTS (SELECT FROM holds h
                        WHERE h.target_id = $1 AND h.scope = 'target' AND h.released_at IS NULL)
       -- Held rows are not in the index; only what came back to pending in a held batch is met here.
       AND s.hold_id IS NULL AND s.is_waiting IS NOT TRUE
       AND -(s.priority::integer) <= coalesce((SELECT -(n.least_priority::integer) FROM plans n
                                                WHERE n.id = $17), 32768)
       AND (-(s.priority::integer), s.id) >= (coalesce(-($19::integer), -32768),
                                              coalesce($20::bigint, 0))
       AND ($17::uuid IS NULL OR s.id <@ (SELECT n.ids FROM plans n WHERE n.id = $17))
       AND s.batch_id <> ALL (ARRAY(SELECT h.batch_id FROM holds h
                                     WHERE h.target_id = $1 AND h.scope = 'batch'
                                       AND h.released_at IS NULL))
       AND NOT EXISTS (SELECT FROM submissions u
                        WHERE u.media_id = s.media_id AND u.job_type = s.job_type
                          AND u.target_id = s.target_id AND u.state IN ('submitting', 'in_doubt')
                        OFFSET 0)
       -- A job of it is known by now: adopt_strays.sql takes it up.
       AND (s.lease = 0
            OR NOT EXISTS (SELECT FROM attempts t
                            WHERE t.submission_id = s.id AND t.is_stray AND t.closed_by IS NULL
                              AND NOT EXISTS (SELECT FROM submissions k WHERE k.job_id = t.job_id)
                            OFFSET 0))
       -- Under a budget, what may cost nobody knows how much waits, and lets others pass.
       AND (coalesce($13::numeric, $14::numeric, $15::numeric) IS NULL OR $10::numeric IS NOT NULL
            OR EXISTS (SELECT FROM media m
                        WHERE m.target_id = $1 AND m.media_id = s.media_id
                          AND m.duration_seconds IS NOT NULL OFFSET 0))
     ORDER BY -(s.priority::integer), s.id
     LIMIT $2
       FOR UPDATE OF s SKIP LOCKED
),
-- The other types of the same media that are due too go in the same request, which carries one Config:
-- the same text for all of them, whatever of it is whose.
partner AS MATERIALIZED (
    SELECT p.id, p.media_id, p.job_type, p.config, p.campaign, p.user_data, p.priority
      FROM leader l
      JOIN submissions p ON p.media_id = l.media_id AND p.job_type <> l.job_type
       AND p.target_id = $1 AND p.config IS NOT DISTINCT FROM l.config
       AND p.campaign = l.campaign
       AND p.user_data IS NOT DISTINCT FROM l.user_data
     -- IS TRUE hides this from the partial index of due rows: before the table's first ANALYZE the
     -- planner would walk the whole of it for each leader, instead of looking the media up.
     WHERE (p.state = 'pending') IS TRUE AND p.due_at <= coalesce($6, now())
       AND p.hold_id IS NULL AND p.is_waiting IS NOT TRUE
       AND ($17::uuid IS NULL OR p.id <@ (SELECT n.ids FROM plans n WHERE n.id = $17))
       AND p.batch_id <> ALL (ARRAY(SELECT h.batch_id FROM holds h
                                     WHERE h.target_id = $1 AND h.scope = 'batch'
                                       AND h.released_at IS NULL))
       AND NOT EXISTS (SELECT FROM submissions u
                        WHERE u.media_id = p.media_id AND u.job_type = p.job_type
                          AND u.target_id = p.target_id AND u.state IN ('submitting', 'in_doubt')
                        OFFSET 0)
       AND (p.lease = 0
            OR NOT EXISTS (SELECT FROM attempts t
                            WHERE t.submission_id = p.id AND t.is_stray AND t.closed_by IS NULL
                              AND NOT EXISTS (SELECT FROM submissions k WHERE k.job_id = t.job_id)
                            OFFSET 0))
       FOR UPDATE OF p SKIP LOCKED
),
-- One request a group; of two that ask for the same media and type, the first goes first.
due AS (
    SELECT d.*,
           dense_rank() OVER (ORDER BY d.media_id, d.config, d.campaign, d.user_data) AS request,
           row_number() OVER (PARTITION BY d.media_id, d.job_type
                              ORDER BY d.priority DESC, d.id) AS turn,
           row_number() OVER (ORDER BY d.priority DESC, d.id) AS place
      FROM (SELECT * FROM leader UNION SELECT * FROM partner) d
),
today AS (
    SELECT (coalesce($6, now()) AT TIME ZONE $12::text)::date AS date
),
-- What is left of the tightest budget. The lock lets one begin at a time reserve against it, and shows
-- what the others have reserved; all three rows are locked, in the order in which the trigger writes
-- them. Without each of them nothing fits: open_periods.sql makes them.
room AS MATERIALIZED (
    SELECT CASE WHEN count(*) = 3 THEN min(b.most - b.amount) END AS amount
      FROM (SELECT s.amount,
                   CASE left(s.period, 3) WHEN 'run' THEN $13::numeric
                                          WHEN 'day' THEN $14::numeric ELSE $15::numeric END AS most
              FROM spending s
             WHERE coalesce($13::numeric, $14::numeric, $15::numeric) IS NOT NULL
               AND s.target_id = $1 AND s.currency = $8
               AND s.period IN (SELECT p.period
                                  FROM today, LATERAL (VALUES
                                       ('run ' || $11::uuid), (day_period(today.date)),
                                       ('month ' || to_char(today.date, 'YYYY-MM')))
                                       AS p(period))
             ORDER BY s.period
               FOR UPDATE) b
),
priced AS (
    SELECT due.*, p.price, m.duration_seconds AS seconds,
           -- Rounded up: a sum of amounts is never less than what is charged.
           ceil(coalesce(m.duration_seconds, $10::numeric) * p.price / 60 * 1000000) / 1000000
               AS amount
      FROM due
      LEFT JOIN media m ON m.target_id = $1 AND m.media_id = due.media_id
     CROSS JOIN LATERAL (SELECT ($9::jsonb ->> due.job_type)::numeric AS price) p
     WHERE due.turn = 1 AND due.place <= $7
       -- Where another submission of the media and type exists, another worker may claim it now.
       AND (NOT EXISTS (SELECT FROM submissions r
                         WHERE r.media_id = due.media_id AND r.job_type = due.job_type
                           AND r.target_id = $1 AND r.id <> due.id
                         OFFSET 0)
            OR may_go_in_flight($1, due.media_id, due.job_type))
),
-- In sending order, as far as the budgets reach; what nobody can price reaches beyond any.
affordable AS (
    SELECT p.*,
           sum(coalesce(p.amount, 'Infinity')) OVER (ORDER BY p.place ROWS UNBOUNDED PRECEDING)
               <= room.amount AS fits
      FROM priced p CROSS JOIN room
),
claimed AS (
    UPDATE submissions s
       SET state = 'submitting', actor = 'begin', reason = NULL,
           lease = s.lease + 1, attempts = s.attempts + 1, worker_id = $3,
           price = a.price, seconds = a.seconds, amount = a.amount,
           currency = CASE WHEN a.price IS NOT NULL THEN $8::text END,
           run_id = $11::uuid, spent_on = today.date
      FROM affordable a CROSS JOIN today
     WHERE s.id = a.id
       AND (a.fits OR coalesce($13::numeric, $14::numeric, $15::numeric) IS NULL)
    RETURNING s.id, s.lease, s.attempts, s.media_id, s.job_type, s.config, s.user_data,
              s.config_key, s.campaign, s.batch_id,
              a.request, s.priority
),
intent AS (
    INSERT INTO attempts (submission_id, lease, worker_id, nonce, signed_at, access_key_id)
    SELECT c.id, c.lease, $3, ($4::text[])[c.request], $5, $18::text FROM claimed c
)
SELECT c.id, c.lease, c.attempts, c.media_id, c.job_type, c.config, c.user_data,
       c.config_key, c.campaign, c.batch_id, ($4::text[])[c.request] AS nonce, c.priority
  FROM claimed c
 ORDER BY c.priority DESC, c.id
