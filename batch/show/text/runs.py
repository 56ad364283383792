"""The results of a load, a plan, a run of the worker and a reconcile, in lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from batch.core.states import State
from batch.show.text.parts import budget_lines, existing_lines, hold_line, money

if TYPE_CHECKING:  # what has one of these to show has loaded its maker
    from batch.ledger.loading import LoadReport
    from batch.ledger.manifests import ManifestFacts
    from batch.reconcile.reconciler import ReconcileSummary
    from batch.submit.planning import Plan
    from batch.submit.tally import RunSummary


def load_lines(report: LoadReport) -> Iterator[str]:
    """Show what became of one input."""
    if report.known:
        yield (
            f"{report.source}: loaded before, as batch {report.known.id} on "
            f"{report.known.loaded_at:%Y-%m-%d %H:%M} UTC; nothing changed"
        )
        return
    assert report.facts
    assert report.counts
    counts, facts = report.counts, report.facts
    yield f"{report.source}: batch {counts.batch_id}"
    yield f"  loaded       {counts.submissions:>9,}  submissions from {facts.rows:,} good lines"
    yield (
        f"  duplicates   {_duplicates(report):>9,}  {counts.duplicates_in_file:,} within the file, "
        f"{counts.duplicates_across_files:,} from other files, "
        f"{counts.duplicates_submitted:,} submitted before"
    )
    where = f"  see {facts.quarantine_path}" if facts.quarantine_path else ""
    yield f"  quarantined  {facts.quarantined:>9,}{where}"
    yield from _reading_lines(facts)
    for other in report.elsewhere:
        yield (
            f"  elsewhere    {other.media:>9,}  media that account {other.account} of this region "
            "knows too: two names of one account pay twice"
        )


def _reading_lines(facts: ManifestFacts) -> Iterator[str]:
    """Show how a list was read, so that nothing of it is gone without a word."""
    parts = {
        "of the header": facts.header_lines,
        "good": facts.rows,
        "blank": facts.blank,
        "quarantined": facts.quarantined,
        "within a record": facts.continued,
    }
    told = ", ".join(f"{number:,} {what}" for what, number in parts.items() if number)
    yield f"  lines        {facts.lines:>9,}  {told or 'the list is empty'}"
    yield f"  read as      {_form(facts)}"
    if facts.ignored:
        yield f"  ignored      columns {', '.join(facts.ignored)}"
    if facts.tidied:
        yield f"  tidied       {facts.tidied:>9,}  ids that stood in quotes, brackets or the like"
    if facts.unlike:
        yield f"  unlike       {facts.unlike}"


_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}


def _form(facts: ManifestFacts) -> str:
    if facts.form != "csv":
        return f"{facts.form.upper()}, {facts.encoding}"
    delimiter = _DELIMITERS.get(facts.delimiter, facts.delimiter)
    columns = ", ".join(("media id", *facts.columns))
    header = "a header" if facts.header else "no header"
    return f"CSV with {delimiter}, {header}, {facts.encoding}; columns: {columns}"


def _duplicates(report: LoadReport) -> int:
    assert report.counts
    counts = report.counts
    return counts.duplicates_in_file + counts.duplicates_across_files + counts.duplicates_submitted


def _restored_lines(summary: RunSummary) -> Iterator[str]:
    """Show what was restored from the journal, and whether another server had lost it."""
    if summary.restored:
        who = (
            "another server of the database took over and" if summary.failovers else "the database"
        )
        yield f"  restored     {summary.restored:>9,}  {who} had forgotten them; the journal knew"


def summary_lines(summary: RunSummary) -> Iterator[str]:
    """Show the result of one run of the worker, and what to do about it."""
    by_state = summary.states
    rate = summary.requests / summary.seconds if summary.seconds else 0.0
    yield f"stopped because {summary.stopped_by.value}, after {summary.seconds:.1f} s"
    yield f"  submitted    {by_state.get(State.SUBMITTED, 0):>9,}  at {rate:.1f} requests a second"
    yield f"  rejected     {by_state.get(State.REJECTED, 0):>9,}"
    if dead := by_state.get(State.DEAD, 0):
        yield f"  dead         {dead:>9,}  never sent, attempts used up"
    yield from existing_lines([asdict(summary.existing) if summary.existing else None])
    yield f"  worst second {summary.worst_second:>9,}  sends"
    yield from _restored_lines(summary)
    if throttled := summary.outcomes.get("throttled", 0):
        yield f"  throttled    {throttled:>9,}  given back and sent again later"
    if due := max(0, summary.left_pending - summary.held):
        yield f"  still due    {due:>9,}  run vod-batch submit again"
    for line in budget_lines([asdict(use) for use in summary.budgets], summary.currency):
        yield f"  {line}"
    if summary.obstacle:
        yield f"  {summary.obstacle}"
    if summary.held:
        yield f"  held         {summary.held:>9,}  see who and why: vod-batch status"
    if summary.left_in_doubt:
        yield (f"  in doubt     {summary.left_in_doubt:>9,}  perhaps paid: vod-batch reconcile")
    yield from _charge_lines(summary.extra_charges)
    if summary.account:
        account = summary.account
        yield f"the cloud refuses the account ({account.cause}): {account.code} {account.message}"
    elif summary.last_trouble and summary.stopped_by.value.startswith(("the cloud", "too many")):
        yield f"last trouble: {summary.last_trouble}"


def plan_lines(plan: Plan) -> Iterator[str]:
    """Show what a submit would send, and what it may cost."""
    yield f"plan {plan.hash}"
    total = sum(plan.rows.values())
    by_type = ", ".join(f"{count:,} {name}" for name, count in plan.rows.items())
    of_types = f": {by_type}" if by_type else ""
    yield f"  due          {total:>9,}  submissions in {plan.requests:,} requests{of_types}"
    yield f"  left out     {plan.duplicates:>9,}  duplicates, when they were loaded"
    yield f"  done already {plan.done:>9,}  submissions, never sent again"
    hours, rest = divmod(round(plan.seconds), 3600)
    yield f"  takes        {hours:>6}:{rest // 60:02d}  hours at {plan.rate:.1f} calls a second"
    cost = plan.cost
    for name, amount in (("low", cost.low), ("expected", cost.expected), ("worst", cost.worst)):
        shown = "unknown" if amount is None else f"{money(amount)} {plan.currency}"
        yield f"  cost, {name:<8} {shown:>14}"
    if cost.unknown:
        yield (
            f"  {cost.unknown:,} submissions are of unknown length: low leaves them out, expected "
            "takes the mean, worst needs VOD_BATCH_LONGEST"
        )
    for name in plan.unpriced:
        yield f'  {name} has no price: set prices in vod-batch.toml, such as {name} = "0.05"'
    for line in budget_lines([asdict(use) for use in plan.budgets], plan.currency):
        yield f"  {line}"
    yield from map(hold_line, plan.holds)
    if total:
        yield f"send exactly this with: vod-batch submit --plan {plan.hash}"


def reconcile_lines(summary: ReconcileSummary) -> Iterator[str]:
    """Show the result of a reconcile, and what is left for whom."""
    settled, ended = summary.settled, summary.ended
    yield f"  adopted      {settled.get('adopted', 0):>9,}  doubts whose job was found"
    yield f"  replayed     {settled.get('replayed', 0):>9,}  doubts whose request had been lost"
    yield f"  absent       {settled.get('absent', 0):>9,}  doubts without a job, due again"
    if dead := settled.get("dead"):
        yield f"  dead         {dead:>9,}  doubts without a job, whose attempts are used up"
    yield f"  succeeded    {ended.get(State.SUCCEEDED, 0):>9,}"
    yield f"  failed       {ended.get(State.FAILED, 0):>9,}"
    yield f"  open         {summary.open_jobs:>9,}  jobs that have not ended"
    if summary.unknown_jobs:
        yield (
            f"  unknown      {summary.unknown_jobs:>9,}  JobIds that the cloud does not know: "
            "vod-batch resolve --all --disown"
        )
    for word, jobs in summary.odd_statuses.items():
        yield f"  odd          {jobs:>9,}  jobs that ListAIJob calls {word!r}, which nobody knows"
    yield f"  in doubt     {summary.in_doubt:>9,}{_who_settles(summary)}"
    yield from _charge_lines(summary.extra_charges)
    if summary.failed_calls:
        yield f"{summary.failed_calls:,} calls failed; the last: {summary.last_trouble}"


def _who_settles(summary: ReconcileSummary) -> str:
    if summary.needs_operator:
        return f"  {summary.needs_operator:,} need your word: vod-batch resolve --all"
    return "  not decided yet; run vod-batch reconcile again" if summary.in_doubt else ""


def _charge_lines(extra_charges: int) -> Iterator[str]:
    if extra_charges:
        yield f"  charged more {extra_charges:>9,}  submissions hold several JobIds: see status"
