"""How long to wait before a row or a query is tried again."""

import random

_ENOUGH_DOUBLINGS = 1000  # 2.0 ** 1024 would overflow


def delay_seconds(attempt: int, base: float = 1.0, cap: float = 60.0) -> float:
    """Return the seconds to wait after failed attempt number ``attempt`` (the first is 1).

    ``base`` seconds, doubling with each attempt, never above ``cap`` seconds. Raises ValueError
    when ``attempt`` is below 1 or a duration is negative.
    """
    if attempt < 1:
        message = f"attempts are counted from 1, not {attempt}"
        raise ValueError(message)
    if base < 0 or cap < 0:
        message = "a delay cannot be negative"
        raise ValueError(message)
    doublings = min(attempt - 1, _ENOUGH_DOUBLINGS)
    return min(cap, base * 2.0**doublings)


def with_jitter(delay: float, dice: random.Random) -> float:
    """Return a time between half of ``delay`` and ``delay``, so that many do not come at once."""
    half = delay / 2
    return half + half * dice.random()
