"""How a media's story, and what an operator's word would do, read on a terminal."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from batch.core.states import State
from batch.ledger.operators import Hold
from batch.operate.operating import BECOMES, Change, Done, Group, Scope
from batch.operate.selecting import Command
from batch.show.story import Attempt, Move, PastHold, Story, SubmissionStory

_SHOWN_GROUPS = 20
"""As many groups of a change as are listed one by one."""


def story_lines(story: Story) -> Iterator[str]:
    """Tell the whole story of a media, submission by submission."""
    count = len(story.submissions)
    yield (
        f"{story.media_id} in {story.account}/{story.region}: "
        f"{count} submission{'s' if count > 1 else ''}"
    )
    for submission in story.submissions:
        yield ""
        yield from _submission_lines(submission)


def _submission_lines(told: SubmissionStory) -> Iterator[str]:
    yield f"{told.job_type}, campaign {told.campaign}" + (
        f", config {told.config}" if told.config else ""
    )
    loaded = f" on {_at(told.loaded_at)}" if told.loaded_at else ""
    yield f"  from      {told.source or 'a batch that is gone'}, line {told.line}"
    yield f"  loaded    as batch {told.batch}{loaded}, priority {told.priority}"
    if told.user_data:
        yield f"  data      {told.user_data}"
    yield f"  state     {told.state}: {told.means}"
    for number, rule in enumerate(told.holding):
        yield f"  {'now' if number == 0 else '':<9} {rule}"
    if told.job_id:
        yield f"  job       {told.job_id}, request {told.request_id or 'not known'}"
    yield from _part(
        "attempts", [line for one in told.attempts for line in _attempt_lines(one, told)]
    )
    yield from _part("history", [_move_line(one) for one in told.history])
    yield from _part("holds", [_past_hold_line(one) for one in told.holds])
    for section in told.sections:
        yield from _part(section.title, section.lines)


def _part(title: str, lines: Sequence[str]) -> Iterator[str]:
    """Show one part of the story; a part without lines is not there."""
    if lines:
        yield f"  {title}"
        for line in lines:
            yield f"    {line}"


def _attempt_lines(attempt: Attempt, told: SubmissionStory) -> Iterator[str]:
    silent = "on the wire" if told.state == State.SUBMITTING else "no answer is recorded"
    ended = f" to {attempt.ended_at:%H:%M:%S}" if attempt.ended_at else ""
    facts = [
        attempt.outcome or silent,
        f"HTTP {attempt.http_status}" if attempt.http_status else None,
        attempt.code,
        attempt.message,
    ]
    yield f"{attempt.lease}. {_at(attempt.begun_at)}{ended}: {', '.join(f for f in facts if f)}"
    yield f"   nonce {attempt.nonce}, signed {_at(attempt.signed_at)}"
    if attempt.request_id or attempt.job_ids:
        jobs = f", JobId {', '.join(attempt.job_ids)}" if attempt.job_ids else ""
        yield f"   RequestId {attempt.request_id or 'not known'}{jobs}"
    if attempt.replayed_at:
        yield f"   the identical request was sent once more at {_at(attempt.replayed_at)}"
    if attempt.closed_by:
        why = "its job failed, or is not its own, so it is not charged"
        yield f"   closed by {attempt.closed_by}: {why}"


def _move_line(move: Move) -> str:
    why = f" ({move.reason})" if move.reason else ""
    return f"{_at(move.at)}  {move.from_state} -> {move.to_state} by {move.actor}{why}"


def _past_hold_line(hold: PastHold) -> str:
    what = {"target": "whole target", "batch": "its batch"}.get(hold.scope, "by itself")
    end = f"until {_at(hold.released_at)} by {hold.released_by}" if hold.released_at else "still"
    return f"{_at(hold.held_at)}  {what} held by {hold.held_by} ({hold.reason}), {end}"


def change_lines(change: Change, *, dry_run: bool) -> Iterator[str]:
    """Say what a command would do."""
    verb = "would be" if dry_run else "will be"
    count, becomes = change.count, BECOMES[change.command]
    yield f"{_head(change)}: {count:,} {_submissions(count)} {verb} {becomes}"
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
        f"{change.command}: {whole.get(change.scope, '')}{count:,} {_submissions(count)} "
        f"{'are' if count != 1 else 'is'} {BECOMES[change.command]}"
        + (f", {done.in_doubt:,} in doubt: run vod-batch reconcile" if done.in_doubt else "")
    )


def hold_line(hold: Hold) -> str:
    """Show one open hold, and how to let it go."""
    what, words = {
        "target": ("the whole target", " --all"),
        "batch": (f"batch {hold.batch_id}", f" --batch {hold.batch_id}"),
    }.get(hold.scope, ("single submissions", " MEDIA_ID, or as they were selected"))
    return (
        f"held: {what}, {hold.rows:,} {_submissions(hold.rows)}, since {_at(hold.held_at)} by "
        f"{hold.held_by} ({hold.reason}); let go with: vod-batch resume{words}"
    )


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


def _submissions(count: int) -> str:
    return "submission" if count == 1 else "submissions"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
