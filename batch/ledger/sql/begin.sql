-- Claim what is sendable and commit the intent to send them, in one statement.
-- $1 target, $2 how many requests, $3 worker, $4 one nonce a request, $5 signed_at,
-- $6 now for the budgets (tests), $7 how many rows at the most
-- Prices: $8 currency, $9 price of a minute by type (JSON), $10 seconds of an unknown length or null,
-- $11 run, $12 time zone · Budgets or null: $13 of the run, $14 of the day, $15 of the month
-- $16 only submissions of this id and above lead a request, null: all
-- $17 the plan that it keeps to (fix_plan.sql, fix_canaries.sql), or null
-- $18 id of the access key that the requests are to be signed with, or null
-- $19 priority and $20 submission in front of which no leader is looked for, null: none is passed over
-- Repeat: never
WITH leader AS MATERIALIZED (
    SELECT s.id, s.media_id, s.job_type, s.config, s.campaign, s.user_data, s.priority
      FROM sendable s
     WHERE s.target_id = $1 AND s.state = 'pending'
       AND s.id >= coalesce($16::bigint, 0)
       AND NOT EXISTS (SELECT FROM targets t WHERE t.id = $1 AND t.cooldown_until > now())
       AND -(s.priority::integer) <= coalesce((SELECT -(n.least_priority::integer) FROM plans n
                                                WHERE n.id = $17), 32768)
       AND (-(s.priority::integer), s.id) >= (coalesce(-($19::integer), -32768),
                                              coalesce($20::bigint, 0))
       AND ($17::uuid IS NULL OR s.id <@ (SELECT n.ids FROM plans n WHERE n.id = $17))
       -- Under a budget, what may cost nobody knows how much waits, and lets others pass.
       AND (coalesce($13::numeric, $14::numeric, $15::numeric) IS NULL OR $10::numeric IS NOT NULL
            OR EXISTS (SELECT FROM media m
                        WHERE m.target_id = $1 AND m.media_id = s.media_id
                          AND m.duration_seconds IS NOT NULL OFFSET 0))
     ORDER BY -(s.priority::integer), s.id
     LIMIT $2
       FOR UPDATE OF s SKIP LOCKED
),
-- The other types of the same media that are sendable too go in the same request, which carries one
-- Config: the same text for all of them, whatever of it is whose. Looked up for each leader: before the
-- table's first ANALYZE the planner would walk the whole of it.
partner AS MATERIALIZED (
    SELECT p.id, p.media_id, p.job_type, p.config, p.campaign, p.user_data, p.priority
      FROM leader l
     CROSS JOIN LATERAL (
           SELECT *
             FROM sendable s
            WHERE s.media_id = l.media_id AND s.job_type <> l.job_type
              AND s.target_id = $1 AND s.config IS NOT DISTINCT FROM l.config
              AND s.campaign = l.campaign
              AND s.user_data IS NOT DISTINCT FROM l.user_data
              AND ($17::uuid IS NULL OR s.id <@ (SELECT n.ids FROM plans n WHERE n.id = $17))
           OFFSET 0
              FOR UPDATE OF s SKIP LOCKED) p
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
      -- A look-up for each row: where the statistics lack this target, a join would read the whole table.
      LEFT JOIN LATERAL (SELECT d.duration_seconds FROM media d
                          WHERE d.target_id = $1 AND d.media_id = due.media_id OFFSET 0) m ON true
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
