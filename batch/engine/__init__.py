"""The moving parts; each step of a night takes the session (``batch/session.py``)."""
