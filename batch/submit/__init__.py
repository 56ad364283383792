"""The worker: permits, begin, call, judge, record (``design.md`` 4)."""
