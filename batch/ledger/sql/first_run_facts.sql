-- Whether anything of this target was ever begun from this ledger, and whether an operator let its
-- first run pass. $1 target
SELECT EXISTS (SELECT FROM submissions WHERE target_id = $1 AND lease > 0) AS has_begun,
       first_run_accepted_at IS NOT NULL AS is_accepted
  FROM targets WHERE id = $1
