-- What money is bound to submissions. $1 submissions
SELECT s.id, s.state, s.currency, s.price, s.seconds, s.amount, s.run_id, s.spent_on
  FROM submissions s
 WHERE s.id = ANY ($1::bigint[]) AND s.run_id IS NOT NULL
