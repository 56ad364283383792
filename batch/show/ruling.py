"""What a submission's state means, and the rule that holds it now, each with its command."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from batch.core.doubt import DATE_WINDOW
from batch.core.states import State
from batch.ledger.owners import JOB_UNKNOWN

MEANS = {
    State.PENDING: "it is to be sent",
    State.SUBMITTING: "a request is, or may be, on the wire",
    State.SUBMITTED: "the cloud took it; its job has not ended, as far as we know",
    State.IN_DOUBT: "a request was, or may have been, received, and its outcome is not known",
    State.SUCCEEDED: "the cloud says that the job succeeded",
    State.FAILED: "the cloud says that the job failed; a failed job is not charged",
    State.REJECTED: "refused for good before any job existed",
    State.DEAD: "never sent: every attempt failed to leave this machine",
    State.CANCELLED: "withdrawn by an operator while it was still to be sent",
}
"""What each state means, as in ``docs/states.md``."""


@dataclass(frozen=True, slots=True)
class HeldBy:
    """An open hold over a submission; the time is UTC."""

    scope: str
    held_at: datetime
    held_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides about a submission, at ``now`` by the database's clock. All times are UTC.

    ``waits_for`` names an unresolved submission of the same media and type. ``signed_at``,
    ``was_replayed`` are of its last attempt. ``settle`` is how long after ``signed_at`` finding no
    job proves absence; a worker without a heartbeat for ``worker_silence`` counts as dead.
    ``carried_over`` is why the newest run ended that might have sent it. ``is_perhaps_paid``: it is
    rejected or dead, and no certain refusal came. ``is_set_back``: it goes behind all others.
    """

    media_id: str
    state: State
    batch: int
    is_due: bool
    due_at: datetime
    attempts: int
    max_attempts: int
    cooldown_until: datetime | None
    waits_for: str | None
    held_by: tuple[HeldBy, ...]
    job_id: str | None
    code: str | None
    message: str | None
    reason: str | None
    signed_at: datetime | None
    was_replayed: bool
    replay_confirmed: bool
    settle: timedelta
    polled_at: datetime | None
    worker: str | None
    worker_seen_at: datetime | None
    worker_silence: timedelta
    now: datetime
    carried_over: str | None = None
    is_perhaps_paid: bool = False
    is_waiting: bool = False
    is_set_back: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the state means, and every rule that holds the submission where it is."""

    means: str
    holding: tuple[str, ...]


def rule(facts: Facts) -> Ruling:
    """Return what holds a submission; more than one rule may, and all of them are returned."""
    rules = {
        State.PENDING: _pending,
        State.SUBMITTING: _submitting,
        State.IN_DOUBT: _in_doubt,
        State.SUBMITTED: _submitted,
        State.SUCCEEDED: _succeeded,
        State.FAILED: _ended_without_result,
        State.REJECTED: _ended_without_result,
        State.DEAD: _ended_without_result,
        State.CANCELLED: _cancelled,
    }[facts.state](facts)
    return Ruling(MEANS[facts.state], tuple(rules))


def _pending(facts: Facts) -> list[str]:
    rules = [_hold(hold, facts) for hold in facts.held_by]
    if facts.is_waiting:
        rules.append(
            "perhaps sent, for a journal knows a request of it: it is not sent now, and the next "
            "vod-batch reconcile puts it in doubt, after any other of its media and type"
        )
    if facts.waits_for:
        rules.append(
            f"waits for the same media and type, {facts.waits_for}: two on the wire could not be "
            f"distinguished; see: vod-batch reconcile, vod-batch resolve {facts.media_id}"
        )
    if facts.cooldown_until:
        rules.append(
            f"the cloud throttles the account: nothing is sent before {_at(facts.cooldown_until)}"
        )
    if not facts.is_due:
        rules.append(
            f"not due before {_at(facts.due_at)}; {_attempts(facts)}"
            + (f"; the last one: {facts.code}" if facts.code else "")
        )
    if rules:
        return rules
    place = "behind all others" if facts.is_set_back else "in order of priority and line"
    due = f"due now: the next vod-batch submit sends it, {place}"
    if facts.is_set_back:
        due += f", for it may have kept them from being sent ({facts.reason})"
    if facts.carried_over is None:
        return [due]
    return [due, f"the last run ended because {facts.carried_over}"]


def _hold(hold: HeldBy, facts: Facts) -> str:
    what, words = {
        "target": ("the whole target is", "resume --all"),
        "batch": (f"batch {facts.batch} is", f"resume --batch {facts.batch}"),
    }.get(hold.scope, ("it is", f"resume {facts.media_id}"))
    return (
        f"{what} held since {_at(hold.held_at)} by {hold.held_by} ({hold.reason}); "
        f"let go with: vod-batch {words}"
    )


def _attempts(facts: Facts) -> str:
    return f"{facts.attempts} of at most {facts.max_attempts} attempts counted"


def _submitting(facts: Facts) -> list[str]:
    if facts.worker is None or facts.worker_seen_at is None:
        return ["its worker is not known; it comes into doubt with the next: vod-batch reconcile"]
    seen = f"its worker on {facts.worker} last sent a heartbeat at {_at(facts.worker_seen_at)}"
    if facts.now - facts.worker_seen_at < facts.worker_silence:
        return [f"{seen}; its answer decides"]
    return [f"{seen}, so it counts as dead: the next vod-batch reconcile puts it in doubt"]


def _in_doubt(facts: Facts) -> list[str]:
    rules = [f"because {facts.reason or facts.message or 'its worker died before an answer'}"]
    if facts.message and facts.message not in rules[0]:
        rules.append(f"last look: {facts.message}")
    if facts.signed_at is None:
        return [*rules, f"decide with: vod-batch resolve {facts.media_id}"]
    window_ends = facts.signed_at + DATE_WINDOW
    if facts.replay_confirmed and not facts.was_replayed and facts.now < window_ends:
        rules.append(
            f"until {_at(window_ends)} vod-batch reconcile may send the identical request once "
            "more, which cannot run twice"
        )
    rules.append(
        f"finding its job settles it; from {_at(facts.signed_at + facts.settle)} on finding none "
        "proves that there is none: vod-batch reconcile"
    )
    rules.append(
        f"or decide yourself, after seeing what is known: vod-batch resolve {facts.media_id}"
    )
    return rules


def _submitted(facts: Facts) -> list[str]:
    asked = (
        f"last asked about at {_at(facts.polled_at)}" if facts.polled_at else "never asked about"
    )
    if facts.code == JOB_UNKNOWN:
        unknown = f"the cloud does not know job {facts.job_id}, {asked}"
        return [f"{unknown}; if that stays so: vod-batch resolve {facts.media_id} --disown"]
    return [f"job {facts.job_id} was {asked}; the next vod-batch reconcile asks the cloud"]


def _succeeded(_facts: Facts) -> list[str]:
    return [
        "nothing more is done; to pay for it again on purpose, load it under another --campaign"
    ]


def _ended_without_result(facts: Facts) -> list[str]:
    cause = ": ".join(part for part in (facts.code, facts.message) if part)
    rules = [cause] if cause else []
    if facts.is_perhaps_paid:
        doubt = (
            f"that is no certain refusal, so a job may exist: vod-batch retry {facts.media_id} "
            "puts it in doubt, where vod-batch reconcile looks for one"
        )
        return [*rules, doubt]
    return [*rules, f"to send it again: vod-batch retry {facts.media_id}"]


def _cancelled(facts: Facts) -> list[str]:
    who = f"{facts.reason}; " if facts.reason else ""
    return [f"{who}to send it after all, load it under another --campaign"]


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
