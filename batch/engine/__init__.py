"""The moving parts, and the one place that wires them together (``service.py``)."""
