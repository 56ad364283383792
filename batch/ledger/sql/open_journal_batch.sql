-- The batch of submissions that only a journal knew, made on first need. $1 target
-- Repeat: ask
INSERT INTO batches (target_id, campaign, source, sha256, options, lines, rows, quarantined,
                     submissions, duplicates_in_file, duplicates_across_files,
                     duplicates_submitted)
VALUES ($1, '-', 'the journal', repeat('0', 64), '{"journal": true}', 0, 0, 0, 0, 0, 0, 0)
    ON CONFLICT ON CONSTRAINT batches_known_file DO UPDATE SET source = excluded.source
RETURNING id
