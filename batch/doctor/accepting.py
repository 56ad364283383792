"""What an operator may accept by name, once, where a start would stop: ``doctor --accept NAME``."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from batch.errors import UsageError
from batch.ledger.first_runs import FirstRuns
from batch.ledger.lineage import accept_failover
from batch.ledger.recovery import accept_journal
from batch.ledger.store import Store
from batch.reconcile.resolving import operator_name
from batch.session import open_session
from batch.settings import Settings


@dataclass(frozen=True, slots=True)
class Acceptable:
    """Something that only an operator may let pass.

    ``means`` is what the operator says with it, shown before the question. ``accept`` writes it
    down and returns one line: what is accepted now. ``look``, where given, returns lines that show
    how things stand; it changes nothing.
    """

    means: str
    accept: Callable[[Settings], Coroutine[Any, Any, str]]
    look: Callable[[Settings], Coroutine[Any, Any, list[str]]] | None = None


async def _accept_first_run(settings: Settings) -> str:
    async with open_session(settings) as session:
        await FirstRuns(session.database, session.target).accept(operator_name())
    return f"accepted: the first run of {_target(settings)} from {settings.ledger_name} may pay"


async def _look_at_first_run(settings: Settings) -> list[str]:
    async with open_session(settings) as session:
        is_ahead = await FirstRuns(session.database, session.target).is_ahead()
        counts = await Store(session.database, session.target).count_states()
    return [
        f"target {_target(settings)}, ledger {settings.ledger_name}: "
        f"{sum(counts.values()):,} submission(s), "
        + ("none sent so far" if is_ahead else "sent from already, or accepted before")
    ]


async def _accept_failover(settings: Settings) -> str:
    async with open_session(settings) as session:
        return await accept_failover(session.database, session.target, settings.journal_path)


async def _accept_journal(settings: Settings) -> str:
    async with open_session(settings) as session:
        return await accept_journal(
            session.database, session.target, settings.journal_path, session.spending
        )


def _target(settings: Settings) -> str:
    return f"{settings.account}/{settings.region}"


ACCEPTABLE: dict[str, Acceptable] = {
    "first-run": Acceptable(
        "this is the right ledger, although the cloud knows jobs of its media that it does not: "
        "what another ledger has paid for may be paid again",
        _accept_first_run,
        _look_at_first_run,
    ),
    "failover": Acceptable(
        "the database may go on although it went back: what other machines sent and it forgot may "
        "be paid again",
        _accept_failover,
    ),
    "journal": Acceptable(
        "a start may go on without the journal lines that cannot be read: what only those knew may "
        "be paid again",
        _accept_journal,
    ),
}


def find_acceptable(name: str) -> Acceptable:
    """Return what ``name`` accepts. Raises UsageError with the names that there are."""
    try:
        return ACCEPTABLE[name]
    except KeyError:
        known = ", ".join(sorted(ACCEPTABLE))
        raise UsageError(f"--accept takes one of: {known}; not {name!r}") from None
