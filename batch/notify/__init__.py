"""Report how a night went: ping, webhooks, mail, a file for Prometheus.

Nothing in this room can fail a run: what could not be sent comes back as a :class:`Delivery`.
"""
