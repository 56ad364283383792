"""Begin: which rows are claimed, in what order, and never twice."""

import asyncio
from collections.abc import Sequence

import pytest

from batch.core.models import Claim
from batch.core.states import State
from batch.ledger.statements import statement
from tests.support.ledger import DNA, TAG, UNPRICED_ARGUMENTS, Ledger, media, utc_now

CONFIG = '{"DNADBId":"x"}'


def _ids(claims: Sequence[Claim]) -> list[int]:
    return [member.id for claim in claims for member in claim.members]


async def test_a_claim_commits_its_intent(ledger: Ledger) -> None:
    """A claimed row is being sent under a new lease; its attempt names nonce, time and worker."""
    (submission,) = await ledger.add([1])
    worker = await ledger.worker()
    (claim,) = await ledger.begin(worker=worker)
    row, (attempt,) = await ledger.row(submission), await ledger.attempts(submission)
    assert (row["state"], row["lease"], row["attempts"]) == (State.SUBMITTING, 1, 1)
    assert row["worker_id"] == attempt["worker_id"] == worker
    assert (attempt["nonce"], attempt["signed_at"]) == (claim.nonce, claim.signed_at)
    assert (attempt["lease"], attempt["outcome"], attempt["ended_at"]) == (1, None, None)
    assert (claim.media_id, claim.types) == (media(1), (DNA,))


async def test_both_types_of_a_media_go_in_one_request(ledger: Ledger) -> None:
    """Two types of one media make one claim, one nonce and two attempts."""
    await ledger.add([1, 2], DNA, TAG)
    claims = await ledger.begin(4)
    assert [claim.types for claim in claims] == [(DNA, TAG)] * 2
    for claim in claims:
        nonces = {(await ledger.attempts(m.id))[0]["nonce"] for m in claim.members}
        assert nonces == {claim.nonce}
    assert len({claim.nonce for claim in claims}) == 2


async def test_types_of_different_configurations_go_apart(ledger: Ledger) -> None:
    """A request carries one Config, so two types with different ones are two requests."""
    await ledger.add([1], DNA)
    await ledger.add([1], TAG, config=CONFIG)
    claims = await ledger.begin()
    assert sorted((claim.types, claim.config) for claim in claims) == [
        ((DNA,), None),
        ((TAG,), CONFIG),
    ]


async def test_a_type_that_is_not_due_stays_behind(ledger: Ledger) -> None:
    """The partner type joins only when it is due itself."""
    _, tag = await ledger.add([1], DNA, TAG)
    await ledger.sql.execute(
        "UPDATE submissions SET due_at = now() + interval '1 hour' WHERE id = $1", tag
    )
    (claim,) = await ledger.begin()
    assert claim.types == (DNA,)


async def test_priority_comes_first_then_the_manifest_order(ledger: Ledger) -> None:
    """Higher priority is sent first; among equals the order of the manifest holds."""
    ordinary = await ledger.add(range(3))
    urgent = await ledger.add(range(10, 13), priority=5)
    late = await ledger.add(range(20, 22), priority=-1)
    claimed = [_ids(await ledger.begin(2)) for _ in range(4)]
    assert [one for turn in claimed for one in turn] == urgent + ordinary + late


@pytest.mark.parametrize(("rows", "claimed"), [(0, 0), (1, 1), (3, 3), (100, 6)])
async def test_no_more_rows_than_asked_for(ledger: Ledger, rows: int, claimed: int) -> None:
    """The cap on rows holds exactly, even where it cuts a pair of types."""
    await ledger.add(range(3), DNA, TAG)
    assert len(_ids(await ledger.begin(10, rows=rows))) == claimed
    assert (await ledger.states()).get(State.SUBMITTING, 0) == claimed


async def test_no_more_requests_than_nonces(ledger: Ledger) -> None:
    """A begin makes at most one request a permit."""
    await ledger.add(range(5))
    assert len(await ledger.begin(3)) == 3


async def test_a_row_waits_for_its_due_time(ledger: Ledger) -> None:
    """Not due by the database's clock: left alone; due by it: claimed."""
    (submission,) = await ledger.add([1])
    put_off = "UPDATE submissions SET due_at = now() + make_interval(secs => $1)"
    await ledger.sql.execute(put_off, 60.0)
    assert await ledger.begin() == []
    await ledger.sql.execute(put_off, 0.0)
    assert _ids(await ledger.begin()) == [submission]


async def test_a_paused_target_begins_nothing(ledger: Ledger) -> None:
    """While the account is paused no worker claims; a longer pause is never cut short."""
    await ledger.add([1])
    await ledger.store.start_cooldown(3600)
    await ledger.store.start_cooldown(1)
    assert await ledger.begin() == []
    passes = "UPDATE targets SET cooldown_until = cooldown_until - make_interval(secs => $1)"
    await ledger.sql.execute(passes, 3500.0)
    assert await ledger.begin() == []
    await ledger.sql.execute(passes, 200.0)
    assert len(await ledger.begin()) == 1


@pytest.mark.parametrize("state", [State.SUBMITTING, State.IN_DOUBT])
@pytest.mark.parametrize("other", [{"campaign": "again"}, {"config": CONFIG}])
async def test_a_media_waits_while_a_sibling_is_unresolved(
    ledger: Ledger, state: State, other: dict[str, str]
) -> None:
    """Another campaign or configuration of the same media and type waits for the unresolved one."""
    await ledger.put(1, state)
    (sibling,) = await ledger.add([1], **other)  # type: ignore[arg-type]
    (elsewhere,) = await ledger.add([2], **other)  # type: ignore[arg-type]
    assert _ids(await ledger.begin()) == [elsewhere]
    assert await ledger.state(sibling) is State.PENDING


@pytest.mark.parametrize(
    "state", sorted(set(State) - {State.SUBMITTING, State.IN_DOUBT, State.PENDING})
)
async def test_a_settled_sibling_holds_nobody_up(ledger: Ledger, state: State) -> None:
    """Once the other one is settled, the same media and type may go again in another campaign."""
    await ledger.put(1, state)
    (sibling,) = await ledger.add([1], campaign="again")
    assert _ids(await ledger.begin()) == [sibling]


async def test_two_campaigns_of_a_media_are_never_begun_together(ledger: Ledger) -> None:
    """Of two pending rows of the same media and type one begin claims the first only."""
    (first,) = await ledger.add([1])
    await ledger.add([1], campaign="again")
    await ledger.add([1], campaign="third", priority=-1)
    assert _ids(await ledger.begin()) == [first]
    assert await ledger.begin() == []


async def test_a_type_in_doubt_does_not_hold_up_the_other_type(ledger: Ledger) -> None:
    """What waits is the same media and type, not the whole media."""
    await ledger.put(1, State.IN_DOUBT)
    (tag,) = await ledger.add([1], TAG)
    assert _ids(await ledger.begin()) == [tag]


async def test_a_locked_row_is_skipped(ledger: Ledger) -> None:
    """A row that somebody holds locked makes no begin wait; the next rows are claimed."""
    first, second = await ledger.add([1, 2])
    async with ledger.sql.transaction():
        await ledger.sql.execute("SELECT FROM submissions WHERE id = $1 FOR UPDATE", first)
        assert _ids(await ledger.begin()) == [second]
    assert _ids(await ledger.begin()) == [first]


async def test_a_begin_that_is_not_committed_hides_its_rows(ledger: Ledger) -> None:
    """While one begin is still open, another one claims other rows; rolled back, they are due."""
    ids = await ledger.add(range(4))
    worker = await ledger.worker()
    open_one = ledger.sql.transaction()
    await open_one.start()
    held = await ledger.sql.fetch(
        statement("begin"), ledger.store.target.id, 2, worker, ["a" * 32, "b" * 32], utc_now(),
        None, 100, *UNPRICED_ARGUMENTS,
    )  # fmt: skip
    assert [row["id"] for row in held] == ids[:2]
    assert _ids(await ledger.begin(10)) == ids[2:]
    await open_one.rollback()
    assert _ids(await ledger.begin(10)) == ids[:2]


async def test_begins_at_once_never_claim_a_row_twice(ledger: Ledger) -> None:
    """Many begins on many connections at once share the rows out, each row once."""
    ids = await ledger.add(range(60), DNA, TAG)
    workers = [await ledger.worker() for _ in range(4)]

    async def claim_all(worker: int) -> list[int]:
        claimed: list[int] = []
        while claims := await ledger.begin(3, worker=workers[worker]):
            claimed += _ids(claims)
        return claimed

    shares = await asyncio.gather(*map(claim_all, range(4)))
    rest = _ids(await ledger.begin(100))  # what was locked by others just when each one looked
    assert sorted([one for share in shares for one in share] + rest) == ids
    assert {row["lease"] for row in await ledger.rows()} == {1}
    await ledger.check()


_PREPARE = """
PREPARE begin (int, int, uuid, text[], timestamptz, timestamptz, int,
               text, text, numeric, uuid, text, numeric, numeric, numeric, bigint, uuid, text,
               int, bigint) AS
"""
_EXECUTE = """
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)
EXECUTE begin ({target}, 32, '{worker}', '{{{nonces}}}', now(), NULL, 1000,
               'CNY', '{{}}', NULL, '{worker}', 'UTC', NULL, NULL, NULL, NULL, NULL, NULL,
               NULL, NULL)
"""


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_begin_walks_its_index(ledger: Ledger, mode: str) -> None:
    """Among 50,000 pending rows begin reads the few it needs, by the index made for it.

    So it does whether it is planned once, as a worker's connection does it, or for its values.
    """
    await ledger.sql.execute(
        "INSERT INTO submissions (target_id, batch_id, line, media_id, job_type, config_key, "
        "campaign, priority) SELECT $1, 1, n, md5(n::text), 'AIMediaDNA', '', 'default', 0 "
        "FROM generate_series(1, 50000) n",
        ledger.store.target.id,
    )
    await ledger.sql.execute("ANALYZE submissions")
    worker = await ledger.worker()
    nonces = ",".join(f"{n:032x}" for n in range(32))
    await ledger.sql.execute(f"SET plan_cache_mode = {mode}")
    await ledger.sql.execute(_PREPARE + statement("begin"))
    execute = _EXECUTE.format(target=ledger.store.target.id, worker=worker, nonces=nonces)
    async with ledger.sql.transaction():
        plan = await ledger.sql.fetch(execute)
    text = "\n".join(row[0] for row in plan)
    assert "Index Scan using submissions_begin" in text
    assert "Seq Scan on submissions" not in text
