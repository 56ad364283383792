-- What loads left out, and what is done already. $1 target
SELECT (SELECT coalesce(sum(duplicates_in_file + duplicates_across_files + duplicates_submitted), 0)
          FROM batches WHERE target_id = $1)::bigint AS duplicates,
       (SELECT coalesce(sum(n), 0) FROM current_tallies
         WHERE target_id = $1 AND state IN ('submitted', 'succeeded'))::bigint AS done
