"""The canary: a batch's first submissions go first, and decide about the rest."""

import pytest

from tests.integration.night.conftest import MakeShift
from tests.support.ledger import media

PASS, FAIL = "passed", "failed"


def _failing(numbers: range) -> str:
    names = ", ".join(f'"{media(n)}"' for n in numbers)
    return f"[jobs]\nfailing_media = [{names}]\n"


@pytest.mark.parametrize(("bad", "verdict"), [(1, PASS), (2, FAIL)])
def test_the_rest_goes_above_a_success_rate_only(
    make_shift: MakeShift, bad: int, verdict: str
) -> None:
    """Four of five are wanted: with four the batch goes on, with three it is held."""
    shift = make_shift(_failing(range(bad)), VOD_BATCH_CANARY=5)
    shift.drop("a.csv", range(12))
    facts = shift.facts(code=3)
    (canary,) = facts["canaries"]
    assert (canary["batch"], canary["size"], canary["verdict"]) == (1, 5, verdict)
    assert canary["tally"] == f"{5 - bad} of 5 canary submissions succeeded"
    held = {"pending": 7} if verdict == FAIL else {}
    sent = 5 if verdict == FAIL else 12
    assert shift.states() == {"succeeded": sent - bad, "failed": bad} | held


def test_a_held_batch_goes_on_at_an_operators_word(make_shift: MakeShift) -> None:
    """The report says what to type; afterwards nobody judges the batch again."""
    shift = make_shift(_failing(range(5)), VOD_BATCH_CANARY=5)
    shift.drop("a.csv", range(12))
    ended = shift.run(code=3)
    assert "batch 1 is held by its canary, which failed (0 of 5" in ended.stdout
    assert "\n    vod-batch resume --batch 1\n" in ended.stdout
    shift.run(code=5)  # another night sends nothing of it
    assert shift.states() == {"failed": 5, "pending": 7}
    shift.console.run("resume", "--batch", "1", "--yes")
    facts = shift.facts()
    assert facts["canaries"] == []
    assert shift.states() == {"failed": 5, "succeeded": 7}


def test_a_batch_without_a_rest_has_no_canary(make_shift: MakeShift) -> None:
    """Nothing is left to protect when the whole batch is no larger than a canary."""
    shift = make_shift(_failing(range(5)), VOD_BATCH_CANARY=5)
    shift.drop("a.csv", range(5))
    facts = shift.facts(code=3)
    assert facts["canaries"] == []
    assert facts["canary_run"] is None
    assert shift.states() == {"failed": 5}


def test_each_batch_has_a_canary_of_its_own(make_shift: MakeShift) -> None:
    """A bad batch is held, a good one goes on in the same night."""
    shift = make_shift(_failing(range(100)), VOD_BATCH_CANARY=5)
    shift.drop("bad.csv", range(20))
    shift.drop("good.csv", range(100, 120))
    facts = shift.facts(code=3)
    told = {canary["source"].rpartition("/")[2]: canary["verdict"] for canary in facts["canaries"]}
    assert told == {"bad.csv": FAIL, "good.csv": PASS}
    assert shift.states() == {"failed": 5, "pending": 15, "succeeded": 20}


def test_a_canary_that_has_not_ended_holds_its_batch_until_it_has(make_shift: MakeShift) -> None:
    """The next night looks at it again, and lets the batch go by itself."""
    shift = make_shift(
        "[jobs]\nfinished_after_seconds = 3600\n[gateway]\nclock_tolerance_seconds = 86400\n",
        VOD_BATCH_CANARY=5, VOD_BATCH_CANARY_WAIT="1s",
        VOD_BATCH_RECONCILE_FOR="1s",
    )  # fmt: skip
    shift.drop("a.csv", range(12))
    facts = shift.facts(code=5)
    (canary,) = facts["canaries"]
    assert canary["verdict"] is None
    assert canary["tally"] == "0 of 5 canary submissions succeeded, 5 have not ended"
    assert shift.states() == {"submitted": 5, "pending": 7}
    shift.emulator.move_clock(hours=2)
    shift.console = shift.console.having(VOD_BATCH_CANARY_WAIT="1h")  # it ends with the canaries
    facts = shift.facts(code=5)
    assert facts["canaries"][0]["verdict"] == PASS
    assert shift.states() == {"succeeded": 5, "submitted": 7}


def test_a_cap_holds_for_canary_and_rest_together(make_shift: MakeShift) -> None:
    """``--max-submissions`` is the night's, not each step's."""
    shift = make_shift(VOD_BATCH_CANARY=5)
    shift.drop("a.csv", range(12))
    shift.run("--max-submissions", "8", code=5)
    assert shift.states() == {"succeeded": 8, "pending": 4}


def test_no_canary_where_none_is_wanted(make_shift: MakeShift) -> None:
    """Zero turns it off."""
    shift = make_shift(_failing(range(12)), VOD_BATCH_CANARY=0)
    shift.drop("a.csv", range(12))
    facts = shift.facts(code=3)
    assert facts["canaries"] == []
    assert shift.states() == {"failed": 12}


def test_one_canary_that_the_account_may_not_touch_holds_no_list(make_shift: MakeShift) -> None:
    """It goes behind all others and is left out; the same night sends the rest."""
    shift = make_shift(VOD_BATCH_CANARY=5)
    shift.emulator.fault("refuse", media_id=media(2), code="Forbidden", status=403)
    shift.drop("a.csv", range(15))  # too few to say that the refusal is the row's own
    facts = shift.facts(code=5)
    (canary,) = facts["canaries"]
    assert (canary["verdict"], canary["tally"]) == (PASS, "4 of 4 canary submissions succeeded")
    assert shift.states() == {"succeeded": 14, "pending": 1}


def test_an_account_that_may_touch_nothing_fails_no_canary(make_shift: MakeShift) -> None:
    """Once the permission is there, the next night begins with the same canary."""
    shift = make_shift(VOD_BATCH_CANARY=5)
    shift.emulator.fault("refuse", code="Forbidden", status=403)
    shift.drop("a.csv", range(12))
    shift.run(code=77)
    shift.emulator.forget_faults()
    facts = shift.facts()
    assert facts["canaries"][0]["tally"] == "5 of 5 canary submissions succeeded"
    assert shift.states() == {"succeeded": 12}
