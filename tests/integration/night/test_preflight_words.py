"""Preflight and the words of GetVideoInfos: only a known-bad one keeps a media from being sent."""

from datetime import UTC, datetime
from typing import Any

import pytest

from batch.core.states import State
from batch.look.preflight import PreflightSummary, preflight
from batch.session import open_session
from batch.vod.credentials import CredentialSource
from tests.support.ledger import media
from tests.support.night import KEY, Night
from tests.support.rewording import Reword, in_media, rewording


async def _look(night: Night, **words: Reword) -> PreflightSummary:
    """Look at the media of what is due, the answers in other words."""
    async with rewording(night.emulator.url, **words) as url:
        settings = night.ledger.settings.model_copy(
            update={"home": night.home, "endpoint": url, "preflight_qps": 1000.0}
        )
        async with open_session(settings, CredentialSource(lambda: KEY)) as session:
            return await preflight(session, datetime.now(UTC))


async def _unseen(night: Night) -> set[tuple[str, str]]:
    rows = await night.ledger.sql.fetch("SELECT field, word FROM unseen_words")
    return {(row["field"], row["word"]) for row in rows}


async def test_an_unknown_status_is_sent_and_reported(night: Night) -> None:
    """The spelling of a documented page is ready; a word of no page is sent, and told."""
    rows = await night.ledger.add(range(20))
    spelt = await _look(night, GetVideoInfos=in_media(Status="UploadSucces"))
    assert (spelt.not_there, spelt.put_off, await _unseen(night)) == (0, 0, set())
    odd = await _look(night, GetVideoInfos=in_media(Status="Archiving", StorageClass="Glacier"))
    assert (odd.not_there, odd.put_off) == (0, 0)
    assert await _unseen(night) == {("Status", "Archiving"), ("StorageClass", "Glacier")}
    assert {await night.ledger.state(row) for row in rows} == {State.PENDING}


@pytest.mark.parametrize("status", ["uploadfail", "Blocked", "PRODUCEFAIL"])
async def test_a_bad_status_is_refused_in_any_case(night: Night, status: str) -> None:
    """No job can be made of it."""
    [row] = await night.ledger.add([1])
    assert (await _look(night, GetVideoInfos=in_media(Status=status))).not_there == 1
    assert (await night.ledger.row(row))["error_code"] == f"Preflight.{status}"


STORED: list[tuple[dict[str, object], str | None]] = [
    ({"StorageClass": "Archive"}, "Archive"),
    ({"StorageClass": "SourceColdArchive", "RestoreStatus": "Failed"}, "SourceColdArchive"),
    ({"StorageClass": "ColdArchive", "RestoreStatus": "Processing"}, "Restoring"),
    ({"StorageClass": "changing"}, "Changing"),
    ({"StorageClass": "Archive", "RestoreStatus": "Success"}, None),
    ({"StorageClass": "IA"}, None),
]


@pytest.mark.parametrize(("stored", "reason"), STORED)
async def test_what_lies_in_an_archive_is_put_off(
    night: Night, stored: dict[str, object], reason: str | None
) -> None:
    """Its source cannot be read now; it is not refused, for it may be restored."""
    [row] = await night.ledger.add([1])
    looked = await _look(night, GetVideoInfos=in_media(**stored))
    kept = await night.ledger.row(row)
    assert kept["state"] == State.PENDING
    assert looked.put_off == (1 if reason else 0)
    assert kept["error_code"] == (f"Preflight.{reason}" if reason else None)
    assert (kept["due_at"] > datetime.now(UTC)) == bool(reason)


async def test_a_status_with_which_the_first_ten_failed_is_held(night: Night) -> None:
    """Nine failures say nothing; the tenth puts off the rest, and the night says why."""
    words = {"GetVideoInfos": in_media(Status="Odd")}
    first = await night.ledger.add(range(10))
    rest = await night.ledger.add(range(10, 15))
    await _look(night, **words)
    for row in first[:9]:
        await night.ledger.move(row, State.SUBMITTING)
        await night.ledger.move(row, State.REJECTED)
    assert (await _look(night, **words)).held_statuses == {}
    await night.ledger.move(first[9], State.SUBMITTING)
    await night.ledger.move(first[9], State.SUBMITTED)
    await night.ledger.move(first[9], State.FAILED)
    assert (await _look(night, **words)).held_statuses == {"odd": 5}
    for row in rest:
        kept = await night.ledger.row(row)
        assert (kept["state"], kept["error_code"]) == (State.PENDING, "Preflight.odd")
    await night.submit()
    assert night.emulator.submits() == 0


async def test_ids_as_json_text_are_read(night: Night) -> None:
    """The documented example has NonExistVideoIds as JSON text."""

    def none_exists(body: dict[str, Any]) -> dict[str, Any]:
        return body | {"VideoList": [], "NonExistVideoIds": f'["{media(1)}"]'}

    [row] = await night.ledger.add([1])
    assert (await _look(night, GetVideoInfos=none_exists)).not_there == 1
    assert await night.ledger.state(row) is State.REJECTED


async def test_a_page_with_a_missing_media_is_asked_in_halves(night: Night) -> None:
    """404 for a page does not say which: the one that is missing is refused, no other."""

    def refused(body: dict[str, Any]) -> dict[str, Any]:
        asked = {one["VideoId"] for one in body["VideoList"]}
        return {"Code": "InvalidVideo.NotFound"} if media(7) in asked else body

    rows = await night.ledger.add(range(20))
    looked = await _look(night, GetVideoInfos=refused)
    assert (looked.not_there, looked.failed_calls, looked.looked_at) == (1, 0, 20)
    states = [await night.ledger.state(row) for row in rows]
    assert [n for n, state in enumerate(states) if state is State.REJECTED] == [7]
