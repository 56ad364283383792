-- How a session plans from now on.
-- $1 once for the session and along an index, as a worker's statements want it; else as the server does
--
-- Bitmaps: see enter.sql, which says it behind a pooler.
SELECT set_config(s.name, CASE WHEN $1 THEN v.value ELSE s.reset_val END, false)
  FROM (VALUES ('plan_cache_mode', 'force_generic_plan'), ('enable_bitmapscan', 'off')) AS v(name, value)
  JOIN pg_settings s ON s.name = v.name
