"""The morning page: what a night did, and what needs a person, in plain text."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from batch.core.states import State
from batch.show.insights import Status
from batch.show.needs import Need, needs_of, trouble_needs
from batch.show.text.parts import (
    budget_lines,
    cost_lines,
    counted,
    existing_lines,
    money,
    word_lines,
)


def morning_lines(facts: Mapping[str, Any], status: Status | None, zone: ZoneInfo) -> Iterator[str]:
    """Show a night by its facts (as ``runs`` keeps them) and the target's state now.

    First whether all is well, then what to do, then the figures. Without ``status`` the ledger
    could not be asked.
    """
    yield from need_lines(needs_of(facts, status))
    yield ""
    yield f"vod-batch night of {_whose(facts, status)}"
    started, ended = _time(facts["started_at"], zone), _time(facts["ended_at"], zone)
    yield f"run {facts['run']}, {started:%Y-%m-%d %H:%M} to {ended:%H:%M %Z}"
    yield f"ended because {facts['stopped_by']} (exit code {facts['exit_code']})"
    yield from _loaded(facts)
    yield from _spent(facts)
    yield from _money(facts)
    yield from _standing(status)
    yield from _unseen(facts)


def _whose(facts: Mapping[str, Any], status: Status | None) -> str:
    known = status and {"account": status.account, "region": status.region}
    told = known or facts
    return f"{told['account']} in {told['region']}"


def missed_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """Show a night that did not begin."""
    yield from need_lines(list(trouble_needs(facts)))
    yield ""
    yield f"vod-batch night of {_whose(facts, None)}"
    yield f"did not begin (exit code {facts['exit_code']}); nothing was loaded or sent"


def verdict(needs: int) -> str:
    """Say whether all is well, by how many things there are to do."""
    if not needs:
        return "All is well: nothing for you to do."
    return f"Not well: {counted(needs, 'thing')} for you to do."


def need_lines(needs: Sequence[Need]) -> Iterator[str]:
    """Show whether all is well, and what is to be done with its commands."""
    yield verdict(len(needs))
    for need in needs:
        yield f"- {need.text}"
        yield from (f"    {command}" for command in need.commands)


def _loaded(facts: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "Files"
    for load in facts["loads"]:
        if load["known"]:
            yield f"  {load['source']}: loaded before, nothing changed"
            continue
        counts, found = load["counts"], load["facts"]
        duplicates = sum(counts[name] for name in counts if name.startswith("duplicates"))
        yield (
            f"  {load['source']}: {counts['submissions']:,} new, {duplicates:,} duplicates, "
            f"{found['quarantined']:,} quarantined"
        )
        if found["quarantine_path"]:
            yield f"    see {found['quarantine_path']}"
        if found.get("unlike"):
            yield f"    {found['unlike']}"
    for name, why in facts["failed_files"].items():
        yield f"  {name}: NOT LOADED, {why}"
    for name in facts["waiting_files"]:
        yield f"  {name}: still being written, waits for the next night"
    for name in facts.get("not_reached", ()):
        yield f"  {name}: not loaded before the night ended, waits for the next one"
    not_taken = facts.get("not_taken", {})  # a night of an earlier program has none
    for name, why in not_taken.items():
        yield f"  {name}: not taken, {why}"
    if not (facts["loads"] or facts["failed_files"] or facts["waiting_files"] or not_taken):
        yield "  none came"


def _spent(facts: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "Done"
    if look := facts["preflight"]:
        yield f"  looked at    {look['looked_at']:>9,}  media, free"
        if measured := look.get("measured"):  # a night of an earlier program has none
            yield f"  measured     {measured:>9,}  submissions sent before their length was known"
        if aside := look["not_there"] + look["put_off"]:
            worth = (
                f", about {money(look['saved'])} {look['currency']} saved" if look["saved"] else ""
            )
            yield f"  set aside    {aside:>9,}  submissions of media not there or not ready{worth}"
        yield from _held_statuses(look)
    for canary in facts["canaries"]:
        verdict = canary["verdict"] or "open"
        yield f"  canary       {verdict:>9}  batch {canary['batch']}: {canary['tally']}"
    if runs := [run for run in (facts["canary_run"], facts["submitted"]) if run]:
        seconds = sum(run["seconds"] for run in runs)
        yield f"  submitted    {_of(runs, State.SUBMITTED):>9,}  in {seconds:,.0f} s"
        yield f"  rejected     {_of(runs, State.REJECTED):>9,}"
        yield from existing_lines([run.get("existing") for run in runs])
        yield f"  worst second {max(run['worst_second'] for run in runs):>9,}  sends"
        if left := runs[-1]["left_pending"]:
            yield f"  carried over {left:>9,}  because {runs[-1]['stopped_by']}"
    if followed := [one for one in (facts["canary_followed"], facts["reconciled"]) if one]:
        for state in (State.SUCCEEDED, State.FAILED):
            yield f"  {state:<12} {sum(one['ended'].get(state, 0) for one in followed):>9,}"
        yield from _odd_statuses(followed[-1])
        if settled := sum(sum(one["settled"].values()) for one in followed):
            yield f"  doubts       {settled:>9,}  settled"


def _held_statuses(look: Mapping[str, Any]) -> Iterator[str]:
    if look.get("is_cut_short"):
        yield "  not looked at          the media further on: the night ended before"
    for status, rows in look.get("held_statuses", {}).items():
        yield f"  put off      {rows:>9,}  submissions of media in the unknown status {status!r}:"
        yield "                          the first media with it all failed"


def _odd_statuses(followed: Mapping[str, Any]) -> Iterator[str]:
    for word, jobs in followed.get("odd_statuses", {}).items():
        yield f"  odd          {jobs:>9,}  jobs that ListAIJob calls {word!r}: they stay open"


def _of(runs: Sequence[Mapping[str, Any]], state: State) -> int:
    return sum(run["states"].get(state, 0) for run in runs)


def _money(facts: Mapping[str, Any]) -> Iterator[str]:
    run = facts["submitted"] or facts["canary_run"] or {}
    lines = [*cost_lines(facts["costs"])]
    # A night of an earlier program has none of its own, nor has one whose ledger was away.
    uses = facts.get("budgets")
    if uses is not None or run.get("budgets"):
        lines += budget_lines(uses or run.get("budgets", ()), facts["currency"])
    lines += [run["obstacle"]] if run.get("obstacle") else []
    if lines:
        yield ""
        yield "Cost of this night"
        yield from (f"  {line}" for line in lines)


def _standing(status: Status | None) -> Iterator[str]:
    yield ""
    if status is None:
        yield "The ledger could not be asked how things stand; see later: vod-batch status"
        return
    yield "All in all"
    for state, count in status.states.items():
        if count:
            yield f"  {state:<12} {count:>9,}"


def _unseen(facts: Mapping[str, Any]) -> Iterator[str]:
    if words := facts.get("unseen"):  # a night of an earlier program has none
        yield ""
        yield "Said by the cloud and known to no document of ours; nothing was concluded from it"
        yield from (f"  {line}" for line in word_lines(words))


def _time(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).astimezone(zone)
