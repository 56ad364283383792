"""What operators, loads and looks do with each of their writing statements."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from batch.core.canary import CanaryVerdict
from batch.core.existing import FoundJob
from batch.core.learnt import Learnt
from batch.core.states import State
from batch.core.unseen import UnseenWord
from batch.errors import ExitCode
from batch.ledger.canaries import Canaries
from batch.ledger.database import Database
from batch.ledger.existing import ExistingLedger, JobLook
from batch.ledger.first_runs import FirstRuns
from batch.ledger.learnt import Lessons
from batch.ledger.loading import load_manifest
from batch.ledger.media import Aside, Look, MediaLooks
from batch.ledger.operators import Operators
from batch.ledger.runs import Runs
from batch.ledger.terms import keep_terms
from batch.ledger.unseen import KeptWords
from batch.submit.planning import Planner
from tests.support.ledger import DNA, media, write_csv
from tests.support.lost_world import BOTH, PRICED, RUN, Act, Cases, World

_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
CASES = Cases()


@CASES.of("accept_first_run")
async def _first_run(world: World) -> Act:
    return lambda: world.of(FirstRuns).accept("operator")


@CASES.of("adopt_existing")
async def _adopt(world: World) -> Act:
    [row] = await world.ledger.add([1])
    job = FoundJob("job-1", media(1), DNA, False, None, _LONG_AGO)
    return lambda: world.of(ExistingLedger).adopt([(row, job)], "test")


@CASES.of("put_off_existing")
async def _put_off(world: World) -> Act:
    [row] = await world.ledger.add([1])
    return lambda: world.of(ExistingLedger).put_off(
        {row: "why"}, "Existing.Waits", timedelta(minutes=9), "test"
    )


@CASES.of("record_found_jobs", "record_job_looks", "record_sample")
async def _looks(world: World) -> Act:
    await world.ledger.add([1])
    batch = await world.ledger.sql.fetchval("SELECT id FROM batches")
    job = FoundJob("job-1", media(1), DNA, True, None, _LONG_AGO)

    async def look() -> None:
        await world.of(ExistingLedger).record_looks([JobLook(media(1), (job,), timedelta(days=1))])
        await world.of(ExistingLedger).record_sample((batch, DNA), has_hit=True)

    return look


@CASES.of("record_media", "set_aside", "put_off_status")
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


@CASES.of("keep_unseen_words")
async def _words(world: World) -> Act:
    word = UnseenWord("SubmitAIJob", "Code", "Strange", "media", 3)
    return lambda: world.of(KeptWords).keep([word])


@CASES.of("keep_learnt")
async def _learnt(world: World) -> Act:
    return lambda: world.of(Lessons).add(Learnt(newest_first=True))


@CASES.of("start_run", "end_run")
async def _run(world: World) -> Act:
    async def run() -> None:
        await world.of(Runs).start(RUN, "submit", "here", 1, {})
        await world.of(Runs).end(RUN, "nothing due", ExitCode.DONE, 3, {})

    return run


@CASES.of("correct_amounts")
async def _lengths(world: World) -> Act:
    await world.doubts(1, 2)
    await world.of(MediaLooks).record([Look(media(1), "Normal", Decimal(30))])

    async def correct() -> None:
        looks = world.of(MediaLooks)
        async for those in looks.lengthless(9, _LONG_AGO):
            await looks.correct(those)

    return correct


@CASES.of("keep_terms")
async def _terms(world: World) -> Act:
    return lambda: keep_terms(world.database, world.ledger.store.target, {"budget": "9"})


@CASES.of("close_lost_runs")
async def _lost_run(world: World) -> Act:
    await Runs(world.ledger.database, world.ledger.store.target).start(
        RUN, "nightly", "here", 1, {}
    )
    return lambda: world.of(Runs).close_lost(0.0, has_lock=True)


@CASES.of("fix_plan")
async def _plan(world: World) -> Act:
    await world.ledger.add([1, 2])

    def planner(database: Database) -> Planner:
        return Planner(
            database, world.ledger.store.target, PRICED.prices, rate=9.0, longest=Decimal(60)
        )

    due = await planner(world.ledger.database).plan()
    return lambda: planner(world.database).fix(due.hash, RUN)


@CASES.of("open_canaries", "fix_canaries", "judge_canary")
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


@CASES.of("hold_target", "release_target", "mark_commit")
async def _hold_target(world: World) -> Act:
    await world.ledger.add([1])

    async def hold() -> object:
        operators = world.of(Operators)
        held = await operators.hold_target("why", "operator")
        return held, await operators.release_target("enough", "operator")

    return hold


@CASES.of("hold_batch", "mark_held_batch", "release_batch", "free_batch")
async def _hold_batch(world: World) -> Act:
    await world.ledger.add([1, 2])
    batch = await world.ledger.sql.fetchval("SELECT id FROM batches")

    async def hold() -> object:
        operators = world.of(Operators)
        held = await operators.hold_batch(batch, "why", "operator")
        return held, await operators.release_batch(batch, "enough", "operator")

    return hold


@CASES.of("hold_selection", "release_selection", "close_holds")
async def _hold_rows(world: World) -> Act:
    await world.ledger.add([1, 2])

    async def hold() -> object:
        operators = world.of(Operators)
        held = await operators.hold(BOTH, "why", "operator")
        return held, await operators.release(BOTH, "enough", "operator")

    return hold


@CASES.of("retry_selection")
async def _retry(world: World) -> Act:
    for number, state in enumerate((State.FAILED, State.REJECTED, State.DEAD)):
        await world.ledger.put(number, state)
    return lambda: world.of(Operators).retry(BOTH, "why", "operator")


@CASES.of("cancel_selection")
async def _cancel(world: World) -> Act:
    await world.ledger.add([1, 2])
    return lambda: world.of(Operators).cancel(BOTH, "why", "operator")


@CASES.of("stage", "take_ids", "insert_batch", "insert_submissions", "count_batch")
async def _load(world: World) -> Act:
    path = write_csv(world.home / "list.csv", [media(n) for n in (1, 2, 2)])

    async def load() -> object:
        target = world.ledger.store.target
        report = await load_manifest(world.database, target, str(path), world.ledger.settings)
        return report.known, report.counts

    return load
