-- What deploy/sql/roles.sql grants to a worker and the role of this session does not have.
WITH needed (name, rights) AS (
    VALUES ('attempts', '{SELECT,INSERT,UPDATE}'::text[]),
           ('batches', '{SELECT,INSERT,UPDATE}'),
           ('canaries', '{SELECT,INSERT}'),
           ('found_jobs', '{SELECT,INSERT,UPDATE}'),
           ('hold_rows', '{SELECT,INSERT,UPDATE}'),
           ('holds', '{SELECT,INSERT,UPDATE}'),
           ('job_looks', '{SELECT,INSERT,UPDATE}'),
           ('journals', '{SELECT,INSERT,UPDATE}'),
           ('media', '{SELECT,INSERT,UPDATE}'),
           ('plans', '{SELECT,INSERT}'),
           ('runs', '{SELECT,INSERT,UPDATE}'),
           ('in_line', '{SELECT}'),
           ('sampled_lists', '{SELECT,INSERT,UPDATE}'),
           ('sendable', '{SELECT,UPDATE}'),
           ('spending', '{SELECT,INSERT,UPDATE}'),
           ('submission_history', '{SELECT,INSERT}'),
           ('submissions', '{SELECT,INSERT,UPDATE}'),
           ('tallies', '{SELECT}'),
           ('tally_changes', '{SELECT,INSERT}'),
           ('current_tallies', '{SELECT}'),
           ('targets', '{SELECT,INSERT,UPDATE}'),
           ('transitions', '{SELECT}'),
           ('unseen_words', '{SELECT,INSERT,UPDATE}'),
           ('workers', '{SELECT,INSERT,UPDATE}')
)
SELECT wanted || ' on ' || name AS missing
  FROM needed, unnest(rights) AS wanted
 WHERE NOT has_table_privilege(name, wanted)
UNION ALL
SELECT 'UPDATE on the ids of submissions'
 WHERE NOT has_sequence_privilege(pg_get_serial_sequence('submissions', 'id'), 'UPDATE')
UNION ALL
SELECT 'TEMPORARY on the database'
 WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
 ORDER BY missing
