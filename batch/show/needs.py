"""What a night leaves for a person to do: each cause in words, with the commands that mend it.

From a night's facts, as ``runs`` keeps them, so that text, JSON, mail and chat say the same.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from batch.core.canary import ACTOR as CANARY
from batch.core.canary import CanaryVerdict
from batch.core.outcome import StopCause
from batch.core.states import State
from batch.errors import ExitCode
from batch.show.insights import Status
from batch.show.mends import DOCTOR, MENDS, SETS_CLOCK, STOPS
from batch.show.text.parts import counted, hold_reason, resume_command
from batch.submit.tally import StopReason

_Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Need:
    """One thing for a person to do: its cause and its mend, and the commands in their order."""

    text: str
    commands: tuple[str, ...] = ()


def needs_of(facts: _Facts, status: Status | None) -> list[Need]:
    """Return what a night leaves to be done, the most urgent first; nothing after a good one.

    ``status`` is the target's state now, ``None`` where the ledger cannot be asked. What has been
    done since the night is left out, as far as the state tells.
    """
    found = [
        *([] if _is_told_by_the_run(facts) else trouble_needs(facts)),
        *_stops(facts),
        *_doubts(facts, status),
        *_charges(status),
        *_lists(facts),
        *_canaries(facts, status),
        *_holds(facts, status),
        *_looks(facts),
        *_bad_ends(facts, status),
        *_rest(facts),
    ]
    code = facts["exit_code"]
    if not found and code not in (ExitCode.DONE, ExitCode.CARRIED_OVER):
        again = () if status is None else ("vod-batch status",)
        found.append(Need(f"the night ended with {code}: {facts['stopped_by']}", (*again, DOCTOR)))
    return found


def page_facts(facts: _Facts, status: Status | None) -> dict[str, Any]:
    """Return a night's facts with what its page begins with: is all well, and what to do."""
    needs = needs_of(facts, status)
    return {"well": not needs, "needs": [asdict(need) for need in needs], **facts}


def _again(facts: _Facts) -> str:
    """Return the command that spends another night on the same inbox."""
    inbox = facts.get("inbox")
    return f"vod-batch nightly {shlex.quote(inbox) if inbox else 'INBOX'}"


def _refusal(cause: str, said: str, facts: _Facts) -> Need:
    first = (SETS_CLOCK,) if cause == StopCause.CLOCK else ()
    text = f"{MENDS[StopCause(cause)]} ({said})" if said else MENDS[StopCause(cause)]
    return Need(text, (*first, DOCTOR, _again(facts)))


def _refused(facts: _Facts) -> str | None:
    """Return why the cloud refused the account to the worker, if it did."""
    run = facts["submitted"] or facts["canary_run"] or {}
    account = run.get("account")
    return account["cause"] if account else None


def _is_told_by_the_run(facts: _Facts) -> bool:
    """Whether what ended the night is the refusal that had stopped its worker already."""
    cause = (facts.get("trouble") or {}).get("cause")
    return cause is not None and cause == _refused(facts)


def trouble_needs(facts: _Facts) -> Iterator[Need]:
    """Yield what ended a night early, or kept it from beginning."""
    trouble = facts.get("trouble")
    if not trouble:
        return
    if trouble["cause"]:
        yield _refusal(trouble["cause"], trouble["said"], facts)
        return
    yield Need(trouble["said"], (DOCTOR, _again(facts)))


def _stops(facts: _Facts) -> Iterator[Need]:
    run = facts["submitted"] or facts["canary_run"] or {}
    reason = run.get("stopped_by")
    if account := run.get("account"):
        said = f"{account['code']} {account['message']}".strip()
        yield _refusal(account["cause"], said, facts)
    elif reason in STOPS:
        text, commands = STOPS[StopReason(reason)]
        said = run["last_trouble"] if reason != StopReason.SIGNAL else ""
        yield Need(f"{text} ({said})" if said else text, (*commands, _again(facts)))
    elif facts["stopped_by"] == StopReason.SIGNAL:
        yield Need(STOPS[StopReason.SIGNAL][0], (_again(facts),))
    elif reason == StopReason.BUDGET and not _was_anything_sent(facts):
        yield Need(
            f"the budget lets nothing go: {run['obstacle']}; raise it, or leave the rest",
            ("vod-batch plan",),
        )
    followed = facts["reconciled"] or facts["canary_followed"] or {}
    if followed.get("gave_up"):
        yield Need(
            f"the cloud gave no answer about jobs that are under way ({followed['last_trouble']})",
            (DOCTOR, "vod-batch reconcile"),
        )


def _was_anything_sent(facts: _Facts) -> bool:
    runs = [run for run in (facts["canary_run"], facts["submitted"]) if run]
    return any(run["requests"] for run in runs)


def _doubts(facts: _Facts, status: Status | None) -> Iterator[Need]:
    followed = facts["reconciled"] or facts["canary_followed"] or {}
    run = facts["submitted"] or facts["canary_run"] or {}
    left = followed.get("in_doubt", run.get("left_in_doubt", 0))
    left = status.states[State.IN_DOUBT] if status else left
    asked = min(left, followed.get("needs_operator", 0))
    if asked:
        yield Need(
            f"{asked:,} in doubt, perhaps paid, that no look-up can decide: say what they are",
            ("vod-batch resolve --all",),
        )
    if left > asked:
        yield Need(
            f"{left - asked:,} in doubt, perhaps paid and not decided yet: look again, then decide",
            ("vod-batch reconcile", "vod-batch resolve --all"),
        )
    if status and status.unknown_jobs:
        yield Need(
            f"{status.unknown_jobs:,} JobIds that the cloud does not know",
            ("vod-batch resolve --all --disown",),
        )


def _charges(status: Status | None) -> Iterator[Need]:
    for charge in status.extra_charges if status else ():
        yield Need(
            f"{charge.media_id} {charge.job_type} holds several jobs, each perhaps charged: "
            f"{', '.join(charge.job_ids)}",
            (f"vod-batch why {charge.media_id}",),
        )


def _lists(facts: _Facts) -> Iterator[Need]:
    for name, why in facts["failed_files"].items():
        yield Need(
            f"{name} was not loaded: {why}; it lies in failed/, mend it there and put it into the "
            "inbox again",
            (_again(facts),),
        )
    if facts.get("is_list_missing"):
        late = ", ".join(facts["waiting_files"])
        about = f"; still being written: {late}" if late else ""
        yield Need(
            f"no list came, and one was expected{about}: ask whoever sends them, then start again",
            (_again(facts),),
        )
    for name, why in facts.get("not_taken", {}).items():
        yield Need(f"{name} in the inbox is not taken: {why}", (_again(facts),))
    for found in (load["facts"] for load in facts["loads"] if load["facts"]):
        if found["quarantined"]:
            path, inbox = found["quarantine_path"], facts.get("inbox", "INBOX")
            yield Need(
                f"{counted(found['quarantined'], 'line')} could not be read: mend the column raw "
                f"in {path}, then move that file into the inbox",
                (f"mv {shlex.quote(path)} {shlex.quote(inbox)}", _again(facts)),
            )


def _canaries(facts: _Facts, status: Status | None) -> Iterator[Need]:
    """Batches that wait for their canary; one let go since, or whose canary is not all sent, is
    spoken of elsewhere.
    """
    for canary in facts["canaries"]:
        batch = canary["batch"]
        if canary["verdict"] == CanaryVerdict.PASSED or not _is_held(batch, status):
            continue
        if canary["verdict"] == CanaryVerdict.FAILED:
            yield Need(
                f"batch {batch} is held by its canary, which failed ({canary['tally']}): see why, "
                "then let it go, or cancel it",
                (
                    f"vod-batch export --batch {batch} --state failed",
                    f"vod-batch resume --batch {batch}",
                    f"vod-batch cancel --batch {batch}",
                ),
            )
        else:
            yield Need(
                f"batch {batch} waits for its canary, which has not ended ({canary['tally']}): "
                "another night looks again and lets it go by itself; or let it go unseen",
                (_again(facts), f"vod-batch resume --batch {batch}"),
            )


def _is_held(batch: int, status: Status | None) -> bool:
    return status is None or any(hold.batch_id == batch for hold in status.holds)


def _holds(facts: _Facts, status: Status | None) -> Iterator[Need]:
    """What is held beside the canaries of the night itself."""
    tonight = {canary["batch"] for canary in facts["canaries"]}
    for hold in status.holds if status else ():
        if hold.rows and not (hold.held_by == CANARY and hold.batch_id in tonight):
            yield Need(hold_reason(hold), (resume_command(hold),))


def _looks(facts: _Facts) -> Iterator[Need]:
    look = facts["preflight"] or {}
    # Where the account is refused, so is a look: one cause, one mend.
    if (failed := look.get("failed_calls")) and not _refused(facts):
        last = f" ({look['last_trouble']})" if look.get("last_trouble") else ""
        yield Need(
            f"{counted(failed, 'free look')} at media failed{last}: up to 20 media each were sent "
            "unseen; if they were throttled, lower VOD_BATCH_PREFLIGHT_QPS",
            (DOCTOR,),
        )
    for status, rows in look.get("held_statuses", {}).items():
        yield Need(
            f"{counted(rows, 'submission')} of media in the unknown status {status!r} are put off: "
            "send them all the same, or ask the cloud's support what it means",
            (f"{_again(facts)} --no-preflight",),
        )


def _bad_ends(facts: _Facts, status: Status | None) -> Iterator[Need]:
    """What came to a bad end in this night, and stands so still."""
    runs = [run for run in (facts["canary_run"], facts["submitted"]) if run]
    followed = [one for one in (facts["canary_followed"], facts["reconciled"]) if one]
    unfit = (facts["preflight"] or {}).get("not_there", 0)
    counts = {
        State.REJECTED: _of(runs, State.REJECTED) + unfit,
        State.FAILED: sum(one["ended"].get(State.FAILED, 0) for one in followed),
        State.DEAD: _of(runs, State.DEAD) + sum(one["settled"].get("dead", 0) for one in followed),
    }
    for state, count in counts.items():
        left = min(count, status.states[state]) if status else count
        if left:
            yield Need(
                f"{counted(left, 'submission')} {_ENDS[state]}: the column error_code says why",
                (f"vod-batch export --state {state}",),
            )


_ENDS = {
    State.REJECTED: "were rejected",
    State.FAILED: "failed",
    State.DEAD: "used up their attempts",
}


def _of(runs: list[Mapping[str, Any]], state: State) -> int:
    return sum(run["states"].get(state, 0) for run in runs)


def _rest(facts: _Facts) -> Iterator[Need]:
    if words := facts.get("unseen"):
        yield Need(
            f"the cloud said {counted(len(words), 'word')} that no document knows, from which "
            "nothing was concluded: look at them, and report them to the maintainer",
            ("vod-batch status",),
        )
    for batch, why in facts.get("unwritten", {}).items():
        yield Need(
            f"the results of batch {batch} could not be written ({why}); get them by",
            (f"vod-batch export --batch {batch}",),
        )
