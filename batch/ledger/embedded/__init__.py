"""The embedded PostgreSQL: a server of our own in a wheel."""
