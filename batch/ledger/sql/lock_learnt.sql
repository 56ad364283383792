-- What was learnt of the target's cloud, locked until it is written anew. $1 target
SELECT learnt FROM targets WHERE id = $1 FOR NO KEY UPDATE
