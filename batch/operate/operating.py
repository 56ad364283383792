"""An operator's command on many submissions: previewed first, then carried out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from batch.core.models import JobType
from batch.core.states import State
from batch.errors import UsageError
from batch.ledger.operators import Operators, RetryWay, Selection, Surveyed
from batch.operate.selecting import Command, Selectors, reason_text


class Scope(StrEnum):
    """What a command applies to: single rows, or a batch or the target as a whole."""

    ROWS = "rows"
    BATCH = "batch"
    TARGET = "target"


BECOMES = {
    Command.RETRY: "due again",
    Command.CANCEL: "cancelled, for good",
    Command.PAUSE: "held",
    Command.RESUME: "free to be sent",
}
"""What becomes of what a command moves."""


@dataclass(frozen=True, slots=True)
class Group:
    """Submissions that a command treats alike; ``why`` says why it leaves them alone.

    ``in_doubt`` says that a retry brings them into doubt: no certain refusal came.
    """

    state: State
    job_type: JobType
    batch: int
    count: int
    why: str | None
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a command would do: the groups it moves, those it leaves alone, further notes.

    ``has_effect`` is false when carrying it out would change nothing.
    """

    command: Command
    scope: Scope
    selection: Selection
    reason: str
    moved: tuple[Group, ...]
    left: tuple[Group, ...]
    notes: tuple[str, ...]
    has_effect: bool

    @property
    def count(self) -> int:
        """How many submissions would be moved."""
        return sum(group.count for group in self.moved)

    @property
    def doubt_count(self) -> int:
        """How many of those that are moved would come into doubt."""
        return sum(group.count for group in self.moved if group.in_doubt)

    @property
    def left_count(self) -> int:
        """How many selected submissions would stay as they are."""
        return sum(group.count for group in self.left)


async def preview(
    operators: Operators,
    command: Command,
    selectors: Selectors,
    selection: Selection,
    why: str | None,
) -> Change:
    """Return what ``command`` would do now, and change nothing; ``why`` is the operator's reason.

    Raises:
        UsageError: the batch, or a media id of the command line, is not in the target.
    """
    await _check_names(operators, selectors)
    scope = _scope(command, selection)
    holds = await operators.holds()
    is_target_held = any(hold.scope == "target" for hold in holds)
    is_batch_held = any(hold.batch_id == selection.batch for hold in holds if hold.batch_id)
    now = _Now(scope, is_target_held)
    moved: list[Group] = []
    left: list[Group] = []
    for found in await operators.survey(selection):
        stays = _REASONS[command](found, now)
        in_doubt = command is Command.RETRY and found.retry_way is RetryWay.DOUBT
        group = Group(found.state, found.job_type, found.batch, found.count, stays, in_doubt)
        (left if stays else moved).append(group)
    notes = [
        *await _unknown_notes(operators, selectors, selection),
        *_hold_notes(command, scope, moved, is_target_held=is_target_held),
    ]
    return Change(
        command,
        scope,
        selection,
        reason_text(command, selectors, selection, why),
        tuple(_merged(moved)),
        tuple(_merged(left)),
        tuple(notes),
        _has_effect(
            now, command, moved, is_held=is_target_held if scope is Scope.TARGET else is_batch_held
        ),
    )


@dataclass(frozen=True, slots=True)
class Done:
    """How many submissions a command moved; ``in_doubt`` of them are in doubt now."""

    count: int
    in_doubt: int = 0


async def carry_out(operators: Operators, change: Change, actor: str) -> Done:
    """Carry out ``change`` in the name of ``actor``; return what was moved.

    Rows that moved since the preview are left alone, or join in, by their state now.
    """
    reason, selection = change.reason, change.selection
    match change.command, change.scope:
        case Command.RETRY, _:
            due, in_doubt = await operators.retry(selection, reason, actor)
            return Done(due + in_doubt, in_doubt)
        case Command.CANCEL, _:
            return Done(await operators.cancel(selection, reason, actor))
        case Command.PAUSE, Scope.ROWS:
            return Done(await operators.hold(selection, reason, actor))
        case Command.PAUSE, Scope.TARGET:
            await operators.hold_target(reason, actor)
        case Command.RESUME, Scope.TARGET:
            await operators.release_target(reason, actor)
        case Command.RESUME, Scope.ROWS:
            return Done(await operators.release(selection, reason, actor))
        case _:
            assert selection.batch is not None
            if change.command is Command.PAUSE:
                await operators.hold_batch(selection.batch, reason, actor)
            else:
                await operators.release_batch(selection.batch, reason, actor)
                await operators.release(selection, reason, actor)
    return Done(change.count)


def _scope(command: Command, selection: Selection) -> Scope:
    if command in (Command.PAUSE, Command.RESUME):
        if selection.is_everything:
            return Scope.TARGET
        if selection.is_one_batch:
            return Scope.BATCH
    return Scope.ROWS


async def _check_names(operators: Operators, selectors: Selectors) -> None:
    if selectors.batch is not None and not await operators.has_batch(selectors.batch):
        raise UsageError(f"this target has no batch {selectors.batch}; see: vod-batch status")
    await operators.insist_on_known(selectors.media_ids)


async def _unknown_notes(
    operators: Operators, selectors: Selectors, selection: Selection
) -> list[str]:
    if selectors.ids is None or selection.media is None:
        return []
    unknown = await operators.unknown_media(selection.media)
    if not unknown:
        return []
    named = ", ".join(unknown[:_SHOWN_IDS]) + (" ..." if len(unknown) > _SHOWN_IDS else "")
    return [f"{len(unknown):,} media of the file have no submission in this target: {named}"]


_SHOWN_IDS = 3


def _hold_notes(
    command: Command, scope: Scope, moved: Sequence[Group], *, is_target_held: bool
) -> list[str]:
    if command is Command.RESUME and scope is not Scope.TARGET and is_target_held and moved:
        return ["the whole target is held: nothing is sent until: vod-batch resume --all"]
    return []


def _has_effect(now: "_Now", command: Command, moved: Sequence[Group], *, is_held: bool) -> bool:
    """Return whether there is anything to do; a hold on the whole counts even without rows."""
    if now.scope is Scope.ROWS:
        return bool(moved)
    return bool(moved) or (command is Command.RESUME) == is_held


def _merged(groups: Sequence[Group]) -> list[Group]:
    """Add up groups that read the same."""
    counts: dict[Group, int] = {}
    for group in groups:
        key = replace(group, count=0)
        counts[key] = counts.get(key, 0) + group.count
    return [replace(key, count=count) for key, count in counts.items()]


@dataclass(frozen=True, slots=True)
class _Now:
    """The part of the target's state that decides about a command."""

    scope: Scope
    is_target_held: bool


_ENDED = "it has ended"
_ON_THE_WIRE = "its request is on the wire"
_PERHAPS_PAID = "perhaps paid: vod-batch reconcile, or decide with vod-batch resolve"
_NOT_RETRIED = {
    State.PENDING: "it is to be sent anyway",
    State.SUBMITTING: _ON_THE_WIRE,
    State.IN_DOUBT: _PERHAPS_PAID,
    State.SUBMITTED: "its job has not ended",
    State.SUCCEEDED: "done and paid; to pay again, load it under another --campaign",
    State.CANCELLED: "withdrawn for good; to send it after all, load it under another --campaign",
}
_NOT_CANCELLED = {
    State.SUBMITTING: _ON_THE_WIRE,
    State.IN_DOUBT: _PERHAPS_PAID,
    State.SUBMITTED: "its job exists and cannot be taken back",
}


def _why_not_retried(found: Surveyed, _now: _Now) -> str | None:
    if found.state is State.PENDING and (found.is_held or found.batch_is_held):
        return "it is held; release it with vod-batch resume"
    if found.retry_way is RetryWay.WAITS:
        return (
            "perhaps paid, and another submission of its media and type is to be settled first: "
            "vod-batch reconcile, then say it again"
        )
    return _NOT_RETRIED.get(found.state)


def _why_not_cancelled(found: Surveyed, _now: _Now) -> str | None:
    return None if found.state is State.PENDING else _NOT_CANCELLED.get(found.state, _ENDED)


def _why_not_paused(found: Surveyed, now: _Now) -> str | None:
    if found.state is not State.PENDING:
        if found.state is State.IN_DOUBT and now.scope is not Scope.ROWS:
            return "it is settled all the same, and held should it be due again"
        return _NOT_CANCELLED.get(found.state, _ENDED)
    if now.scope is Scope.TARGET:
        return "the target is held already" if now.is_target_held else None
    return "it is held already" if found.is_held or found.batch_is_held else None


def _why_not_resumed(found: Surveyed, now: _Now) -> str | None:
    if found.state is not State.PENDING:
        return "it is not waiting to be sent"
    if found.batch_is_held and now.scope is not Scope.BATCH:
        return f"its batch is held: vod-batch resume --batch {found.batch}"
    if now.scope is Scope.TARGET:
        return _why_not_resumed_with_target(found, now)
    return None if found.is_held or found.batch_is_held else "it is not held"


def _why_not_resumed_with_target(found: Surveyed, now: _Now) -> str | None:
    if found.is_held:
        return "it is held by itself: see vod-batch status"
    return None if now.is_target_held else "it is not held"


_REASONS: Mapping[Command, Callable[[Surveyed, _Now], str | None]] = {
    Command.RETRY: _why_not_retried,
    Command.CANCEL: _why_not_cancelled,
    Command.PAUSE: _why_not_paused,
    Command.RESUME: _why_not_resumed,
}
