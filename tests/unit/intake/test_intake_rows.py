"""What cells say, and how much of it is remembered."""

from batch.core.models import JobType
from batch.intake.model import IntakeOptions
from batch.intake.rows import SaidByCells


def test_what_is_remembered_stays_small() -> None:
    said = SaidByCells(IntakeOptions((JobType.MEDIA_DNA,), frozenset(JobType), "cn-shanghai"))
    for number in range(1, 5000):
        assert said["dna" + " " * number, "", "", "", ""][0] == "AIMediaDNA"
    for number in range(10):
        assert said["", "", f'{{"a":{number}}}', "", ""][2] == f'{{"a":{number}}}'
    assert len(said) == 4096
