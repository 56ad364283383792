-- Whether the server still has a session. $1 its process id
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1) AS is_there
