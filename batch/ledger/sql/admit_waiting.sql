-- What waited for another submission of its media and type to be settled comes into doubt itself: taken
-- for sent by a worker that is dead, so expire.sql moves it on. $1 target, $2 actor
-- Repeat: harmless
UPDATE submissions s
   SET state = 'submitting', actor = $2, is_waiting = NULL,
       reason = 'a request of it was sent that this database forgot'
 WHERE s.target_id = $1 AND s.is_waiting AND s.state = 'pending'
   AND may_go_in_flight(s.target_id, s.media_id, s.job_type)
RETURNING s.id
