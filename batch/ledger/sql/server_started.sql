-- Which start of which server this is: no two have the same moment.
SELECT pg_postmaster_start_time() AS at
