-- Three roles with no more rights than their work needs.  For psql, connected to the ledger's database
-- as a role that may create roles (a superuser; on a managed server, its administrator):
--
--   psql "$ADMIN_URL" -f deploy/sql/roles.sql        before the first migrate: roles and doors
--   vod-batch migrate                                as vod_batch_owner
--   psql "$ADMIN_URL" -f deploy/sql/roles.sql        after every migrate: rights on the tables
--   psql "$ADMIN_URL" -c '\password vod_batch_worker'
--
-- It may run any number of times.
--
--   vod_batch_owner    migrate
--   vod_batch_worker   load, submit, reconcile, nightly, and an operator's words
--   vod_batch_reader   status, why, export, report
--
-- Nobody but the owner can delete a row: what was paid for cannot be forgotten by a worker.
\set ON_ERROR_STOP on

BEGIN;

SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY['vod_batch_owner', 'vod_batch_worker', 'vod_batch_reader']) AS t(name)
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

-- The doors. TEMPORARY: load stages its lines in a table that is gone with its transaction.
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO vod_batch_owner, vod_batch_worker, vod_batch_reader;
GRANT TEMPORARY ON DATABASE :"DBNAME" TO vod_batch_worker;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO vod_batch_owner;
GRANT USAGE ON SCHEMA public TO vod_batch_worker, vod_batch_reader;

-- Reading, on what is there and, from the next migrate on, on what comes.
ALTER DEFAULT PRIVILEGES FOR ROLE vod_batch_owner IN SCHEMA public
    GRANT SELECT ON TABLES TO vod_batch_worker, vod_batch_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO vod_batch_worker, vod_batch_reader;

-- Writing, table by table. The history only grows.
SELECT format('GRANT %s ON %I TO vod_batch_worker', w.rights, w.name)
  FROM (VALUES
        ('attempts', 'INSERT, UPDATE'),
        ('batches', 'INSERT, UPDATE'),
        ('canaries', 'INSERT'),
        ('found_jobs', 'INSERT, UPDATE'),
        ('hold_rows', 'INSERT, UPDATE'),
        ('holds', 'INSERT, UPDATE'),
        ('job_looks', 'INSERT, UPDATE'),
        ('journals', 'INSERT, UPDATE'),
        ('media', 'INSERT, UPDATE'),
        ('plans', 'INSERT'),
        ('runs', 'INSERT, UPDATE'),
        ('sampled_lists', 'INSERT, UPDATE'),
        -- begin locks what it claims through the view.
        ('sendable', 'UPDATE'),
        ('spending', 'INSERT, UPDATE'),
        ('submission_history', 'INSERT'),
        ('submissions', 'INSERT, UPDATE'),
        ('tally_changes', 'INSERT'),
        ('targets', 'INSERT, UPDATE'),
        ('unseen_words', 'INSERT, UPDATE'),
        ('workers', 'INSERT, UPDATE')) AS w(name, rights)
 WHERE to_regclass(format('public.%I', w.name)) IS NOT NULL
\gexec

-- load takes a block of ids at a time.
SELECT format('GRANT UPDATE ON SEQUENCE %s TO vod_batch_worker',
              pg_get_serial_sequence('public.submissions', 'id'))
 WHERE to_regclass('public.submissions') IS NOT NULL
\gexec

-- load asks for fresh statistics. Before PostgreSQL 17 only an owner may: the server then skips that
-- with a warning, and its autovacuum does it within a minute or two.
SELECT 'GRANT MAINTAIN ON submissions TO vod_batch_worker'
 WHERE to_regclass('public.submissions') IS NOT NULL
   AND current_setting('server_version_num')::int >= 170000
\gexec

COMMIT;
