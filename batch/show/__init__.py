"""What people and scripts are shown: read-only queries and their results."""
