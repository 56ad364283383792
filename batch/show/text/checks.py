"""What the doctor and a look into the journals found, in lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what has one of these to show has loaded its maker
    from batch.doctor import Check
    from batch.ledger.recovery import JournalCheck


def check_facts(check: Check) -> dict[str, object]:
    """Return one check of the doctor as plain values, for scripts."""
    return {
        "name": check.name,
        "verdict": check.grade,
        "detail": check.detail,
        "mend": check.fix,
        "code": check.code,
    }


def check_line(check: Check) -> str:
    """Show one check of the doctor."""
    mark = {"ok": "ok  ", "warning": "warn", "bad": "BAD ", "not checked": "--  "}[check.grade]
    fix = f"\n      fix: {check.fix}" if check.fix else ""
    return f"{mark}  {check.name:<15} {check.detail}{fix}"


def _damage(check: JournalCheck) -> str:
    if check.is_known:
        return "check the disk; PostgreSQL knows this journal to its end"
    return "check the disk; a run stops until: vod-batch doctor --accept journal"


def journal_lines(checks: Sequence[JournalCheck], folder: Path) -> Iterator[str]:
    """Show each journal beside PostgreSQL."""
    if not checks:
        yield f"no journal in {folder}"
    for check in checks:
        found = check.comparison
        verdict = "differs" if found.differs else "agrees"
        alive = ", its worker lives" if check.is_alive else ""
        yield f"{check.path.name}: {check.requests:,} requests, {verdict}{alive}"
        if found.forgotten:
            yield f"  {len(found.forgotten):,} that PostgreSQL forgot"
        if found.unrecorded:
            yield f"  {len(found.unrecorded):,} whose answer PostgreSQL never got"
        if check.damaged_lines:
            yield f"  {check.damaged_lines:,} damaged lines: {_damage(check)}"
    if any(check.comparison.differs for check in checks):
        yield "they are read into PostgreSQL by the next: vod-batch submit, or vod-batch reconcile"
