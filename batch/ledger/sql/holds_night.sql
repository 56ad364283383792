-- Whether this session has the lock of a target's night. $1 class of the lock, $2 target
SELECT EXISTS (SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
                  AND classid = $1::oid AND objid = $2::oid AND objsubid = 2) AS is_held
