"""Check what a run needs, without spending anything: one line each, with the mend."""

from batch.engine.doctor.check import Check, Verdict
from batch.engine.doctor.examination import examine

__all__ = ["Check", "Verdict", "examine"]
