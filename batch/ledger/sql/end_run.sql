-- $1 run, $2 why it stopped, $3 exit code, $4 worst second, $5 facts
-- Repeat: harmless
UPDATE runs
   SET ended_at = now(), stopped_by = $2, exit_code = $3, worst_second = $4, facts = $5::jsonb
 WHERE id = $1
