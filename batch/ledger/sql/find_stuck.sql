-- What no run moves, or only one that begins: kind, how many, since when, and an example.
-- $1 target, $2 seconds of silence that mean dead, $3 seconds after which a send, $4 a doubt and $5 a job
-- takes too long, $6 the error code of a job that the cloud does not know
WITH sending AS (
    SELECT s.id, s.media_id, t.begun_at AS since,
           w.id IS NULL OR w.ended_at IS NOT NULL
           OR w.heartbeat_at < now() - make_interval(secs => $2::float8) AS is_abandoned,
           w.host || ', pid ' || w.pid AS detail
      FROM submissions s
      LEFT JOIN workers w ON w.id = s.worker_id
      LEFT JOIN attempts t ON t.submission_id = s.id AND t.lease = s.lease
     WHERE s.target_id = $1 AND s.state = 'submitting'
),
doubtful AS (
    SELECT s.id, s.media_id, t.signed_at AS since, s.error_message AS detail
      FROM submissions s
      LEFT JOIN attempts t ON t.submission_id = s.id AND t.lease = s.lease
     WHERE s.target_id = $1 AND s.state = 'in_doubt'
),
open_job AS (
    SELECT s.id, s.media_id, s.submitted_at AS since, s.job_id AS detail,
           coalesce(s.error_code = $6::text, false) AS is_unknown
      FROM submissions s
     WHERE s.target_id = $1 AND s.state = 'submitted'
),
stuck AS (
    SELECT 'abandoned' AS kind, id, media_id, since, detail FROM sending WHERE is_abandoned
    UNION ALL
    SELECT 'long_send', id, media_id, since, detail FROM sending
     WHERE NOT is_abandoned AND since < now() - make_interval(secs => $3::float8)
    UNION ALL
    SELECT 'old_doubt', id, media_id, since, detail FROM doubtful
     WHERE since IS NULL OR since < now() - make_interval(secs => $4::float8)
    UNION ALL
    SELECT 'unknown_job', id, media_id, since, detail FROM open_job WHERE is_unknown
    UNION ALL
    SELECT 'endless_job', id, media_id, since, detail FROM open_job
     WHERE NOT is_unknown AND since < now() - make_interval(secs => $5::float8)
)
SELECT kind, count(*) AS n, min(since) AS since,
       (array_agg(media_id ORDER BY since NULLS FIRST, id))[1] AS media_id,
       (array_agg(detail ORDER BY since NULLS FIRST, id))[1] AS detail
  FROM stuck
 GROUP BY kind
 ORDER BY kind
