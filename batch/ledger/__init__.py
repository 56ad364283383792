"""Everything PostgreSQL: the store, its statements (one a file in ``sql/``), the migrations."""
