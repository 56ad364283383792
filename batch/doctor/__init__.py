"""Check what a run needs, without spending anything: one line each, with the mend."""

from batch.doctor.check import Check, Verdict
from batch.doctor.examination import examine

__all__ = ["Check", "Verdict", "examine"]
