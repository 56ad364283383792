"""What an operator's command would do, and has done, in lines of text."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from batch.operate.operating import BECOMES, Change, Done, Group, Scope
from batch.operate.selecting import Command
from batch.show.text.parts import submissions

_SHOWN_GROUPS = 20
"""As many groups of a change as are listed one by one."""


def change_lines(change: Change, *, dry_run: bool) -> Iterator[str]:
    """Say what a command would do."""
    verb = "would be" if dry_run else "will be"
    count, becomes = change.count, BECOMES[change.command]
    yield f"{_head(change)}: {count:,} {submissions(count)} {verb} {becomes}"
    yield from _group_lines(change.moved)
    if change.left:
        yield f"left alone: {change.left_count:,}"
        yield from _group_lines(change.left)
    yield from change.notes
    if change.doubt_count:
        yield (
            f"{change.doubt_count:,} of these come into doubt: their last answer was no certain "
            "refusal, so a job may exist; vod-batch reconcile looks for it, and makes due again "
            "what has none"
        )
    if change.command is Command.RETRY and change.count:
        yield "each is sent again and charged if its job succeeds; a failed job was not charged"


def done_line(change: Change, done: Done) -> str:
    """Say what a word has done."""
    count = done.count - done.in_doubt
    whole = {Scope.TARGET: "the whole target, ", Scope.BATCH: f"batch {change.selection.batch}, "}
    return (
        f"{change.command}: {whole.get(change.scope, '')}{count:,} {submissions(count)} "
        f"{'are' if count != 1 else 'is'} {BECOMES[change.command]}"
        + (f", {done.in_doubt:,} in doubt: run vod-batch reconcile" if done.in_doubt else "")
    )


def change_facts(change: Change, done: Done, *, dry_run: bool, changed: bool) -> dict[str, object]:
    """Return the same as plain values, for scripts."""
    return {
        "word": change.command,
        "scope": change.scope,
        "reason": change.reason,
        "dry_run": dry_run,
        "changed": changed,
        "count": change.count,
        "done": done.count,
        "in_doubt": done.in_doubt if changed else change.doubt_count,
        "moved": [asdict(group) for group in change.moved],
        "left": [asdict(group) for group in change.left],
        "notes": change.notes,
    }


def _head(change: Change) -> str:
    if change.scope is Scope.TARGET:
        return f"{change.command} of the whole target"
    return change.reason.partition(":")[0]


def _group_lines(groups: Sequence[Group]) -> Iterator[str]:
    for group in groups[:_SHOWN_GROUPS]:
        why = f"  {group.why or 'into doubt: no certain refusal'}"
        why = why if group.why or group.in_doubt else ""
        what = f"{group.state:<10}  {group.job_type:<10}  batch {group.batch}"
        yield f"  {group.count:>9,}  {what}{why}"
    if len(groups) > _SHOWN_GROUPS:
        rest = sum(group.count for group in groups[_SHOWN_GROUPS:])
        yield f"  {rest:>9,}  in {len(groups) - _SHOWN_GROUPS} more groups"
