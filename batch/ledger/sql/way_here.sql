-- How this session came here, and where a table without a schema would go.
SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,
       current_schema() IS NOT DISTINCT FROM 'public' AS leads_to_public
