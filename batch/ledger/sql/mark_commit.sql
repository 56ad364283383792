-- Mark a transaction as its first statement, so that it is known afterwards whether it was committed:
-- returned is nothing when it was. One that is still being committed is waited for.
-- $1 who asks, $2 the number of its transaction
-- Repeat: harmless
INSERT INTO commit_marks AS m (id, number) VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE SET number = excluded.number, marked_at = now()
                         WHERE m.number <> excluded.number
RETURNING true
