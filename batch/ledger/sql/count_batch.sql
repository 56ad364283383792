-- $1 batch, $2 submissions, $3 in_file, $4 across_files, $5 submitted
-- Repeat: ask
UPDATE batches
   SET submissions = $2, duplicates_in_file = $3, duplicates_across_files = $4,
       duplicates_submitted = $5
 WHERE id = $1
