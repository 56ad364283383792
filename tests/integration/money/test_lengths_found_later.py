"""A length that is known only after the send: what it changes, and what nothing changes before."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from batch.core.states import State
from batch.ledger.costs import read_costs
from batch.ledger.media import Look, MediaLooks
from tests.support.ledger import Ledger, media
from tests.support.money import bound, held_against, set_lengths

SENT = (State.IN_DOUBT, State.SUBMITTED, State.SUCCEEDED)


async def _correct(ledger: Ledger, since: datetime | None = None) -> tuple[list[str], int]:
    """Walk over what has no length; return the media that would be asked for, and the corrected."""
    looks = MediaLooks(ledger.database, ledger.store.target)
    asked, corrected = [], 0
    async for those in looks.lengthless(2, since or datetime.now(UTC)):
        asked += those.media
        corrected += await looks.correct(those)
    return asked, corrected


async def _sent(ledger: Ledger, state: State, count: int = 1) -> list[int]:
    """Begin rows for the hour that is allowed for, and put them into ``state``."""
    rows = await ledger.add(range(count))
    spending = held_against(month="9000", longest=3600)
    await ledger.store.open_periods(spending)
    await ledger.begin(spending=spending)
    steps = [State.SUBMITTED, State.SUCCEEDED] if state is State.SUCCEEDED else [state]
    for row in rows:
        for step in steps:
            await ledger.move(row, step)
    return rows


@pytest.mark.parametrize("state", SENT)
async def test_a_length_corrects_what_was_allowed_for(ledger: Ledger, state: State) -> None:
    """Seconds, amount, the periods' sums and the tallies, all by the length."""
    (row,) = await _sent(ledger, state)
    assert (await ledger.row(row))["amount"] == 3
    await set_lengths(ledger, {0: 10})
    assert await _correct(ledger) == ([], 1)
    found = await ledger.row(row)
    assert (found["seconds"], found["amount"], found["state"]) == (600, Decimal("0.5"), state)
    assert await bound(ledger, held_against(), "month") == Decimal("0.5")
    await ledger.check()


async def test_a_longer_one_than_was_allowed_for_costs_more(ledger: Ledger) -> None:
    """The budget is then used by what is charged, even beyond its end."""
    (row,) = await _sent(ledger, State.SUBMITTED)
    await set_lengths(ledger, {0: 120})
    assert await _correct(ledger) == ([], 1)
    assert (await ledger.row(row))["amount"] == 6
    await ledger.check()


@pytest.mark.parametrize("state", SENT)
async def test_nothing_is_lowered_before_the_length_is_known(ledger: Ledger, state: State) -> None:
    """A look that shows no length changes nothing."""
    (row,) = await _sent(ledger, state)
    looks = MediaLooks(ledger.database, ledger.store.target)
    await looks.record([Look(media(0), "Normal", None)])
    assert await _correct(ledger, datetime.now(UTC) + timedelta(hours=1)) == ([media(0)], 0)
    found = await ledger.row(row)
    assert (found["seconds"], found["amount"]) == (None, 3)
    await ledger.check()


@pytest.mark.parametrize("state", [State.FAILED, State.REJECTED, State.PENDING, State.SUBMITTING])
async def test_what_is_free_or_on_the_wire_is_left_alone(ledger: Ledger, state: State) -> None:
    """A failed one costs nothing, and a sender may be at the other."""
    (row,) = await ledger.add([0])
    await ledger.begin(spending=held_against(longest=3600))
    if state is State.FAILED:
        await ledger.move(row, State.SUBMITTED)
    if state is not State.SUBMITTING:
        await ledger.move(row, state)
    await set_lengths(ledger, {0: 10})
    assert await _correct(ledger) == ([], 0)


async def test_what_had_no_price_stays_of_unknown_cost(ledger: Ledger) -> None:
    """It is priced at its begin, or not at all; its media is not asked for."""
    (row,) = await ledger.add([0])
    await ledger.begin()
    await ledger.move(row, State.SUBMITTED)
    await ledger.move(row, State.SUCCEEDED)
    assert await _correct(ledger) == ([], 0)
    costs = await read_costs(ledger.database, ledger.store.target)
    assert (costs.unknown, costs.unpriced) == (1, 1)


async def test_all_are_met_some_at_a_time(ledger: Ledger) -> None:
    """Each media is asked for once a night, and no row is passed over."""
    await _sent(ledger, State.SUBMITTED, 5)
    await set_lengths(ledger, {1: 10, 4: 10})
    asked, corrected = await _correct(ledger)
    assert (sorted(asked), corrected) == (sorted(map(media, (0, 2, 3))), 2)
    looks = MediaLooks(ledger.database, ledger.store.target)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    await looks.record([Look(media(n), "Normal", None) for n in (0, 2, 3)])
    assert await _correct(ledger, long_ago) == ([], 0)


async def test_what_somebody_holds_waits_for_the_next_night(ledger: Ledger) -> None:
    """No worker waits for a correction, and none for a worker."""
    (row,) = await _sent(ledger, State.SUBMITTED)
    await set_lengths(ledger, {0: 10})
    async with ledger.sql.transaction():
        await ledger.sql.execute("SELECT FROM submissions WHERE id = $1 FOR UPDATE", row)
        assert await _correct(ledger) == ([], 0)
    assert await _correct(ledger) == ([], 1)
