"""What is the same: a type's own part of a configuration, however it is written."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from batch.core.models import JobType, Target
from batch.core.states import State
from batch.ledger.loading import LoadReport, load_manifest
from batch.ledger.targets import open_target
from tests.support.console import Console
from tests.support.ledger import DNA, TAG, Ledger, media, write_csv
from tests.support.night import Night

SMART_TAG = '{"AIVideoTag":{"AnalyseTypes":"ASR,OCR"}}'


async def _load(
    ledger: Ledger, path: Path, *types: JobType, target: Target | None = None, **settings: object
) -> LoadReport:
    chosen = ledger.settings.model_copy(update={"type": types, **settings})
    return await load_manifest(ledger.database, target or ledger.store.target, str(path), chosen)


def _asked(report: LoadReport) -> tuple[int, int]:
    """Return how many submissions a load made, and how many it found submitted before."""
    assert report.counts
    return report.counts.submissions, report.counts.duplicates_submitted


async def test_a_type_is_not_paid_again_for_another_types_configuration(
    night: Night, tmp_path: Path
) -> None:
    """DNA loaded plain, then both types with a smart-tag Config: the DNA is the same, and told."""
    path = write_csv(tmp_path / "list.csv", [media(n) for n in range(3)])
    await _load(night.ledger, path, DNA)
    await night.submit()
    report = await _load(night.ledger, path, DNA, TAG, config=SMART_TAG)
    assert _asked(report) == (3, 3)
    await night.submit()
    jobs = night.emulator.jobs()
    assert sorted(job["type"] for job in jobs) == ["AIMediaDNA"] * 3 + ["AIVideoTag"] * 3
    await night.check(submitted=6)


async def test_both_types_go_in_one_request_with_the_whole_configuration(night: Night) -> None:
    """What keeps the types apart in the ledger does not keep them apart on the wire."""
    path = write_csv(night.home / "list.csv", [media(1)])
    await _load(night.ledger, path, DNA, TAG, config=SMART_TAG)
    keys = {row["job_type"]: row["config_key"] for row in await night.ledger.rows()}
    assert (keys["AIMediaDNA"], bool(keys["AIVideoTag"])) == ("", True)
    await night.submit()
    assert night.emulator.submits() == 1
    [report] = night.reports
    assert report.claim.config == SMART_TAG
    assert report.claim.types == (DNA, TAG)


async def test_types_with_different_configurations_do_not_share_a_request(
    night: Night, tmp_path: Path
) -> None:
    """One request carries one Config: a plain DNA does not go with another row's."""
    path = write_csv(tmp_path / "list.csv", [media(1)])
    await _load(night.ledger, path, DNA)
    await _load(night.ledger, path, TAG, config=SMART_TAG)
    await night.submit()
    assert {report.claim.config for report in night.reports} == {None, SMART_TAG}
    assert night.emulator.submits() == 2


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (None, "{}"),
        (None, '{"AIVideoTag":{}}'),
        ('{"AIVideoTag":{"AnalyseTypes":"ASR,OCR"}}', '{"AIVideoTag":{"AnalyseTypes":"OCR, ASR"}}'),
        ('{"AIVideoTag":{"N":1}}', '{"AIVideoTag":{"N":1.0}}'),
        ('{"AIVideoTag":{"A":1,"B":2}}', '{ "AIVideoTag": {"B": 2, "A": 1} }'),
        (SMART_TAG, '{"AIVideoTag":{"AnalyseTypes":"OCR,ASR"},"AIMediaDNA":{"DNADBId":"d"}}'),
    ],
)
async def test_the_same_configuration_written_otherwise_is_a_duplicate(
    ledger: Ledger, tmp_path: Path, first: str | None, again: str
) -> None:
    """Nothing, order, white space, how a number is written, and parts of another type."""
    path = write_csv(tmp_path / "list.csv", [media(1)])
    await _load(ledger, path, TAG, config=first)
    report = await _load(ledger, path, TAG, config=again)
    assert report.known is None
    assert report.counts
    assert (report.counts.submissions, report.counts.duplicates_across_files) == (0, 1)


async def test_a_fingerprint_library_counts_for_every_type(ledger: Ledger, tmp_path: Path) -> None:
    """Nobody knows which type a top-level key is for: another one is other work."""
    path = write_csv(tmp_path / "list.csv", [media(1)])
    await _load(ledger, path, DNA, TAG)
    report = await _load(ledger, path, DNA, TAG, config='{"DNADBId":"library"}')
    assert _asked(report) == (2, 0)


async def test_media_of_another_account_name_are_told_and_not_refused(
    ledger: Ledger, tmp_path: Path, console: Console
) -> None:
    """Two names of one account would pay twice: the load names the other, in text and JSON."""
    other = await open_target(ledger.database, "other", ledger.settings.region)
    abroad = await open_target(ledger.database, "abroad", "cn-beijing")
    path = write_csv(tmp_path / "list.csv", [media(n) for n in range(3)])
    await _load(ledger, path, DNA, target=other)
    await _load(ledger, path, DNA, target=abroad)
    wider = write_csv(tmp_path / "wider.csv", [media(n) for n in range(1, 6)])
    told = json.loads(console.run("load", "--json", str(wider)).stdout)
    assert told["counts"]["submissions"] == 5
    assert told["elsewhere"] == [{"account": "other", "media": 2}]
    text = console.run("load", "--campaign", "again", str(wider)).stdout
    assert "2  media that account other of this region knows too" in text
    report = await _load(ledger, write_csv(tmp_path / "new.csv", [media(9)]), DNA)
    assert report.elsewhere == ()
    assert replace(report, elsewhere=()) == report
    assert "elsewhere" in asdict(report)
    assert await ledger.state((await ledger.rows())[-1]["id"]) is State.PENDING
