"""A media's story in lines of text."""

from collections.abc import Iterator, Sequence

from batch.core.states import State
from batch.show.cost_story import StoryCost
from batch.show.story import Attempt, Move, PastHold, Story, SubmissionStory
from batch.show.text.parts import at, money


def story_lines(story: Story) -> Iterator[str]:
    """Show the whole story of a media, submission by submission."""
    count = len(story.submissions)
    yield (
        f"{story.media_id} in {story.account}/{story.region}: "
        f"{count} submission{'s' if count > 1 else ''}"
    )
    for submission in story.submissions:
        yield ""
        yield from _submission_lines(submission)


def _submission_lines(story: SubmissionStory) -> Iterator[str]:
    yield f"{story.job_type}, campaign {story.campaign}" + (
        f", config {story.config}" if story.config else ""
    )
    loaded = f" on {at(story.loaded_at)}" if story.loaded_at else ""
    yield f"  from      {story.source or 'a batch that is gone'}, line {story.line}"
    yield f"  loaded    as batch {story.batch}{loaded}, priority {story.priority}"
    if story.user_data:
        yield f"  data      {story.user_data}"
    yield f"  state     {story.state}: {story.means}"
    for number, rule in enumerate(story.holding):
        yield f"  {'now' if number == 0 else '':<9} {rule}"
    if story.job_id:
        yield f"  job       {story.job_id}, request {story.request_id or 'not known'}"
    yield from _part(
        "attempts", [line for attempt in story.attempts for line in _attempt_lines(attempt, story)]
    )
    yield from _part("history", [_move_line(move) for move in story.history])
    yield from _part("holds", [_past_hold_line(hold) for hold in story.holds])
    yield from _part("cost", [*_cost_lines(story.cost)] if story.cost else [])


def _part(title: str, lines: Sequence[str]) -> Iterator[str]:
    """Show one part of the story; a part without lines is not there."""
    if lines:
        yield f"  {title}"
        for line in lines:
            yield f"    {line}"


def _attempt_lines(attempt: Attempt, story: SubmissionStory) -> Iterator[str]:
    silent = "on the wire" if story.state == State.SUBMITTING else "no answer is recorded"
    ended = f" to {attempt.ended_at:%H:%M:%S}" if attempt.ended_at else ""
    facts = [
        attempt.outcome or silent,
        f"HTTP {attempt.http_status}" if attempt.http_status else None,
        attempt.code,
        attempt.message,
    ]
    yield f"{attempt.lease}. {at(attempt.begun_at)}{ended}: {', '.join(f for f in facts if f)}"
    yield f"   nonce {attempt.nonce}, signed {at(attempt.signed_at)}"
    if attempt.request_id or attempt.job_ids:
        jobs = f", JobId {', '.join(attempt.job_ids)}" if attempt.job_ids else ""
        yield f"   RequestId {attempt.request_id or 'not known'}{jobs}"
    if attempt.replayed_at:
        yield f"   the identical request was sent once more at {at(attempt.replayed_at)}"
    if attempt.closed_by:
        why = "its job failed, or is not its own, so it is not charged"
        yield f"   closed by {attempt.closed_by}: {why}"


def _move_line(move: Move) -> str:
    why = f" ({move.reason})" if move.reason else ""
    return f"{at(move.at)}  {move.from_state} -> {move.to_state} by {move.actor}{why}"


def _past_hold_line(hold: PastHold) -> str:
    what = {"target": "whole target", "batch": "its batch"}.get(hold.scope, "by itself")
    end = f"until {at(hold.released_at)} by {hold.released_by}" if hold.released_at else "still"
    return f"{at(hold.held_at)}  {what} held by {hold.held_by} ({hold.reason}), {end}"


def _cost_lines(cost: StoryCost) -> Iterator[str]:
    length = "of unknown length" if cost.seconds is None else f"of {cost.seconds / 60:,.2f} min"
    price = "no price" if cost.price is None else f"{money(cost.price)} {cost.currency} a minute"
    yield f"{cost.bound}: {length}, {price}"
    yield f"begun on {cost.spent_on} by run {cost.run_id}"
