"""A night whose media have jobs already: what is told, what it costs, and what its canary does."""

import json
from collections.abc import Iterable

from tests.integration.night.conftest import MakeShift
from tests.support.ledger import media
from tests.support.settling import post
from tests.support.shift import Shift

PRICED = {"VOD_BATCH_PRICES": json.dumps({"AIMediaDNA": "0.05"})}


def _upload(shift: Shift, numbers: Iterable[int]) -> None:
    body = {"media_ids": [media(n) for n in numbers], "age_seconds": 600}
    post(shift.emulator, "auto_jobs", body)


def test_a_night_of_uploads_costs_nothing(make_shift: MakeShift) -> None:
    """Every media has its automatic job: results without a call, cost 0, and the saving is told."""
    shift = make_shift("media.duration_seconds = 120", VOD_BATCH_CANARY=5, **PRICED)
    shift.drop("a.csv", range(12))
    _upload(shift, range(12))
    told = shift.run().stdout
    assert "there before        12  jobs adopted, nothing paid, about 1.20 CNY saved" in told
    assert shift.emulator.submits() == 0
    assert shift.states() == {"succeeded": 12}
    rows = shift.rows()
    assert {(row["cost"], row["attempts"], row["request_id"]) for row in rows} == {
        ("0.00", "0", "")
    }
    assert all(row["job_id"] and row["submitted_at"] for row in rows)
    assert "there before        12" in shift.console.run("report").stdout


def test_canaries_that_have_their_jobs_let_nothing_go_in_their_place(
    make_shift: MakeShift,
) -> None:
    """The canary is judged by the jobs that were there; only then the rest is sent."""
    shift = make_shift(f'[jobs]\nfailing_media = ["{media(4)}"]\n', VOD_BATCH_CANARY=4)
    shift.drop("a.csv", range(30))
    _upload(shift, range(4))
    facts = shift.facts(code=3)
    (canary,) = facts["canaries"]
    assert (canary["verdict"], canary["succeeded"]) == ("passed", 4)
    assert facts["canary_run"]["requests"] == 0
    assert facts["canary_run"]["existing"]["adopted"] == 4
    assert facts["submitted"]["requests"] == shift.emulator.submits() == 26


def test_canaries_that_wait_for_a_job_hold_their_batch(make_shift: MakeShift) -> None:
    """Their jobs still run, so nothing is known of the batch, and nothing of it is sent."""
    shift = make_shift(
        "jobs.finished_after_seconds = 36000", VOD_BATCH_CANARY=4, VOD_BATCH_CANARY_WAIT="2s"
    )
    shift.drop("a.csv", range(30))
    _upload(shift, range(4))
    facts = shift.facts(code=5)
    assert facts["canary_run"]["existing"]["put_off"] == 4
    assert facts["canaries"][0]["verdict"] is None
    assert shift.emulator.submits() == 0
    assert shift.states() == {"pending": 30}


def test_a_night_may_be_set_to_look_for_none(make_shift: MakeShift) -> None:
    """``--skip-existing never`` pays for every row, as it says."""
    shift = make_shift(VOD_BATCH_CANARY=0)
    shift.drop("a.csv", range(6))
    _upload(shift, range(6))
    shift.run("--skip-existing", "never")
    assert shift.emulator.submits() == 6
