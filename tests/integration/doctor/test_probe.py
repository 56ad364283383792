"""``doctor --probe``: what one paid job teaches of a cloud, under each switch that it may have."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from batch.core.learnt import Learnt
from batch.doctor import Check
from batch.doctor.probe import prepare, run_probe
from batch.ledger.learnt import Lessons
from batch.session import open_session
from batch.settings import Settings
from batch.vod.credentials import CredentialSource
from tests.support.cloud import Emulator
from tests.support.console import Console
from tests.support.ledger import DNA, Ledger, media
from tests.support.night import KEY

SOURCE = CredentialSource(lambda: KEY)
MEDIA = media(1)


@pytest.fixture
def settings(ledger: Ledger, emulator: Emulator, tmp_path: Path) -> Settings:
    """A loopback endpoint that plays the cloud."""
    playing: dict[str, object] = {
        "endpoint": emulator.url, "home": tmp_path, "service": "cloud", "lookup_qps": 1000.0,
    }  # fmt: skip
    return ledger.settings.model_copy(update=playing)


async def probed(settings: Settings, **how: Any) -> dict[str, Check]:
    """Pay for one job of one media; return what is told, by name."""
    async with open_session(settings, SOURCE) as session:
        probe = await prepare(session, MEDIA, DNA)
        checks = [check async for check in run_probe(session, probe, **how)]
    return {check.name: check for check in checks}


async def learnt(ledger: Ledger) -> Learnt:
    """Return what is kept with the target."""
    return await Lessons(ledger.database, ledger.store.target).read()


async def test_a_cloud_as_documented_is_learnt_by_one_job(
    settings: Settings, ledger: Ledger, emulator: Emulator
) -> None:
    """One job, in the ledger with its campaign; words, Trigger and time are told and kept."""
    told = await probed(settings)

    [job] = emulator.jobs()
    [row] = await ledger.rows()
    assert (row["job_id"], row["state"]) == (job["job_id"], "submitted")
    assert row["campaign"].startswith("probe-")
    assert all(check.passed for check in told.values())
    assert told["word of ListAIJob"].detail == "AIMediaDNA"
    assert told["Trigger"].detail == "Manual"
    assert "at once" in told["look-up"].detail
    assert told["Extend in events"].grade == "not checked"
    known = await learnt(ledger)
    assert known.proves_absence(DNA)
    assert known.of(DNA).triggers == {"Manual"}
    assert known.of(DNA).delay_seconds is None
    await ledger.check(emulator.jobs())


async def test_only_the_probe_is_sent(
    settings: Settings, ledger: Ledger, emulator: Emulator
) -> None:
    """What waits, waits; a second probe is a second word, and a second job."""
    await ledger.add(range(5, 9), priority=9)
    await probed(settings)
    await probed(settings)
    assert [job["media_id"] for job in emulator.jobs()] == [MEDIA, MEDIA]
    states = await ledger.states()
    assert {state.value: n for state, n in states.items()} == {"pending": 4, "submitted": 2}


async def test_other_words_are_learnt(
    settings: Settings, ledger: Ledger, emulator: Emulator
) -> None:
    """A word of another vocabulary is the type's own from then on."""
    emulator.say(
        GetJobDetail={
            "AIJobDetail.JobType": {"AIMediaDNA": "AIVideoFPShot"},
            "Trigger": {"Manual": "API"},
        }
    )
    told = await probed(settings)
    assert told["word of GetJobDetail"].detail == "AIVideoFPShot"
    assert told["Trigger"].detail == "API"
    known = (await learnt(ledger)).of(DNA)
    assert known.detail_words == {"AIVideoFPShot"}
    assert known.triggers == {"API"}


async def test_a_late_look_up_is_learnt_with_its_delay(
    settings: Settings, ledger: Ledger, emulator: Emulator
) -> None:
    """The age at which it was still hidden is kept; what is younger proves nothing."""
    emulator.switch(lookup={"visible_after_seconds": 2})
    told = await probed(settings)
    assert "did not list it at" in told["look-up"].detail
    delay = (await learnt(ledger)).of(DNA).delay_seconds
    assert delay is not None
    assert 0 <= delay < 60


@pytest.mark.parametrize(("order", "newest_first"), [("newest", True), ("oldest", False)])
async def test_the_order_is_learnt_where_it_shows(
    settings: Settings, ledger: Ledger, emulator: Emulator, order: str, newest_first: bool
) -> None:
    """Of a single job nothing shows; of two, which comes first."""
    emulator.switch(lookup={"order": order})
    assert "not seen" in (await probed(settings))["order"].detail
    assert (await learnt(ledger)).newest_first is None
    emulator.elapse(3600)
    assert (await probed(settings))["order"].detail == f"{order} first"
    assert (await learnt(ledger)).newest_first is newest_first


async def test_a_look_up_that_hides_the_type_proves_nothing(
    settings: Settings, ledger: Ledger, emulator: Emulator
) -> None:
    """The job is known and paid for, and absence stays unproven."""
    emulator.switch(lookup={"covers": ["AIVideoTag"]})
    told = await probed(settings, patience=timedelta(seconds=2))
    assert told["probe job"].passed
    assert not told["look-up"].passed
    assert not (await learnt(ledger)).proves_absence(DNA)


@pytest.mark.parametrize("field", ["Trigger", "JobType"])
async def test_what_the_answer_does_not_say_proves_nothing(
    settings: Settings, ledger: Ledger, emulator: Emulator, field: str
) -> None:
    """Without a Trigger no doubt could be settled; the word of GetJobDetail is not needed."""
    emulator.say(GetJobDetail={f"AIJobDetail.{field}": {"*": False}})
    told = await probed(settings)
    assert (await learnt(ledger)).proves_absence(DNA) is (field == "JobType")
    assert bool(told["learnt"].fix) is (field == "Trigger")


async def test_an_answer_that_is_lost_is_a_doubt_like_any_other(
    settings: Settings, ledger: Ledger, emulator: Emulator
) -> None:
    """Nothing is learnt, nothing is paid again, and it says so."""
    emulator.fault("accept_then_drop", count=1)
    told = await probed(settings)
    assert told["probe job"].code == 4
    assert await learnt(ledger) == Learnt()
    assert len(emulator.jobs()) == 1
    await ledger.check(emulator.jobs())


async def test_a_hold_stops_the_probe(
    settings: Settings, ledger: Ledger, emulator: Emulator, console: Console
) -> None:
    """An operator's pause is heard by every paid call."""
    await ledger.add([5])
    console.having(VOD_BATCH_SERVICE="cloud").run("pause", "--all", "--reason", "wait", "--yes")
    told = await probed(settings)
    assert told["probe job"].code == 5
    assert emulator.jobs() == []


def test_every_line_of_a_probe_is_documented() -> None:
    """docs/operating.md has a line for each, and no other."""
    text = Path("docs/operating.md").read_text(encoding="utf-8")
    table = text.partition("| line | says |\n|---|---|\n")[2].partition("\n\n")[0]
    first = " ".join(row.split("|")[1] for row in table.splitlines())
    told = set(re.findall(r"`([^`]+)`", first))
    source = Path("batch/doctor/probe.py").read_text(encoding="utf-8")
    made = set(re.findall(r'(?:Check|_fact|not_checked)\(\s*"([^"]+)"', source))
    assert told == made


PROBE = ("doctor", "--probe", MEDIA)


@pytest.mark.parametrize(
    ("words", "code"), [(PROBE, 64), ((*PROBE, "--pay", "2"), 64), (("doctor", "--pay", "1"), 64)]
)
def test_nothing_is_paid_without_its_words(
    console: Console, emulator: Emulator, words: tuple[str, ...], code: int
) -> None:
    """The media and --pay 1, both."""
    console.run(*words, code=code)
    assert emulator.jobs() == []


def test_it_asks_first(console: Console, emulator: Emulator) -> None:
    """A no pays nothing, and the end of input is a no; --yes is for scripts."""
    asked = console.run(*PROBE, "--pay", "1")
    assert "pay for one AIMediaDNA job" in asked.stderr + asked.stdout
    assert "nothing was paid" in asked.stdout
    assert emulator.jobs() == []
    told = console.run(*PROBE, "--pay", "1", "--yes").stdout
    assert "probe job" in told
    assert "Trigger" in told
    assert len(emulator.jobs()) == 1


def test_an_unknown_media_is_not_paid_for(
    console: Console, start_emulator: Callable[[str], Emulator]
) -> None:
    """A free look comes first."""
    emulator = start_emulator(f'[media]\nmissing = ["{MEDIA}"]')
    here = console.having(VOD_BATCH_ENDPOINT=emulator.url)
    assert "no media" in here.run(*PROBE, "--pay", "1", "--yes", code=64).stderr
    assert emulator.jobs() == []


def test_nonces_that_are_kept_by_node_are_reported(console: Console, emulator: Emulator) -> None:
    """The probe comes with the free check over fresh connections."""
    emulator.switch(gateway={"nonce_scope": "connection"})
    told = console.run(*PROBE, "--pay", "1", "--yes").stdout
    assert "accepted: replay stays off" in told
