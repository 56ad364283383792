-- Make the intents that a journal knows and this database forgot: as if begun again, under a lease of
-- their own. At most one a media and type: while another submission of these is on the wire or in doubt,
-- one waits until that is settled, and is not sent meanwhile. $1 target, $2 actor, $3 media, $4 types,
-- $5 configuration keys, $6 campaigns, $7 nonces, $8 signed_at, $9 workers (arrays) · prices, as in
-- begin.sql: $10 currency, $11 of a minute by type (JSON), $12 seconds of an unknown length or null,
-- $13 run, $14 time zone · $15 access key ids (array)
-- Repeat: ask
WITH entry AS MATERIALIZED (
    SELECT e.*, may_go_in_flight($1, e.media_id, e.job_type) AS may_go
      FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                  $8::timestamptz[], $9::uuid[], $15::text[])
        AS e(media_id, job_type, config_key, campaign, nonce, signed_at, worker_id,
             access_key_id)
),
begun AS (
    UPDATE submissions s
       SET state = CASE WHEN s.state = 'pending' AND e.may_go THEN 'submitting' ELSE s.state END,
           is_waiting = CASE WHEN s.state = 'pending' AND NOT e.may_go THEN true END,
           actor = $2, reason = 'the journal knows a request that this database forgot',
           lease = s.lease + 1, attempts = s.attempts + 1,
           worker_id = CASE WHEN s.state = 'pending' THEN e.worker_id
                            ELSE coalesce(s.worker_id, e.worker_id) END,
           price = m.price, seconds = m.seconds, amount = m.amount,
           currency = CASE WHEN m.price IS NOT NULL THEN $10::text END,
           run_id = $13::uuid, spent_on = (e.signed_at AT TIME ZONE $14::text)::date
      FROM entry e
      LEFT JOIN LATERAL (
           SELECT p.price, l.duration_seconds AS seconds,
                  ceil(coalesce(l.duration_seconds, $12::numeric) * p.price / 60 * 1000000) / 1000000
                      AS amount
             FROM (SELECT ($11::jsonb ->> e.job_type)::numeric AS price) p
             LEFT JOIN media l ON l.target_id = $1 AND l.media_id = e.media_id) m ON true
     WHERE s.target_id = $1 AND s.media_id = e.media_id AND s.job_type = e.job_type
       AND s.config_key = e.config_key AND s.campaign = e.campaign
       -- What a living worker is sending keeps its lease, or its answer would come too late.
       AND s.state <> 'submitting'
    RETURNING s.id, s.lease, e.nonce, e.signed_at, e.worker_id, e.access_key_id
),
intent AS (
    INSERT INTO attempts (submission_id, lease, worker_id, nonce, signed_at, access_key_id)
    SELECT b.id, b.lease, b.worker_id, b.nonce, b.signed_at, b.access_key_id FROM begun b
)
SELECT b.id FROM begun b
