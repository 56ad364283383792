"""Deliver one notice: tried a few times, bounded in time, never an exception."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from batch.core.backoff import delay_seconds, with_jitter

_DETAIL_LENGTH = 200
_LONGEST_WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one notice. Neither field ever holds a secret."""

    channel: str
    ok: bool
    detail: str


class NotDeliveredError(Exception):
    """A notice was not taken. ``again``: another try may help."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True, slots=True)
class Tries:
    """Seconds a try may take, how many tries, seconds before the second one."""

    timeout: float = 10.0
    tries: int = 3
    pause: float = 1.0


async def deliver(
    channel: str,
    send: Callable[[], Awaitable[str]],
    patience: Tries,
    secrets: Iterable[str] = (),
    *,
    dice: random.Random,
) -> Delivery:
    """Call ``send`` until it returns what the other side said. Only cancelling gets out of here."""
    detail = ""
    attempt = 0
    for attempt in range(1, patience.tries + 1):
        try:
            async with asyncio.timeout(patience.timeout):
                said = await send()
        except NotDeliveredError as error:
            detail, again = str(error), error.again
        except TimeoutError:
            detail, again = f"no answer within {patience.timeout:g} s", True
        except Exception as error:  # a notice never fails a run
            detail, again = type(error).__name__, False
        else:
            return Delivery(channel, True, presentable(said, secrets))
        if not again:
            break
        if attempt < patience.tries:
            delay = delay_seconds(attempt, patience.pause, _LONGEST_WAIT)
            await asyncio.sleep(with_jitter(delay, dice))
    tried = f", tried {attempt} times" if attempt > 1 else ""
    return Delivery(channel, False, presentable(detail, secrets) + tried)


def presentable(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` in one short line with every secret masked."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    line = " ".join(re.sub(r"[^\w\s!-~、-〿！-～]", "", text).split())
    return line if len(line) <= _DETAIL_LENGTH else line[: _DETAIL_LENGTH - 1] + "…"
