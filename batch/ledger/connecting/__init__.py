"""The way to PostgreSQL: sessions opened, lent and waited for, on a server that is known."""
