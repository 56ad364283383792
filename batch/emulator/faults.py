"""The fault script: rules that pick calls and say what goes wrong with them."""

import random
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from batch.emulator.sections import KNOWN_TYPES
from batch.emulator.tables import SettingsError


class FaultKind(StrEnum):
    """What happens to a picked call. "Executes" means it takes the ordinary course first."""

    REFUSE = "refuse"  # executes if told, answers code, status, message
    THROTTLE = "throttle"  # answers Throttling.User, with retry_after if given; never executes
    DROP_BEFORE = "drop_before"  # closes the connection; never executes
    ACCEPT_THEN_DROP = "accept_then_drop"  # executes, then closes the connection
    HANG = "hang"  # executes if told, is silent for `seconds`, then closes the connection
    CUT_BODY = "cut_body"  # executes, announces the whole body, sends half, closes
    ERROR_500 = "error_500"  # executes if told, answers InternalError
    ERROR_503 = "error_503"  # executes if told, answers ServiceUnavailable
    HTML_502 = "html_502"  # executes if told, answers a proxy's page
    HTML = "html"  # executes if told, answers a page with `status`
    DELAY = "delay"  # waits `seconds` before the answer, or before executing with late = true
    EMPTY_ANSWER = "empty_answer"  # executes, answers 200 with nothing but a RequestId
    EXTRA_HEADER = "extra_header"  # executes, answers as usual with more headers
    ACCEPT_ONE_TYPE = "accept_one_type"  # makes the job of `type` only, and answers with it
    ANSWER_ONE_TYPE = "answer_one_type"  # makes all jobs, answers with that of `type` only
    OTHER_JOB_ID = "other_job_id"  # executes, answers with JobIds of jobs made before
    REPEAT_ANSWER = "repeat_answer"  # executes, answers with its connection's last answer again


_NONCES_KEPT = 100
_OF_ONE_TYPE = (FaultKind.ACCEPT_ONE_TYPE, FaultKind.ANSWER_ONE_TYPE)


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Which calls, and what happens to them.

    A call matches by ``action``, ``media_id`` and ``media_ids`` (empty: any). The kinds of one
    ``type`` match SubmitAIJob calls for that type and another one. Of the matching calls the first
    ``after`` are skipped; of the rest only the ``first`` N and every ``every``-th are eligible; an
    eligible call is picked with ``probability``, at most ``count`` times in all. 0 means no such
    limit. ``seconds`` are seconds; ``retry_after`` is ``x-acs-retry-after`` in milliseconds.
    """

    kind: FaultKind
    action: str = ""
    media_id: str = ""
    media_ids: tuple[str, ...] = ()
    type: str = ""
    probability: float = 1.0
    after: int = 0
    first: int = 0
    every: int = 0
    count: int = 0
    execute: bool = False
    seconds: float = 3600.0
    late: bool = False
    reset: bool = False  # close with RST instead of FIN
    code: str = ""
    status: int = 400
    message: str = "Refused by the fault script."
    retry_after: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse rules that cannot mean anything."""
        if not 0 <= self.probability <= 1:
            raise SettingsError("probability must be between 0 and 1")
        if min(self.after, self.first, self.every, self.count, self.retry_after, self.seconds) < 0:
            raise SettingsError("counts and times must not be negative")
        if self.kind is FaultKind.REFUSE and not self.code:
            raise SettingsError("kind 'refuse' needs a code")
        if self.kind in _OF_ONE_TYPE and self.type not in KNOWN_TYPES:
            raise SettingsError(f"kind '{self.kind}' needs a type, of {', '.join(KNOWN_TYPES)}")


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
        if not self._is_eligible(self.seen - rule.after):
            return False
        if rule.probability < 1 and dice.random() >= rule.probability:
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

    def _is_eligible(self, number: int) -> bool:
        """Say whether matching call ``number`` (1 is the first after the skipped) may be picked."""
        rule = self.rule
        if number <= 0 or (rule.first and number > rule.first):
            return False
        if rule.every and number % rule.every:
            return False
        return not rule.count or self.applied < rule.count


class FaultScript:
    """The rules in force, in order; the first one that picks a call wins."""

    def __init__(self, rules: tuple[FaultRule, ...], dice: random.Random) -> None:
        self._entries = [_Entry(rule) for rule in rules]
        self._dice = dice

    def choose(
        self, action: str, media_id: str, types: str = "", nonce: str = ""
    ) -> FaultRule | None:
        """Return what goes wrong with this call, ``None`` for nothing."""
        for entry in self._entries:
            if entry.picks(action, media_id, types, self._dice):
                entry.nonces.append(nonce)
                return entry.rule
        return None

    def add(self, rules: tuple[FaultRule, ...]) -> None:
        """Append ``rules`` behind those in force."""
        self._entries += [_Entry(rule) for rule in rules]

    def clear(self) -> None:
        """Drop all rules."""
        self._entries.clear()

    def describe(self) -> list[dict[str, Any]]:
        """Return rules and counters for the admin page."""
        return [
            {
                "kind": entry.rule.kind,
                "action": entry.rule.action,
                "media_id": entry.rule.media_id,
                "type": entry.rule.type,
                "code": entry.rule.code,
                "status": entry.rule.status,
                "execute": entry.rule.execute,
                "nonces": list(entry.nonces),
                "seen": entry.seen,
                "applied": entry.applied,
            }
            for entry in self._entries
        ]
