-- Media with doubts that were not looked at since, in order: where a replay may still be made the
-- earliest expiry first, then the rest. $1 target, $2 since, $3 how many, $4 seconds for a replay
SELECT s.media_id
  FROM submissions s JOIN attempts t ON t.submission_id = s.id AND t.lease = s.lease
 WHERE s.target_id = $1 AND s.state = 'in_doubt'
   AND (s.looked_up_at IS NULL OR s.looked_up_at < $2)
 GROUP BY s.media_id
 ORDER BY min(t.signed_at) FILTER (
              WHERE t.replayed_at IS NULL AND t.signed_at > now() - make_interval(secs => $4))
              NULLS LAST,
          min(s.id)
 LIMIT $3
