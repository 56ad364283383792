"""How each fault of a round was settled, read from the ledger's own history."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from batch.core.states import State
from batch.selftest.plan import RoundPlan
from batch.selftest.rig import Rig
from batch.selftest.server import run_sql

Settled = Counter[tuple[str, str]]
"""How often a fault (in words) was settled in a way (:data:`WAYS`)."""

WAYS = (
    "answer", "refusal", "given back", "late answer", "replay", "look-up", "absence", "operator",
    "open",
)  # fmt: skip
"""By the answer itself; by a refusal; sent again, for certain not run; by an answer that came late
or from a journal; by replay; by a look-up; by proof of absence; by an operator; not at all."""

_WORDS = "unknown words"

_CHAINS = """
SELECT t.nonce, t.worker_id::text AS worker, t.replayed_at IS NOT NULL AS was_replayed,
       array_agg(h.from_state ORDER BY h.id) AS moved_from,
       array_agg(h.to_state ORDER BY h.id) AS moved_to,
       array_agg(h.actor ORDER BY h.id) AS actors,
       array_agg(coalesce(h.reason, '') ORDER BY h.id) AS reasons
  FROM attempts t
  JOIN submission_history h ON h.submission_id = t.submission_id AND h.lease = t.lease
 GROUP BY t.submission_id, t.lease
"""


@dataclass(frozen=True, slots=True)
class _Move:
    """One move of a submission, and whether its request had been sent once more by then."""

    source: str
    target: str
    actor: str
    reason: str
    was_replayed: bool


def how_settled(rig: Rig, plan: RoundPlan, harmed: Mapping[str, str]) -> Settled:
    """Count what became of each request that something went wrong with.

    ``harmed`` gives, by worker id, what was done to it.
    """
    faults = {
        nonce: describe_fault(rule) for rule in rig.cloud.faults() for nonce in rule["nonces"]
    }
    settled: Settled = Counter()
    for chain in run_sql(rig.server.url, _CHAINS):
        way = _way(_moves(chain))
        was_doubted = State.IN_DOUBT in chain["moved_to"]
        if fault := faults.get(chain["nonce"]):
            settled[fault, way] += 1
        elif was_doubted or way == "given back":
            settled[harmed.get(chain["worker"]) or _unexplained(plan), way] += 1
    return settled


def describe_fault(rule: Mapping[str, object]) -> str:
    """Return a rule of the emulator in words, as the table names it."""
    name = str(rule["kind"]).replace("_", " ")
    if rule["kind"] == "refuse":
        name = f"{rule['code']} {rule['status']}"
    elif rule["kind"] == "html":
        name = f"html {rule['status']}"
    return name + (" after the job was made" if rule["execute"] else "")


def _unexplained(plan: RoundPlan) -> str:
    return _WORDS if plan.words else "other"


def _moves(chain: asyncpg.Record) -> list[_Move]:
    return [
        _Move(*move, chain["was_replayed"])
        for move in zip(
            chain["moved_from"], chain["moved_to"], chain["actors"], chain["reasons"], strict=True
        )
    ]


def _way(moves: list[_Move]) -> str:
    """Return what settled a request: the last of its moves that did."""
    ways = [way for move in moves if (way := _way_of(move))]
    return ways[-1] if ways else "open"


def _way_of(move: _Move) -> str | None:
    """Return what a move was made by, ``None`` for one that settles nothing."""
    if move.source == State.IN_DOUBT and move.actor.startswith("operator"):
        return "operator"
    match move.target, move.source:
        case State.SUBMITTED, State.SUBMITTING:
            return "answer"
        case State.SUBMITTED, _:
            if move.reason.startswith("look-up"):
                return "look-up"
            return "replay" if move.was_replayed else "late answer"
        case State.PENDING, State.SUBMITTING:
            return "given back"
        case State.PENDING, State.IN_DOUBT:
            return "absence"
        case ((State.REJECTED | State.DEAD), _):
            return "refusal"
    return None
