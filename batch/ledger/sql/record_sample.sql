-- Remember that some media of a list and type were looked at. $1 batch, $2 type, $3 whether one has a job
-- Repeat: harmless
INSERT INTO sampled_lists AS l (batch_id, job_type, has_hit) VALUES ($1, $2, $3)
    ON CONFLICT (batch_id, job_type) DO UPDATE SET has_hit = l.has_hit OR excluded.has_hit
