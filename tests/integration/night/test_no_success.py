"""What a monitor hears of a night that went wrong in a way that a list of exit codes hides."""

import asyncio

import pytest

from tests.integration.night.conftest import MakeShift
from tests.support.hearing import hearing_server
from tests.support.ledger import media

CHECK = "5f3759df-1234-4abc-8def-00d9f2e3a4b5"
FAILING = ", ".join(f'"{media(n)}"' for n in range(5))


async def _heard(make_shift: MakeShift, toml: str, code: int, **settings: object) -> str:
    """Run one night; return what its check heard at the end, and check that it is no success."""
    async with hearing_server() as check:
        url = f"{check.url}/ping/{CHECK}"
        shift = make_shift(toml, VOD_BATCH_PING_URL=url, **settings)
        shift.drop("a.csv", range(40))
        ended = await asyncio.to_thread(shift.run, code=code)
        start, end = check.heard
        assert start.path == f"/ping/{CHECK}/start"
        assert end.path == f"/ping/{CHECK}/{code}"
        return ended.stdout


async def test_a_failed_canary(make_shift: MakeShift) -> None:
    """Its batch waits for a person: 3, and no success."""
    toml = f"[jobs]\nfailing_media = [{FAILING}]\n"
    told = await _heard(make_shift, toml, 3, VOD_BATCH_CANARY=5)
    assert "held by its canary" in told


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        ("InsufficientBalance", 69),
        ("IllegalTimestamp", 78),
        ("Forbidden.RiskControl", 69),
        ("AccessDenied", 77),
        ("Account.Frozen", 69),
    ],
)
async def test_a_refused_account(make_shift: MakeShift, refused: str, code: int) -> None:
    """All 40 rows wait, or are in doubt; an unknown code is shown in the report."""
    toml = (
        f'[[faults]]\nkind = "refuse"\naction = "SubmitAIJob"\nstatus = 403\ncode = "{refused}"\n'
    )
    told = await _heard(make_shift, toml, code, VOD_BATCH_CANARY=0, VOD_BATCH_RECONCILE_FOR="1s")
    assert ("known to no document of ours" in told) == (refused == "Account.Frozen")


async def test_a_guards_stop(make_shift: MakeShift) -> None:
    """Too many rejections are 69, not a night with some rejections."""
    toml = (
        '[[faults]]\nkind = "refuse"\naction = "SubmitAIJob"\nstatus = 404\n'
        'code = "InvalidVideo.NotFound"\n'
    )
    await _heard(make_shift, toml, 69, VOD_BATCH_CANARY=0, VOD_BATCH_GUARD_WINDOW=10)
