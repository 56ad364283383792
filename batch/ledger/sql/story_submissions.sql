-- Every submission of one media, with all that decides what becomes of it. $1 target, $2 media
SELECT s.id, s.media_id, s.job_type, s.campaign, s.config, s.user_data, s.line,
       coalesce(s.set_back_from, s.priority) AS priority, s.set_back_from IS NOT NULL AS is_set_back,
       s.batch_id, b.source, b.loaded_at, s.state, s.reason, s.lease, s.attempts, s.job_id,
       s.request_id, s.error_code, s.error_message, s.submitted_at, s.finished_at, s.polled_at,
       s.due_at, s.due_at <= now() AS is_due,
       s.state IN ('rejected', 'dead') AND retry_way(s) <> 'due' AS is_perhaps_paid, now() AS now, s.is_waiting IS TRUE AS is_waiting,
       CASE WHEN t.cooldown_until > now() THEN t.cooldown_until END AS cooldown_until,
       -- Why the newest run that ended since it was loaded left it to another one.
       (SELECT r.stopped_by FROM runs r
         WHERE r.target_id = s.target_id AND r.ended_at > b.loaded_at
         ORDER BY r.started_at DESC LIMIT 1) AS carried_over,
       t.replay_confirmed_at, w.host AS worker_host, w.pid AS worker_pid,
       w.heartbeat_at AS worker_heartbeat_at,
       (SELECT concat_ws(' ', u.state, 'under campaign', u.campaign)
          FROM submissions u
         WHERE u.media_id = s.media_id AND u.job_type = s.job_type AND u.target_id = s.target_id
           AND u.id <> s.id AND u.state IN ('submitting', 'in_doubt')
         ORDER BY u.id LIMIT 1) AS waits_for
  FROM submissions s
  JOIN targets t ON t.id = s.target_id
  LEFT JOIN batches b ON b.id = s.batch_id
  LEFT JOIN workers w ON w.id = s.worker_id
 WHERE s.target_id = $1 AND s.media_id = $2
 ORDER BY s.id
