-- What was learnt of the target's cloud. $1 target
SELECT learnt FROM targets WHERE id = $1
