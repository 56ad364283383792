"""What goes wrong in a round, drawn from a seed: the same seed draws the same round."""

import random
from dataclasses import dataclass

HANG_SECONDS = 1.0
READ_TIMEOUT_SECONDS = 0.4
"""Shorter than a hang, long enough for an answer on a busy machine."""

_KINDS: tuple[dict[str, object], ...] = (
    {"kind": "drop_before"},
    {"kind": "accept_then_drop"},
    {"kind": "hang", "execute": True, "seconds": HANG_SECONDS},
    {"kind": "hang", "execute": False, "seconds": HANG_SECONDS},
    {"kind": "cut_body"},
    {"kind": "error_500", "execute": True},
    {"kind": "error_500", "execute": False},
    {"kind": "error_503", "execute": True},
    {"kind": "error_503", "execute": False},
    {"kind": "html_502", "execute": True},
    {"kind": "throttle", "retry_after": 20},
    {"kind": "throttle", "retry_after": 20},
)


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """One round: the list, the faults by call, and the steps at which workers are killed."""

    number: int
    media: tuple[tuple[str, str], ...]
    """Media id and types."""
    faults: tuple[dict[str, object], ...]
    kills: tuple[int, ...]
    confirm_replay: bool


def draw_round(seed: int, number: int, *, steps: int, media: int) -> RoundPlan:
    """Draw round ``number``; a whole run takes about ``steps`` steps."""
    dice = random.Random(f"{seed}/{number}")  # noqa: S311 - a plan, not a secret
    return RoundPlan(
        number=number,
        media=draw_media(dice, media),
        faults=tuple(_draw_fault(dice, call) for call in range(media * 2) if dice.random() < 0.3),
        kills=tuple(dice.randint(1, steps) for _ in range(dice.choice((1, 1, 2, 3)))),
        confirm_replay=dice.random() < 0.5,
    )


def draw_media(dice: random.Random, count: int) -> tuple[tuple[str, str], ...]:
    """Draw a list: media ids, each with one type or both."""
    types = ("AIMediaDNA", "AIVideoTag", "AIMediaDNA,AIVideoTag")
    return tuple((f"{dice.getrandbits(128):032x}", dice.choice(types)) for _ in range(count))


def _draw_fault(dice: random.Random, call: int) -> dict[str, object]:
    """Draw what happens to one call of SubmitAIJob, counted from the round's first."""
    chosen = dict(dice.choice(_KINDS))
    return {**chosen, "action": "SubmitAIJob", "after": call, "count": 1}
