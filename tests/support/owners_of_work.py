"""What a worker and the reconciler do with each of their writing statements."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from batch.core.configuration import config_key
from batch.core.models import Worker
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.errors import DatabaseUnavailableError
from batch.ledger.doubts import Doubts, Poll, Settlement
from batch.ledger.failover import CatchUp
from batch.ledger.journal_lines import Intent, JournaledAnswer
from batch.ledger.owners import Owned, Owners
from batch.ledger.restoring import Restorer
from batch.ledger.targets import bind_service, open_target
from batch.submit.claiming import BeginRules, Claims
from tests.support.ledger import DNA, UNPRICED, media, utc_now
from tests.support.lost_world import PRICED, WORKER, Act, Cases, World

_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
CASES = Cases()


@CASES.of("open_target")
async def _target(world: World) -> Act:
    return lambda: open_target(world.database, "another", "test")


@CASES.of("bind_service")
async def _service(world: World) -> Act:
    return lambda: bind_service(world.database, world.store.target, "cloud")


@CASES.of("beat", "end_worker")
async def _life(world: World) -> Act:
    async def live() -> None:
        await world.store.beat(Worker(WORKER, "here", 1))
        await world.store.end_worker(WORKER)

    return live


@CASES.of("start_cooldown")
async def _pause(world: World) -> Act:
    async def pause() -> None:
        with suppress(DatabaseUnavailableError):  # whoever pauses waits for no ledger
            await world.store.start_cooldown(60.0)

    return pause


@CASES.of("open_periods")
async def _periods(world: World) -> Act:
    return lambda: world.store.open_periods(PRICED)


@CASES.of("take_slots")
async def _slots(world: World) -> Act:
    async def reserve() -> None:
        await world.store.take_slots(3, 0.1)

    return reserve


@CASES.of("follow_clock")
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


@CASES.of("begin")
async def _begin(world: World) -> Act:
    await world.ledger.add([1, 2])
    worker = Worker(WORKER, "here", 1)
    await world.ledger.store.beat(worker)
    await world.ledger.store.open_periods(PRICED)
    catch_up = CatchUp(world.database, world.store, worker, world.home, PRICED, silence=60.0)
    claims = Claims(world.database, world.store, worker, BeginRules(PRICED), catch_up)
    return lambda: claims.begin(2, 9)


@CASES.of("give_back")
async def _give_back(world: World) -> Act:
    claims = await world.claim(1, 2)
    return lambda: world.store.give_back(WORKER, [claim.nonce for claim in claims])


@CASES.of("expire")
async def _expire(world: World) -> Act:
    await world.claim(1, 2)
    await world.ledger.store.end_worker(WORKER)
    return lambda: world.store.expire(60.0, "test")


@CASES.of("admit_waiting")
async def _admit(world: World) -> Act:
    [claim] = await world.claim(1)
    await world.ledger.store.give_back(WORKER, [claim.nonce])
    await world.ledger.sql.execute("UPDATE submissions SET is_waiting = true")
    return lambda: world.store.expire(60.0, "test")


@CASES.of("adopt_strays")
async def _strays(world: World) -> Act:
    [claim] = await world.claim(1)
    await world.ledger.store.give_back(WORKER, [claim.nonce])
    await world.ledger.sql.execute("UPDATE attempts SET is_stray = true, job_id = 'job-1'")
    return lambda: world.store.adopt_strays("test")


@CASES.of("record")
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


@CASES.of("settle")
async def _settle(world: World) -> Act:
    claims = await world.doubts(1, 2)
    (a, b) = (claim.members[0] for claim in claims)
    settlements = [
        Settlement(a.id, a.lease, "job-a", "found"),
        Settlement(b.id, b.lease, None, "no job", is_absent=True),
    ]
    return lambda: world.of(Doubts).settle(settlements, "test", 1)


@CASES.of("take_up_doubts", "note_doubts")
async def _note(world: World) -> Act:
    [claim] = await world.doubts(1)

    async def note() -> object:
        found = await world.of(Doubts).take_up(claim.media_id)
        await world.of(Doubts).note({found[0].id: "waits"})
        return [doubt.id for doubt in found]

    return note


@CASES.of("mark_replayed")
async def _mark(world: World) -> Act:
    await world.doubts(1)
    group = await Doubts(world.ledger.database, world.ledger.store.target).list_doubts()

    async def mark() -> bool:
        age = await world.of(Doubts).mark_replayed(group, "key", timedelta(minutes=14))
        return age is not None

    return mark


@CASES.of("confirm_replay")
async def _confirm(world: World) -> Act:
    return lambda: world.of(Doubts).confirm_replay(refused=True)


@CASES.of("record_polls")
async def _polls(world: World) -> Act:
    ids = [await world.ledger.put(n, State.SUBMITTED) for n in (1, 2)]
    polls = [
        Poll(ids[0], f"job-{ids[0]}", State.SUCCEEDED, ended_at=_LONG_AGO),
        Poll(ids[1], f"job-{ids[1]}", None),
    ]
    return lambda: world.of(Doubts).record_polls(polls, "test")


@CASES.of("disown")
async def _disown(world: World) -> Act:
    row = await world.ledger.put(1, State.SUBMITTED)
    owned = Owned(row, media(1), DNA, "default", f"job-{row}")
    return lambda: world.of(Owners).disown([(owned, "not its own")], "operator")


@CASES.of(
    "open_journal_batch", "restore_submissions", "restore_attempts", "mark_journal", "declare_dead"
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
    intents[0].answers.append(JournaledAnswer(DNA, accepted))

    async def restore() -> object:
        restorer = Restorer(world.database, target, "journal", UNPRICED)
        touched = await restorer.restore(intents)
        await restorer.mark(WORKER, 99)
        await restorer.declare_dead(WORKER)
        return touched, restorer.forgotten

    return restore
