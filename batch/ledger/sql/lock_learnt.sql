-- What was learnt of the target's cloud, held until it is kept anew. $1 target
SELECT learnt FROM targets WHERE id = $1 FOR NO KEY UPDATE
