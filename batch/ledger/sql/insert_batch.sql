-- $1 target, $2 campaign, $3 source, $4 sha256, $5 options, $6 lines, $7 rows, $8 quarantined,
-- $9 quarantine_path
-- Repeat: ask
INSERT INTO batches (target_id, campaign, source, sha256, options, lines, rows, quarantined,
                     quarantine_path, submissions, duplicates_in_file, duplicates_across_files,
                     duplicates_submitted)
VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, 0, 0, 0, 0)
RETURNING id
