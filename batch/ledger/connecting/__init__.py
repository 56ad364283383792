"""The way to PostgreSQL: connections opened, pooled and waited for, to a server that is known."""
