-- migrate:up

-- A JobId that came when its submission had moved on: given up and begun again, cancelled, refused.
-- Such a job is paid and nobody's, so it must be found without reading every attempt.
ALTER TABLE attempts ADD COLUMN is_stray boolean;
UPDATE attempts t SET is_stray = true
  FROM submissions s
 WHERE s.id = t.submission_id AND t.job_id IS NOT NULL AND t.job_id IS DISTINCT FROM s.job_id;
-- begin.sql, adopt_strays.sql, list_receipts.sql
CREATE INDEX attempts_stray ON attempts (submission_id) WHERE is_stray;

-- migrate:down
DROP INDEX attempts_stray;
ALTER TABLE attempts DROP COLUMN is_stray;
