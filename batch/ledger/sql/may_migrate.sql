-- Whether the role of this session may change the schema: make tables, and alter those that are there.
SELECT has_schema_privilege('public', 'CREATE')
       AND NOT EXISTS (SELECT FROM pg_class
                        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                          AND relname IN ('schema_migrations', 'submissions', 'runs')
                          AND NOT pg_has_role(relowner, 'USAGE')) AS may
