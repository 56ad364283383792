"""PostgreSQL goes in the middle of a command and comes back: it ends as if nothing had happened."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from batch.core.states import State
from batch.ledger.statements import statement
from tests.support.cloud import Emulator
from tests.support.console import KEY, Console, Ended
from tests.support.ledger import Ledger, media, open_ledger, write_csv
from tests.support.proxy import Proxy, proxy_to
from tests.support.shift import Shift
from tests.support.stoppable import Stoppable

GAP_SECONDS = 5.0
MEDIA = 12

pytestmark = pytest.mark.long


@dataclass
class House:
    """A command line on a line to PostgreSQL that the test watches."""

    postgres: Stoppable
    url: str
    console: Console
    emulator: Emulator
    proxy: Proxy

    async def run(self, *words: str, code: int = 0) -> Ended:
        """Run one command to its end, in a process of its own."""
        return await asyncio.to_thread(self.console.run, *words, code=code)

    @asynccontextmanager
    async def away(self, how: str, marker: bytes) -> AsyncIterator[None]:
        """Let PostgreSQL be ``stopped`` or ``frozen`` for a while, from when ``marker`` is sent."""
        with ExitStack() as stack:
            go, come = self.postgres.stop, self.postgres.start
            if how == "frozen":
                go, come = stack.enter_context(self.postgres.may_freeze()), stack.close
            gone = asyncio.Event()

            async def watch(block: bytes) -> None:
                if marker in block and not gone.is_set():
                    gone.set()
                    await asyncio.to_thread(go)

            async def return_later() -> None:
                await gone.wait()
                await asyncio.sleep(GAP_SECONDS)  # the gap itself is what is tested
                await asyncio.to_thread(come)

            self.proxy.gate = watch
            returning = asyncio.create_task(return_later())
            try:
                yield
                assert gone.is_set(), "what was watched for was not sent"
                await returning
            finally:
                self.proxy.gate = None
                returning.cancel()
                stack.close()
                await asyncio.to_thread(self.postgres.start)

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[Ledger]:
        """Open the ledger without the line."""
        async with open_ledger(self.url) as ledger:
            yield ledger

    async def ends_well(self, **states: int) -> None:
        """Assert where the submissions stand, that every run is closed and nothing paid twice."""
        async with self.ledger() as ledger:
            assert {s.value: n for s, n in (await ledger.states()).items()} == states
            await ledger.check(self.emulator.jobs())
            open_runs = "SELECT count(*) FROM runs WHERE ended_at IS NULL"
            assert await ledger.sql.fetchval(open_runs) == 0
        assert self.emulator.meter()["media_types_with_more_than_one_job"]["count"] == 0


@pytest.fixture
async def house(
    own_postgres: Stoppable, start_emulator: Callable[[str], Emulator], tmp_path: Path
) -> AsyncIterator[House]:
    """A command line whose PostgreSQL may go."""
    emulator = start_emulator("jobs.finished_after_seconds = 0.5")
    home = tmp_path / "home"
    home.mkdir()
    with own_postgres.server.database() as url:
        async with proxy_to(url) as proxy:
            settings = {
                "VOD_BATCH_DATABASE_URL": f"{proxy.url}&connect_timeout=2",
                "VOD_BATCH_ENDPOINT": emulator.url, "VOD_BATCH_QPS": "1000",
                "VOD_BATCH_POLL_QPS": "1000", "VOD_BATCH_PREFLIGHT_QPS": "1000",
                "VOD_BATCH_LOOKUP_QPS": "1000", "VOD_BATCH_CANARY": "2",
            }  # fmt: skip
            yield House(own_postgres, url, Console(home, settings | KEY), emulator, proxy)


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    """A list of a few media."""
    return str(write_csv(tmp_path / "list.csv", (media(n) for n in range(MEDIA))))


def _as_sent(name: str) -> bytes:
    return statement(name).splitlines()[0].encode()


HOW = pytest.mark.parametrize(
    "how", ["stopped", pytest.param("frozen", marks=pytest.mark.overnight)]
)


def _one_and_overnight(first: object, *others: object) -> list[object]:
    """Return cases of which every change runs the first, and the long run all."""
    return [first, *(pytest.param(other, marks=pytest.mark.overnight) for other in others)]


@HOW
@pytest.mark.parametrize(
    "marker",
    _one_and_overnight(b"COPY", _as_sent("insert_batch"), _as_sent("known_elsewhere")),
)
async def test_a_load(house: House, manifest: str, how: str, marker: bytes) -> None:
    """It starts again from the file's beginning, unless it was committed."""
    async with house.away(how, marker):
        told = json.loads((await house.run("load", manifest, "--json")).stdout)
    assert told["counts"]["submissions"] == MEDIA
    assert told["known"] is None
    await house.ends_well(pending=MEDIA)


async def test_a_load_of_a_pipe(house: House, manifest: str) -> None:
    """What came is kept until the load is committed."""
    text = Path(manifest).read_bytes()
    async with house.away("stopped", b"COPY"):
        await asyncio.to_thread(house.console.run, "load", "-", stdin=text)
    await house.ends_well(pending=MEDIA)


@HOW
@pytest.mark.parametrize("name", _one_and_overnight("list_open_jobs", "record_polls", "expire"))
async def test_a_reconcile(house: House, manifest: str, how: str, name: str) -> None:
    """It follows the jobs to their end, and says how many ended."""
    await house.run("load", manifest)
    await house.run("submit", code=0)
    async with house.away(how, _as_sent(name)):
        told = json.loads((await house.run("reconcile", "--json")).stdout)
    assert told["ended"] == {"succeeded": MEDIA}
    await house.ends_well(succeeded=MEDIA)


@pytest.mark.parametrize(
    ("words", "name", "states"),
    [
        (("retry", "--all", "--yes"), "retry_selection", {"pending": 3}),
        pytest.param(
            ("retry", "--all", "--yes"),
            "survey_selection",
            {"pending": 3},
            marks=pytest.mark.overnight,
        ),
        pytest.param(
            ("cancel", "--all", "--yes"),
            "cancel_selection",
            {"failed": 3},
            marks=pytest.mark.overnight,
        ),
    ],
)
@HOW
async def test_an_operators_word(
    house: House, how: str, words: tuple[str, ...], name: str, states: dict[str, int]
) -> None:
    """It is carried out once, and says to how many."""
    async with house.ledger() as ledger:
        for number in range(3):
            await ledger.put(number, State.FAILED)
        if "cancel" in words:
            await ledger.add(range(3, 6))
            states = states | {"cancelled": 3}
    async with house.away(how, _as_sent(name)):
        told = json.loads((await house.run(*words, "--json")).stdout)
    assert told["done"] == 3
    async with house.ledger() as ledger:
        assert {s.value: n for s, n in (await ledger.states()).items()} == states
        await ledger.check()


@HOW
async def test_an_export(house: House, manifest: str, how: str) -> None:
    """Every row comes once."""
    await house.run("load", manifest)
    whole = (await house.run("export")).stdout
    async with house.away(how, _as_sent("export")):
        assert (await house.run("export")).stdout == whole


STEPS = {
    "begin": _as_sent("begin"),
    "load": b"COPY",
    "preflight": _as_sent("record_media"),
    "canary": _as_sent("open_canaries"),
    "verdict": _as_sent("judge_canary"),
    "record": _as_sent("record"),
    "reconcile": _as_sent("list_open_jobs"),
    "write-down": b"UPDATE runs\n",
    "look back": _as_sent("list_batches"),
}
"""What each step of a night asks, as it goes over the line."""


@pytest.fixture
def shift(house: House, tmp_path: Path) -> Shift:
    """A night shift of this house, with a list in its inbox."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    shift = Shift(house.console, house.emulator, inbox)
    shift.drop("list.csv", range(MEDIA))
    return shift


@pytest.mark.parametrize("step", _one_and_overnight(*STEPS))
async def test_a_night(house: House, shift: Shift, step: str) -> None:
    """In whichever step: it does all of its work, and its row is closed."""
    async with house.away("stopped", STEPS[step]):
        told = await asyncio.to_thread(shift.facts)
    assert told["exit_code"] == 0
    assert told["loads"][0]["counts"]["submissions"] == MEDIA
    assert told["preflight"]["looked_at"] == MEDIA
    assert told["canaries"][0]["verdict"] == "passed"
    assert house.emulator.submits() == MEDIA
    await house.ends_well(succeeded=MEDIA)


@pytest.mark.overnight
@pytest.mark.parametrize("step", ["load", "begin", "reconcile"])
async def test_a_night_whose_postgres_freezes(house: House, shift: Shift, step: str) -> None:
    """It takes every byte and answers none, until it goes on."""
    async with house.away("frozen", STEPS[step]):
        await asyncio.to_thread(shift.facts)
    await house.ends_well(succeeded=MEDIA)


@pytest.mark.overnight
@HOW
async def test_a_report(house: House, shift: Shift, how: str) -> None:
    """The page is the one that is shown without it."""
    await asyncio.to_thread(shift.run)
    whole = (await house.run("report")).stdout
    async with house.away(how, _as_sent("newest_run")):
        assert (await house.run("report")).stdout == whole
