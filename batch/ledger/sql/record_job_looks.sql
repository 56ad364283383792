-- Keep looks at media, one element a media. $1 target, $2 media, $3 for how many seconds each holds (arrays)
-- Repeat: harmless
INSERT INTO job_looks (target_id, media_id, holds_until)
SELECT $1, e.media_id, now() + make_interval(secs => e.holds_for)
  FROM unnest($2::text[], $3::float8[]) AS e(media_id, holds_for)
 ORDER BY e.media_id
    ON CONFLICT (target_id, media_id)
    DO UPDATE SET looked_at = now(), holds_until = excluded.holds_until
