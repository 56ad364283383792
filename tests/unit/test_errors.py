"""The errors and the exit codes."""

import itertools

import pytest

import batch.intake.manifest
import batch.night.nightly
import batch.show.insights
import batch.vod.client  # noqa: F401 - errors defined anywhere are looked at
from batch.errors import URGENCY, ExitCode, VodBatchError, most_urgent


def _family(parent: type[VodBatchError]) -> list[type[VodBatchError]]:
    return [one for child in parent.__subclasses__() for one in (child, *_family(child))]


@pytest.mark.parametrize("error", _family(VodBatchError))
def test_every_error_has_a_code_and_a_sentence(error: type[VodBatchError]) -> None:
    """An error ends a command with a code that scripts know, and says what it is."""
    assert error.exit_code in ExitCode
    assert error.__doc__


def test_urgency_names_every_code_once_in_the_order_of_the_design() -> None:
    """78, 77, 69, 75, 4, 3, 5, 0; 64 ends a command before anything else could hold."""
    assert [int(code) for code in URGENCY] == [78, 77, 69, 75, 4, 3, 5, 0]
    assert set(ExitCode) - set(URGENCY) == {ExitCode.USAGE}


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations(URGENCY, 2)])
def test_the_most_urgent_code_wins(first: ExitCode, second: ExitCode) -> None:
    """Whatever the order in which codes are found."""
    assert most_urgent(first, second) is most_urgent(second, first) is first


def test_no_code_is_done() -> None:
    """A command without any complaint ends with 0."""
    assert most_urgent() is ExitCode.DONE
