"""Doubts settled, jobs followed to their end."""
