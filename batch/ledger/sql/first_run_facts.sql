-- Whether anything of this target was ever begun from this ledger, and whether an operator let its
-- first run pass. $1 target
SELECT coalesce((SELECT sum(n) FROM current_tallies WHERE target_id = $1 AND has_begun), 0) > 0
           AS has_begun,
       first_run_accepted_at IS NOT NULL AS is_accepted
  FROM targets WHERE id = $1
