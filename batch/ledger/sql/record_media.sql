-- $1 target, $2 media, $3 statuses, $4 durations in seconds or null (arrays)
-- Repeat: harmless
INSERT INTO media (target_id, media_id, status, duration_seconds)
SELECT $1, e.media_id, e.status, e.seconds
  FROM unnest($2::text[], $3::text[], $4::numeric[]) AS e(media_id, status, seconds)
    ON CONFLICT (target_id, media_id)
    DO UPDATE SET status = excluded.status, duration_seconds = excluded.duration_seconds,
                  checked_at = now()
