"""Check what a run needs, without spending anything: one line each, with the fix."""

from batch.doctor.check import Check, Grade
from batch.doctor.examination import examine

__all__ = ["Check", "Grade", "examine"]
