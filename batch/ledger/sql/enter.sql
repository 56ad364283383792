-- What a session of ours holds to, whatever its server or its role is set up with.
-- $1 for this transaction only: behind a pooler a session is everybody's, $2 a worker's
--
-- JIT: compiling takes a hundred times as long as running what a worker sends. synchronous_commit: an
-- intent that a crash may forget is none; remote_apply is more than on, everything else is less.
-- Idle in a transaction: a process that was stopped in the middle of one (SIGSTOP, a laptop that sleeps, a
-- debugger) holds its locks, and every other worker waits for it. A third of what those wait for an answer;
-- whose session was ended connects again, and asks what became of its work. A server's shorter time stays.
-- Name: by it a session of ours that was stopped elsewhere is found (end_stopped_sessions).
-- search_path: the ledger is in public, which comes first; a second one elsewhere would know of no job
-- that is paid.
-- Bitmaps: what a worker asks walks an index in its order and stops early; a bitmap reads all of it
-- first, and looks cheap to a planner whose statistics are older than a load.
SELECT set_config('jit', 'off', $1),
       set_config('enable_bitmapscan',
                  CASE WHEN $2 THEN 'off' ELSE current_setting('enable_bitmapscan') END, $1),
       set_config('synchronous_commit',
                  CASE current_setting('synchronous_commit')
                  WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, $1),
       set_config('idle_in_transaction_session_timeout',
                  CASE WHEN current_setting('idle_in_transaction_session_timeout')::interval
                            BETWEEN interval '1 ms' AND interval '20 s'
                  THEN current_setting('idle_in_transaction_session_timeout') ELSE '20s' END, $1),
       set_config('application_name', 'vod-batch', $1),
       set_config('search_path',
                  CASE current_schema() WHEN 'public' THEN current_setting('search_path')
                  ELSE 'public' END, $1),
       pg_backend_pid() AS backend,
       pg_postmaster_start_time() AS server_started_at
