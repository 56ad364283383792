"""What a night has come to: its parts, the code it ends with, and its facts for reports."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from batch.core.budget import BudgetUse
from batch.core.canary import CanaryVerdict
from batch.core.pricing import Costs
from batch.core.states import State
from batch.core.unseen import UnseenWord
from batch.errors import ExitCode, VodBatchError, most_urgent
from batch.ledger.loading import LoadReport
from batch.look.preflight import PreflightSummary
from batch.night.canary import JudgedCanary
from batch.reconcile.reconciler import ReconcileSummary
from batch.submit.tally import RunSummary, StopReason


@dataclass
class Night:
    """What a night has come to so far; a part that was not reached is ``None``.

    ``moved`` are the files as they lie now, by their batch; ``failed`` the ones that could not be
    loaded, with the reason; ``waiting`` the ones that may still be written; ``not_taken`` what
    lies in the inbox and is no list, with the reason; ``not_reached`` the whole ones that the
    night's end came before. ``is_list_missing`` says that none came and one was expected.
    """

    run: UUID
    started_at: datetime
    ends_at: datetime | None
    currency: str
    account: str
    region: str
    inbox: str
    loads: list[LoadReport] = field(default_factory=list)
    moved: dict[int, Path] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    not_taken: dict[str, str] = field(default_factory=dict)
    not_reached: list[str] = field(default_factory=list)
    is_told_to_stop: bool = False
    is_list_missing: bool = False
    preflight: PreflightSummary | None = None
    canaries: tuple[JudgedCanary, ...] = ()
    canary_run: RunSummary | None = None
    canary_followed: ReconcileSummary | None = None
    submitted: RunSummary | None = None
    reconciled: ReconcileSummary | None = None
    costs: Costs | None = None
    budgets: tuple[BudgetUse, ...] | None = None
    unseen: list[UnseenWord] = field(default_factory=list)
    trouble: VodBatchError | None = None
    ended_at: datetime | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The code that the night ends with: the most urgent of its parts."""
        codes: list[ExitCode] = []
        if self.trouble:
            codes.append(self.trouble.exit_code)
        if run := self.last_run:
            codes += run.exit_codes
        if self.reconciled:
            codes += self.reconciled.exit_codes
            if not self.reconciled.in_doubt and not self.reconciled.extra_charges:
                # What was in doubt after the last send has been settled since.
                codes = [code for code in codes if code is not ExitCode.DONE_WITH_DOUBTS]
        if self.canary_followed and self.canary_followed.ended.get(State.FAILED):
            codes.append(ExitCode.DONE_WITH_FAILURES)
        if self.was_told_to_stop or self.not_reached:
            codes.append(ExitCode.CARRIED_OVER)
        if self.failed or self._quarantined or (self.preflight and self.preflight.not_there):
            codes.append(ExitCode.DONE_WITH_FAILURES)
        if self.is_list_missing:
            codes.append(ExitCode.DONE_WITH_FAILURES)
        return most_urgent(*codes)

    @property
    def _quarantined(self) -> int:
        """Lines of tonight's lists that a person must look at."""
        return sum(load.facts.quarantined for load in self.loads if load.facts)

    @property
    def is_success(self) -> bool:
        """Whether a monitor may be sent a success: not for a batch that its canary holds, nor when
        the list that was expected did not come.
        """
        canaries_passed = all(one.verdict is not CanaryVerdict.FAILED for one in self.canaries)
        return canaries_passed and not self.is_list_missing

    @property
    def stopped_by(self) -> str:
        """Why the night ended, in a few words."""
        if self.trouble:
            return str(self.trouble)
        if self.was_told_to_stop:
            return StopReason.SIGNAL.value
        return self.last_run.stopped_by.value if self.last_run else "nothing was submitted"

    @property
    def was_told_to_stop(self) -> bool:
        """Whether a signal ended one of its parts, and so the night."""
        return self.is_told_to_stop or any(run.stopped_by is StopReason.SIGNAL for run in self.runs)

    @property
    def last_run(self) -> RunSummary | None:
        """The worker's last run: of the canaries when the night ended with them."""
        return self.submitted or self.canary_run

    @property
    def runs(self) -> tuple[RunSummary, ...]:
        """Every run of the worker."""
        return tuple(run for run in (self.canary_run, self.submitted) if run)


def night_facts(night: Night) -> dict[str, object]:
    """Return the night as plain values, for the report and for scripts."""
    return {
        "run": str(night.run),
        "account": night.account,
        "region": night.region,
        "inbox": night.inbox,
        "started_at": night.started_at.isoformat(),
        "ends_at": night.ends_at.isoformat() if night.ends_at else None,
        "ended_at": night.ended_at.isoformat() if night.ended_at else None,
        "stopped_by": night.stopped_by,
        "exit_code": int(night.exit_code),
        "trouble": trouble_facts(night.trouble) if night.trouble else None,
        "loads": [asdict(report) for report in night.loads],
        "failed_files": night.failed,
        "waiting_files": night.waiting,
        "not_taken": night.not_taken,
        "not_reached": night.not_reached,
        "is_list_missing": night.is_list_missing,
        "preflight": asdict(night.preflight) if night.preflight else None,
        "canaries": [_canary_facts(judged) for judged in night.canaries],
        "canary_run": asdict(night.canary_run) if night.canary_run else None,
        "canary_followed": asdict(night.canary_followed) if night.canary_followed else None,
        "submitted": asdict(night.submitted) if night.submitted else None,
        "reconciled": asdict(night.reconciled) if night.reconciled else None,
        "costs": asdict(night.costs) if night.costs else None,
        "budgets": None if night.budgets is None else [asdict(use) for use in night.budgets],
        "currency": night.currency,
        "unseen": [asdict(word) for word in night.unseen],
    }


def trouble_facts(error: VodBatchError) -> dict[str, object]:
    """Return an error as plain values: what it says, and why the account is refused if it is."""
    return {"said": str(error), "cause": error.cause}


def _canary_facts(judged: JudgedCanary) -> dict[str, object]:
    verdict = judged.verdict.value if judged.verdict else None
    return {**asdict(judged.canary), "verdict": verdict, "tally": judged.tally}
