"""The fault script: rules that pick calls and say what goes wrong with them."""

import random
from collections import deque
from typing import Any, Literal, Self

from pydantic import model_validator

from batch.emulator.models import Count, JobType, Model, Seconds, Share

Kind = Literal[
    "refuse", "throttle", "drop_before", "accept_then_drop", "hang", "cut_body", "error_500",
    "error_503", "html_502", "html", "delay", "empty_answer", "extra_header", "accept_one_type",
    "answer_one_type", "other_job_id", "repeat_answer",
]  # fmt: skip
"""What happens to a picked call: a table in ``docs/emulator.md`` says it of each."""

_OF_ONE_TYPE = ("accept_one_type", "answer_one_type")
_NONCES_KEPT = 100


class FaultRule(Model):
    """Which calls, and what happens to them.

    A call matches by ``action``, ``media_id`` and ``media_ids`` (empty: any). The kinds of one
    ``type`` match SubmitAIJob calls for that type and another one. Of the matching calls the first
    ``after`` are skipped; of the rest only the ``first`` N and every ``every``-th are eligible; an
    eligible call is picked with ``probability``, at most ``count`` times in all. 0 means no such
    limit. ``seconds`` are seconds; ``retry_after`` is ``x-acs-retry-after`` in milliseconds.
    """

    kind: Kind
    action: str = ""
    media_id: str = ""
    media_ids: list[str] = []
    type: JobType | Literal[""] = ""
    probability: Share = 1.0
    after: Count = 0
    first: Count = 0
    every: Count = 0
    count: Count = 0
    execute: bool = False
    seconds: Seconds = 3600.0
    late: bool = False
    reset: bool = False  # close with RST instead of FIN
    code: str = ""
    status: int = 400
    message: str = "Refused by the fault script."
    retry_after: Count = 0
    headers: dict[str, str] = {}

    @model_validator(mode="after")
    def _says_enough(self) -> Self:
        if self.kind == "refuse" and not self.code:
            raise ValueError("kind 'refuse' needs a code")
        if self.kind in _OF_ONE_TYPE and not self.type:
            raise ValueError(f"kind {self.kind!r} needs a type")
        return self


class _Entry:
    """A rule with its counters: matching calls seen, times it was applied."""

    __slots__ = ("_media", "applied", "nonces", "rule", "seen")

    def __init__(self, rule: FaultRule) -> None:
        self.rule = rule
        self._media = frozenset(rule.media_ids).union({rule.media_id} - {""})
        self.seen = 0
        self.applied = 0
        self.nonces: deque[str] = deque(maxlen=_NONCES_KEPT)

    def picks(self, action: str, media_id: str, types: str, dice: random.Random) -> bool:
        """Count a matching call; say whether the rule applies to it."""
        rule = self.rule
        if not self._matches(action, media_id, types):
            return False
        self.seen += 1
        number = self.seen - rule.after  # 1 is the first after the skipped
        is_eligible = (
            0 < number <= (rule.first or number)
            and not (rule.every and number % rule.every)
            and self.applied < (rule.count or self.seen)
        )
        if not is_eligible or (rule.probability < 1 and dice.random() >= rule.probability):
            return False
        self.applied += 1
        return True

    def _matches(self, action: str, media_id: str, types: str) -> bool:
        rule = self.rule
        if (rule.action and rule.action != action) or (self._media and media_id not in self._media):
            return False
        if rule.kind not in _OF_ONE_TYPE:
            return True
        asked = set(types.split(","))
        return action == "SubmitAIJob" and rule.type in asked and len(asked) > 1


class FaultScript:
    """The rules in force, in order; the first one that picks a call wins."""

    def __init__(self, rules: list[FaultRule], dice: random.Random) -> None:
        self._entries: list[_Entry] = []
        self._dice = dice
        self.add(rules)

    def choose(
        self, action: str, media_id: str, types: str = "", nonce: str = ""
    ) -> FaultRule | None:
        """Return what goes wrong with this call, ``None`` for nothing."""
        for entry in self._entries:
            if entry.picks(action, media_id, types, self._dice):
                entry.nonces.append(nonce)
                return entry.rule
        return None

    def add(self, rules: list[FaultRule]) -> None:
        """Append ``rules`` behind those in force."""
        self._entries += map(_Entry, rules)

    def clear(self) -> None:
        """End every fault."""
        self._entries.clear()

    def describe(self) -> list[dict[str, Any]]:
        """Return rules and counters for the admin page."""
        shown = {"kind", "action", "media_id", "type", "code", "status", "execute"}
        return [
            {
                **entry.rule.model_dump(include=shown),
                "nonces": list(entry.nonces),
                "seen": entry.seen,
                "applied": entry.applied,
            }
            for entry in self._entries
        ]
