"""For every writing statement, what its owner does with it: prepared, then done, once."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from batch.core.budget import Budgets, Spending
from batch.core.canary import CanaryVerdict
from batch.core.configuration import config_key
from batch.core.existing import FoundJob
from batch.core.learnt import Learnt
from batch.core.models import Claim, Worker
from batch.core.pricing import PriceList
from batch.core.states import State
from batch.core.unseen import UnseenWord
from batch.core.verdict import Verdict
from batch.engine.claiming import BeginRules, Claims
from batch.engine.loading import load_manifest
from batch.engine.planning import Planner
from batch.errors import DatabaseUnavailableError, ExitCode
from batch.ledger.canaries import Canaries
from batch.ledger.database import Database
from batch.ledger.doubts import Doubts, Poll, Settlement
from batch.ledger.existing import ExistingLedger, JobLook
from batch.ledger.failover import CatchUp
from batch.ledger.first_runs import FirstRuns
from batch.ledger.journal_lines import Answer, Intent
from batch.ledger.learnt import Lessons
from batch.ledger.media import Aside, Look, MediaLooks
from batch.ledger.operators import Operators, Selection
from batch.ledger.owners import Owned, Owners
from batch.ledger.restoring import Restorer
from batch.ledger.runs import Runs
from batch.ledger.store import Store
from batch.ledger.unseen import KeptWords
from tests.support.ledger import DNA, UNPRICED, Ledger, media, utc_now, write_csv

WORKER = UUID(int=1)
RUN = UUID(int=2)
BOTH = Selection()
PRICED = Spending(
    RUN, PriceList("CNY", {DNA: Decimal("0.1")}), Decimal(60), "UTC", Budgets(run=Decimal(9))
)
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """A ledger to prepare, and the line to it on which an answer is lost."""

    ledger: Ledger
    database: Database
    home: Path

    @property
    def store(self) -> Store:
        """The worker's side, over the line."""
        return Store(self.database, self.ledger.store.target)

    def of(self, kind: Callable[..., Any]) -> Any:
        """Return one of the target's tables, over the line."""
        return kind(self.database, self.ledger.store.target)

    async def claim(self, *numbers: int) -> list[Claim]:
        """Add media and begin them; their nonces are the same in every world."""
        await self.ledger.add(numbers)
        await self.ledger.store.beat(Worker(WORKER, "here", 1))
        await self.ledger.store.open_periods(PRICED)
        nonces = [f"{number:032x}" for number in numbers]
        return await self.ledger.store.begin(
            WORKER, nonces, utc_now(), most_rows=9, spending=PRICED, access_key_id="key"
        )

    async def doubts(self, *numbers: int) -> list[Claim]:
        """Begin media, and leave them in doubt."""
        claims = await self.claim(*numbers)
        verdicts = [Verdict(m.id, m.lease, "in_doubt", State.IN_DOUBT) for c in claims
                    for m in c.members]  # fmt: skip
        await self.ledger.store.record(verdicts, "test")
        return claims


Act = Callable[[], Awaitable[object]]
Case = Callable[[World], Awaitable[Act]]
CASES: dict[str, Case] = {}
"""By statement: prepares a world, and returns what the owner then does."""


def _case(*names: str) -> Callable[[Case], Case]:
    def keep(case: Case) -> Case:
        CASES.update(dict.fromkeys(names, case))
        return case

    return keep


@_case("accept_first_run")
async def _first_run(world: World) -> Act:
    return lambda: world.of(FirstRuns).accept("operator")


@_case("open_target")
async def _target(world: World) -> Act:
    async def open_one() -> object:
        return (await Store.open(world.database, "another", "test")).target

    return open_one


@_case("bind_service")
async def _service(world: World) -> Act:
    return lambda: world.store.bind_service("cloud")


@_case("beat", "end_worker")
async def _life(world: World) -> Act:
    async def live() -> None:
        await world.store.beat(Worker(WORKER, "here", 1))
        await world.store.end_worker(WORKER)

    return live


@_case("pause_target")
async def _pause(world: World) -> Act:
    async def pause() -> None:
        with suppress(DatabaseUnavailableError):  # whoever pauses waits for no ledger
            await world.store.pause(60.0)

    return pause


@_case("open_periods")
async def _periods(world: World) -> Act:
    return lambda: world.store.open_periods(PRICED)


@_case("reserve_slots")
async def _slots(world: World) -> Act:
    async def reserve() -> None:
        await world.store.reserve(3, 0.1)

    return reserve


@_case("follow_clock")
async def _set_back(world: World) -> Act:
    """The rows that wait for an hour wait so much less, once."""
    await world.ledger.add([1, 2])
    await world.ledger.sql.execute("UPDATE submissions SET due_at = now() + interval '3 hours'")
    await world.ledger.sql.execute(
        "UPDATE targets SET next_slot_at = now() + interval '1 hour', slots_lead = '0'"
    )

    async def follow() -> bool:
        await world.store.expire(60.0, "test")
        waits = "SELECT min(due_at) > now() + interval '90 minutes' FROM submissions"
        return bool(await world.ledger.sql.fetchval(waits))

    return follow


@_case("begin")
async def _begin(world: World) -> Act:
    await world.ledger.add([1, 2])
    worker = Worker(WORKER, "here", 1)
    await world.ledger.store.beat(worker)
    await world.ledger.store.open_periods(PRICED)
    catch_up = CatchUp(world.database, world.store, worker, world.home, PRICED, silence=60.0)
    claims = Claims(world.database, world.store, worker, BeginRules(PRICED), catch_up)
    return lambda: claims.begin(2, 9)


@_case("give_back")
async def _give_back(world: World) -> Act:
    claims = await world.claim(1, 2)
    return lambda: world.store.give_back(WORKER, [claim.nonce for claim in claims])


@_case("expire")
async def _expire(world: World) -> Act:
    await world.claim(1, 2)
    await world.ledger.store.end_worker(WORKER)
    return lambda: world.store.expire(60.0, "test")


@_case("admit_waiting")
async def _admit(world: World) -> Act:
    [claim] = await world.claim(1)
    await world.ledger.store.give_back(WORKER, [claim.nonce])
    await world.ledger.sql.execute("UPDATE submissions SET is_waiting = true")
    return lambda: world.store.expire(60.0, "test")


@_case("adopt_strays")
async def _strays(world: World) -> Act:
    [claim] = await world.claim(1)
    await world.ledger.store.give_back(WORKER, [claim.nonce])
    await world.ledger.sql.execute("UPDATE attempts SET is_stray = true, job_id = 'job-1'")
    return lambda: world.store.adopt_strays("test")


@_case("record")
async def _record(world: World) -> Act:
    """One accepted with further jobs, one refused, one given back, one whose job is another's."""
    claims = await world.claim(1, 2, 3, 4)
    a, b, c, d = (claim.members[0] for claim in claims)
    verdicts = [
        Verdict(a.id, a.lease, "accepted", State.SUBMITTED, job_id="job-a",
                further_job_ids=("job-x", "job-y")),
        Verdict(b.id, b.lease, "refused", State.REJECTED, code="No", is_certain=True),
        Verdict(c.id, c.lease, "throttled", State.PENDING, due_in_seconds=9.0, counts=False),
        Verdict(d.id, d.lease, "accepted", State.SUBMITTED, job_id="job-a"),
    ]  # fmt: skip

    async def record() -> None:
        await world.store.record(verdicts, "test")

    return record


@_case("settle")
async def _settle(world: World) -> Act:
    claims = await world.doubts(1, 2)
    (a, b) = (claim.members[0] for claim in claims)
    settlements = [
        Settlement(a.id, a.lease, "job-a", "found"),
        Settlement(b.id, b.lease, None, "no job", is_absent=True),
    ]
    return lambda: world.of(Doubts).settle(settlements, "test", 1)


@_case("take_up_doubts", "note_doubts")
async def _note(world: World) -> Act:
    [claim] = await world.doubts(1)

    async def note() -> object:
        found = await world.of(Doubts).take_up(claim.media_id)
        await world.of(Doubts).note({found[0].id: "waits"})
        return [doubt.id for doubt in found]

    return note


@_case("mark_replayed")
async def _mark(world: World) -> Act:
    await world.doubts(1)
    group = await Doubts(world.ledger.database, world.ledger.store.target).list_doubts()

    async def mark() -> bool:
        age = await world.of(Doubts).mark_replayed(group, "key", timedelta(minutes=14))
        return age is not None

    return mark


@_case("confirm_replay")
async def _confirm(world: World) -> Act:
    return lambda: world.of(Doubts).confirm_replay(refused=True)


@_case("record_polls")
async def _polls(world: World) -> Act:
    ids = [await world.ledger.put(n, State.SUBMITTED) for n in (1, 2)]
    polls = [
        Poll(ids[0], f"job-{ids[0]}", State.SUCCEEDED, ended_at=_LONG_AGO),
        Poll(ids[1], f"job-{ids[1]}", None),
    ]
    return lambda: world.of(Doubts).record_polls(polls, "test")


@_case("disown")
async def _disown(world: World) -> Act:
    row = await world.ledger.put(1, State.SUBMITTED)
    owned = Owned(row, media(1), DNA, "default", f"job-{row}")
    return lambda: world.of(Owners).disown([(owned, "not its own")], "operator")


@_case("adopt_existing")
async def _adopt(world: World) -> Act:
    [row] = await world.ledger.add([1])
    job = FoundJob("job-1", media(1), DNA, False, None, _LONG_AGO)
    return lambda: world.of(ExistingLedger).adopt([(row, job)], "test")


@_case("put_off_existing")
async def _put_off(world: World) -> Act:
    [row] = await world.ledger.add([1])
    return lambda: world.of(ExistingLedger).put_off(
        {row: "why"}, "Existing.Waits", timedelta(minutes=9), "test"
    )


@_case("record_found_jobs", "record_job_looks", "record_sample")
async def _looks(world: World) -> Act:
    await world.ledger.add([1])
    batch = await world.ledger.sql.fetchval("SELECT id FROM batches")
    job = FoundJob("job-1", media(1), DNA, True, None, _LONG_AGO)

    async def look() -> None:
        await world.of(ExistingLedger).record_looks([JobLook(media(1), (job,), timedelta(days=1))])
        await world.of(ExistingLedger).record_sample((batch, DNA), has_hit=True)

    return look


@_case("record_media", "set_aside", "put_off_status")
async def _preflight(world: World) -> Act:
    await world.ledger.add([1, 2, 3])
    asides = [
        Aside(media(1), "Preflight.NotFound", "gone", None),
        Aside(media(2), "Preflight.Uploading", "later", 3600.0),
    ]

    async def look() -> object:
        looks = world.of(MediaLooks)
        await looks.record([Look(media(3), "Strange", Decimal(9))])
        aside = await looks.set_aside(asides, "test")
        later = Aside("", "Preflight.strange", "later", 3600.0)
        return aside, await looks.put_off("strange", later, "test")

    return look


@_case("keep_unseen_words")
async def _words(world: World) -> Act:
    word = UnseenWord("SubmitAIJob", "Code", "Strange", "media", 3)
    return lambda: world.of(KeptWords).keep([word])


@_case("keep_learnt")
async def _learnt(world: World) -> Act:
    return lambda: world.of(Lessons).add(Learnt(newest_first=True))


@_case("start_run", "end_run")
async def _run(world: World) -> Act:
    async def run() -> None:
        await world.of(Runs).start(RUN, "submit", "here", 1, {})
        await world.of(Runs).end(RUN, "nothing due", ExitCode.DONE, 3, {})

    return run


@_case("close_lost_runs")
async def _lost_run(world: World) -> Act:
    await Runs(world.ledger.database, world.ledger.store.target).start(
        RUN, "nightly", "here", 1, {}
    )
    return lambda: world.of(Runs).close_lost(0.0, has_lock=True)


@_case("fix_plan")
async def _plan(world: World) -> Act:
    await world.ledger.add([1, 2])

    def planner(database: Database) -> Planner:
        return Planner(
            database, world.ledger.store.target, PRICED.prices, rate=9.0, longest=Decimal(60)
        )

    due = await planner(world.ledger.database).plan()
    return lambda: planner(world.database).fix(due.hash, RUN)


@_case("open_canaries", "fix_canaries", "judge_canary")
async def _canaries(world: World) -> Act:
    await world.ledger.add(range(9))
    batch = await world.ledger.sql.fetchval("SELECT id FROM batches")

    async def judge() -> object:
        canaries = world.of(Canaries)
        await canaries.choose(2)
        await canaries.fix(RUN)
        open_ones = await canaries.unjudged()
        await canaries.judge(batch, CanaryVerdict.PASSED)
        return open_ones

    return judge


@_case("hold_target", "release_target", "mark_commit")
async def _hold_target(world: World) -> Act:
    await world.ledger.add([1])

    async def hold() -> object:
        operators = world.of(Operators)
        held = await operators.hold_target("why", "operator")
        return held, await operators.release_target("enough", "operator")

    return hold


@_case("hold_batch", "mark_held_batch", "release_batch", "free_batch")
async def _hold_batch(world: World) -> Act:
    await world.ledger.add([1, 2])
    batch = await world.ledger.sql.fetchval("SELECT id FROM batches")

    async def hold() -> object:
        operators = world.of(Operators)
        held = await operators.hold_batch(batch, "why", "operator")
        return held, await operators.release_batch(batch, "enough", "operator")

    return hold


@_case("hold_selection", "release_selection", "close_holds")
async def _hold_rows(world: World) -> Act:
    await world.ledger.add([1, 2])

    async def hold() -> object:
        operators = world.of(Operators)
        held = await operators.hold(BOTH, "why", "operator")
        return held, await operators.release(BOTH, "enough", "operator")

    return hold


@_case("retry_selection")
async def _retry(world: World) -> Act:
    for number, state in enumerate((State.FAILED, State.REJECTED, State.DEAD)):
        await world.ledger.put(number, state)
    return lambda: world.of(Operators).retry(BOTH, "why", "operator")


@_case("cancel_selection")
async def _cancel(world: World) -> Act:
    await world.ledger.add([1, 2])
    return lambda: world.of(Operators).cancel(BOTH, "why", "operator")


@_case("stage", "take_ids", "insert_batch", "insert_submissions", "count_batch")
async def _load(world: World) -> Act:
    path = write_csv(world.home / "list.csv", [media(n) for n in (1, 2, 2)])

    async def load() -> object:
        target = world.ledger.store.target
        report = await load_manifest(world.database, target, str(path), world.ledger.settings)
        return report.known, report.counts

    return load


@_case(
    "open_journal_batch", "restore_submissions", "restore_attempts", "mark_journal", "bury_worker"
)
async def _restore(world: World) -> Act:
    """One request that was answered and one that was not, of a database that knows neither."""
    target = world.ledger.store.target
    intents = [
        Intent(WORKER, target.account, target.region, f"{n:032x}", utc_now(), media(n),
               {DNA: config_key(None, DNA)}, "default", None, None, (DNA,))
        for n in (1, 2)
    ]  # fmt: skip
    accepted = Verdict(0, 0, "accepted", State.SUBMITTED, job_id="job-1")
    intents[0].answers.append(Answer(DNA, accepted))

    async def restore() -> object:
        restorer = Restorer(world.database, target, "journal", UNPRICED)
        touched = await restorer.restore(intents)
        await restorer.mark(WORKER, 99)
        await restorer.bury(WORKER)
        return touched, restorer.forgotten

    return restore
