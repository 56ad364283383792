"""What goes wrong in a round, drawn from a seed: the same seed draws the same round."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from batch.selftest.vocabulary import SERVER_TROUBLE, THROTTLING, Words, draw_words

HANG_SECONDS = 1.0
READ_TIMEOUT_SECONDS = 0.4
"""Shorter than a hang, long enough for an answer on a busy machine."""

_RETRY_AFTER_MS = 20

_BEFORE_THE_JOB: tuple[dict[str, object], ...] = (
    {"kind": "drop_before"},
    {"kind": "hang", "seconds": HANG_SECONDS},
    {"kind": "error_500"},
    {"kind": "error_503"},
    {"kind": "html", "status": 429},
    {"kind": "html", "status": 414},
    {"kind": "throttle", "retry_after": _RETRY_AFTER_MS},
    *(
        {"kind": "refuse", "code": code, "status": status, "retry_after": _RETRY_AFTER_MS}
        for code, status in THROTTLING
    ),
    *({"kind": "refuse", "code": code, "status": status} for code, status in SERVER_TROUBLE),
)
_AFTER_THE_JOB: tuple[dict[str, object], ...] = (
    {"kind": "accept_then_drop"},
    {"kind": "hang", "execute": True, "seconds": HANG_SECONDS},
    {"kind": "cut_body"},
    {"kind": "empty_answer"},
    {"kind": "repeat_answer"},
    {"kind": "error_500", "execute": True},
    {"kind": "error_503", "execute": True},
    {"kind": "html_502", "execute": True},
    {"kind": "html", "status": 408, "execute": True},
    {"kind": "accept_one_type", "type": "AIMediaDNA"},
    {"kind": "answer_one_type", "type": "AIVideoTag"},
    *(
        {"kind": "refuse", "code": code, "status": status, "execute": True}
        for code, status in SERVER_TROUBLE
    ),
)


class Harm(StrEnum):
    """What is done to a worker, or to the database under it, at one of its steps."""

    KILLED = "worker killed"
    FROZEN = "worker frozen"
    """Another one takes over meanwhile; then it goes on."""
    FROZEN_AN_HOUR = "worker frozen for an hour"
    DATABASE_RESTARTED = "database restarted"
    DATABASE_RESTORED = "worker killed, database restored"
    """From a backup that was made before anything was sent."""


_HARMS = (Harm.KILLED, Harm.KILLED, Harm.KILLED, *Harm)


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """One round: the list, what is done to its workers, and how the cloud behaves.

    ``media`` are ids and types. ``faults`` are the emulator's rules, by call. ``harms`` strike at a
    step, each another worker. ``clock_seconds`` is how far the cloud's clock is off until the
    morning. With ``plays_cloud`` nothing is believed that the cloud does not promise.
    """

    number: int
    media: tuple[tuple[str, str], ...]
    faults: tuple[dict[str, object], ...]
    harms: tuple[tuple[Harm, int], ...]
    confirm_replay: bool
    plays_cloud: bool = False
    words: Words | None = None
    switches: dict[str, dict[str, Any]] | None = None
    clock_seconds: float = 0.0
    probes: tuple[tuple[str, str], ...] = ()
    """Media and types that a probe has paid for before the round, to learn what the cloud is."""


def draw_round(seed: int, number: int, *, steps: int, media: int) -> RoundPlan:
    """Draw round ``number``; a whole run takes about ``steps`` steps."""
    dice = random.Random(f"{seed}/{number}")  # noqa: S311 - a plan, not a secret
    nonce_scope = dice.choice(("network", "network", "account", "key", "node", "connection"))
    return RoundPlan(
        number=number,
        media=draw_media(dice, media),
        faults=draw_faults(dice, media * 2),
        harms=tuple(
            (dice.choice(_HARMS), dice.randint(1, steps)) for _ in range(dice.choice((1, 1, 2, 3)))
        ),
        # Seen over several connections: where nonces are kept by node, the account fails the check.
        confirm_replay=nonce_scope in ("network", "account", "key") and dice.random() < 0.6,
        plays_cloud=(plays_cloud := dice.random() < 0.5),
        probes=_draw_probes(dice) if plays_cloud and dice.random() < 0.6 else (),
        words=draw_words(dice),
        switches={
            "gateway": {"nonce_scope": nonce_scope},
            "lookup": {
                "order": dice.choice(("newest", "oldest")),
                "visible_after_seconds": dice.choice((0, 0, 0, 600)),
            },
        },
        clock_seconds=dice.choice((0.0, 0.0, 0.0, -400.0, 400.0, 700.0)),
    )


def draw_media(dice: random.Random, count: int) -> tuple[tuple[str, str], ...]:
    """Draw a list: media ids, each with one type or both."""
    types = ("AIMediaDNA", "AIVideoTag", "AIMediaDNA,AIVideoTag")
    return tuple((f"{dice.getrandbits(128):032x}", dice.choice(types)) for _ in range(count))


def _draw_probes(dice: random.Random) -> tuple[tuple[str, str], ...]:
    return tuple((f"{dice.getrandbits(128):032x}", kind) for kind in ("AIMediaDNA", "AIVideoTag"))


def draw_faults(
    dice: random.Random, calls: int, *, quick: bool = False
) -> tuple[dict[str, object], ...]:
    """Draw what happens to some of the first ``calls`` of SubmitAIJob; if ``quick``, no hanging."""
    return tuple(_draw_fault(dice, call, quick) for call in range(calls) if dice.random() < 0.3)


def _draw_fault(dice: random.Random, call: int, quick: bool) -> dict[str, object]:
    kinds = dice.choice((_BEFORE_THE_JOB, _AFTER_THE_JOB))
    chosen = dice.choice([rule for rule in kinds if not quick or rule["kind"] != "hang"])
    return {**chosen, "action": "SubmitAIJob", "after": call, "count": 1}
