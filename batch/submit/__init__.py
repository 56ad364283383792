"""The worker: permits, begin, call, judge, record."""
