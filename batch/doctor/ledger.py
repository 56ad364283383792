"""The database: its version, its rights, its clock, the way to it, and what waits in it."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from batch.core.models import Target
from batch.doctor.check import Check, not_checked
from batch.doctor.cloud import TOLERATED_SKEW
from batch.doctor.configuration import check_money, check_types
from batch.doctor.stuck import check_stuck
from batch.errors import ConfigurationError, ExitCode, VodBatchError
from batch.ledger import inspection
from batch.ledger.database import Database
from batch.ledger.doubts import Doubts
from batch.ledger.inspection import ServerFacts
from batch.ledger.migrate import check_version
from batch.ledger.targets import bound_service, find_target, open_target
from batch.ledger.terms import read_terms
from batch.settings import Settings
from batch.settings.terms import agree

OLDEST, NEWEST = 14, 18
"""The major versions of PostgreSQL that every change is tried on."""


async def check_ledger(
    settings: Settings, now: Callable[[], datetime], *, refuses_nonces: bool | None
) -> AsyncIterator[Check]:
    """Look at the database; write down ``refuses_nonces`` where it was seen."""
    try:
        database = await Database.open(settings, check_schema=False)
    except VodBatchError as error:
        yield _failed("database", error)
        return
    try:
        async for check in _check_open(database, settings, now, refuses_nonces):
            yield check
    except VodBatchError as error:
        yield _failed("database", error)
    finally:
        await database.close()


async def _check_open(
    database: Database,
    settings: Settings,
    now: Callable[[], datetime],
    refuses_nonces: bool | None,
) -> AsyncIterator[Check]:
    facts = await inspection.server_facts(database, now)
    yield _check_server(facts)
    yield _check_clock(facts.clock_skew)
    yield _check_commits(facts.commits)
    yield await _check_line(database, settings, now, facts)
    if not facts.may_enter:
        fix = "run deploy/sql/roles.sql (docs/deploy.md), or connect as vod_batch_worker"
        detail = f"{facts.role} lacks USAGE on the schema"
        yield Check("database rights", detail, fix, ExitCode.PERMISSION)
        return
    yield (schema := await _check_schema(database))
    if not schema.passed:
        yield not_checked("database rights", "the schema does not fit")
        return
    yield await _check_rights(database, facts)
    try:
        async for check in _check_target(database, settings, refuses_nonces):
            yield check
    except VodBatchError as error:
        yield _failed("waiting types", error)


def _check_server(facts: ServerFacts) -> Check:
    detail = f"PostgreSQL {facts.version}, {facts.database} as {facts.role}"
    if not OLDEST <= facts.major <= NEWEST:
        fix = f"use PostgreSQL {OLDEST} to {NEWEST}"
        return Check("database", detail, fix, ExitCode.CONFIGURATION)
    if facts.is_read_only:
        fix = "point VOD_BATCH_DATABASE_URL at the primary"
        return Check("database", f"{detail}: read-only", fix, ExitCode.UNAVAILABLE)
    return Check("database", detail)


def _check_clock(skew: timedelta) -> Check:
    detail = f"{skew.total_seconds():+.1f} s from ours"
    if abs(skew) > TOLERATED_SKEW:
        fix = "set both machines' clocks, with NTP for instance"
        return Check("database clock", detail, fix, ExitCode.CONFIGURATION)
    return Check("database clock", detail)


def _check_commits(commits: str) -> Check:
    """Report a server that may forget what it called committed; our own sessions insist."""
    detail = f"synchronous_commit is {commits}"
    if commits in ("on", "remote_apply"):
        return Check("database commits", detail)
    fix = "set synchronous_commit = on for this role and database"
    return Check("database commits", f"{detail}; a run raises it to on for itself", fix)


async def _check_line(
    database: Database, settings: Settings, now: Callable[[], datetime], facts: ServerFacts
) -> Check:
    """See whether a pooler is in the way, and whether the direct way leads to the same place.

    A pooler that serves by turns and is not declared lets nobody in (:class:`Database`); one that
    keeps sessions need not be declared.
    """
    name = "database line"
    if not settings.database_url:
        return Check(name, "the embedded server's own socket")
    try:
        direct = await inspection.direct_facts(database, now)
        keeps_locks = not direct.through_pooler or await inspection.keeps_sessions(database)
    except VodBatchError as error:
        return _failed(name, error)
    fix = "set VOD_BATCH_DATABASE_DIRECT_URL to the same database, around the pooler"
    if not keeps_locks:
        detail = "a pooler is in the direct way too: no lock of a night can be held"
        return Check(name, detail, fix, ExitCode.CONFIGURATION)
    if direct.place != facts.place:
        detail = f"the direct way leads to another database ({direct.database})"
        return Check(name, detail, fix, ExitCode.CONFIGURATION)
    if settings.database_pooled and facts.through_pooler:
        return Check(name, "pooled, with a direct way beside it")
    return Check(name, "a pooler that keeps sessions" if facts.through_pooler else "direct")


async def _check_schema(database: Database) -> Check:
    try:
        version = await database.version()
        check_version(version)
    except VodBatchError as error:
        fix = "run deploy/sql/roles.sql again" if error.exit_code is ExitCode.PERMISSION else _FIT
        return Check("schema", str(error), fix, error.exit_code)
    return Check("schema", version)


async def _check_rights(database: Database, facts: ServerFacts) -> Check:
    missing = await inspection.missing_rights(database)
    if not missing:
        return Check("database rights", f"{facts.role} may do all that a run does")
    detail = f"{facts.role} lacks {', '.join(missing)}"
    fix = "run deploy/sql/roles.sql again (docs/deploy.md), or connect as vod_batch_worker"
    return Check("database rights", detail, fix, ExitCode.PERMISSION)


async def _check_target(
    database: Database, settings: Settings, refuses_nonces: bool | None
) -> AsyncIterator[Check]:
    find = find_target if refuses_nonces is None else open_target
    target = await find(database, settings.account, settings.region)
    yield await _check_money(database, settings, target)
    if target is None:
        name = f"{settings.account}/{settings.region} is new: its first load makes it"
        yield Check("target", name)
        yield _replay(None)
        return
    yield _check_service(settings, await bound_service(database, target))
    waiting = await inspection.waiting_types(database, target)
    fix = "withdraw those rows with vod-batch cancel --type"
    yield check_types("waiting types", settings.region, waiting, fix)
    async for check in check_stuck(database, target, settings):
        yield check
    doubts = Doubts(database, target)
    if refuses_nonces is not None:
        await doubts.confirm_replay(refused=refuses_nonces)
    yield _replay(await doubts.replay_confirmed_at())


async def _check_money(database: Database, settings: Settings, target: Target | None) -> Check:
    """Look at prices and budgets in force, those that the target has kept among them."""
    try:
        terms = agree(settings, await read_terms(database, target) if target else {})
    except ConfigurationError as error:
        return _failed("money", error)
    return check_money(terms.settings, terms.kept)


def _check_service(settings: Settings, bound: str | None) -> Check:
    name = f"{settings.account}/{settings.region}"
    if bound not in (None, settings.counterpart):
        detail = f"{name} belongs to the {bound}, and the endpoint is the {settings.counterpart}"
        fix = "check VOD_BATCH_ENDPOINT, or name another target with VOD_BATCH_ACCOUNT"
        return Check("target", detail, fix, ExitCode.CONFIGURATION)
    return Check("target", f"{name}, {f'of the {bound}' if bound else 'nothing sent yet'}")


def _replay(confirmed_at: datetime | None) -> Check:
    if confirmed_at:
        return Check("replay", f"allowed, confirmed on {confirmed_at:%Y-%m-%d %H:%M} UTC")
    return Check("replay", "off; to allow it, run: vod-batch doctor --confirm-replay")


_FIT = "upgrade both to one version, with vod-batch migrate or another vod-batch"


def _failed(name: str, error: VodBatchError) -> Check:
    """Show an error, whose message says what is wrong and, after its last semicolon, what to do."""
    what, _, fix = str(error).rpartition("; ")
    return Check(name, what or fix, fix if what else "", error.exit_code)
