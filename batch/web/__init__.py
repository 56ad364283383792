"""Web surfaces: the event receiver, the status page, metrics."""
