"""When a run must stop: a time of day in a time zone, or a duration, whichever comes first."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def parse_time_of_day(text: str) -> time:
    """Read ``HH:MM``.

    Raises:
        ValueError: it is not one, with how to write it.
    """
    match = _TIME_OF_DAY.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a time of day; write it like 06:00")
    return time(int(match[1]), int(match[2]))


def find_zone(name: str) -> ZoneInfo:
    """Return the time zone of that name.

    Raises:
        ValueError: there is none, with how to write one.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name!r}; write it like Asia/Shanghai or UTC"
        ) from None


def next_occurrence(at: time, zone: ZoneInfo, now: datetime) -> datetime:
    """Return the first moment (UTC) after ``now`` at which clocks in ``zone`` show ``at``.

    A time that a clock change leaves out happens when the clock jumps over it; one that a clock
    change repeats happens the first time.
    """
    day = now.astimezone(zone).date()
    for offset in range(3):
        moment = _at_wall_time(datetime.combine(day + timedelta(days=offset), at), zone)
        if moment > now:
            return moment
    raise AssertionError("a time of day comes within two days")


def _at_wall_time(wall: datetime, zone: ZoneInfo) -> datetime:
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    late = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return early
    # Left out: by the offset before the change it lies after the jump, by the one after it before.
    return _jump_between(min(early, late), max(early, late), zone)


def _jump_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment of the one clock change between two moments, to the second."""
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def deadline(
    now: datetime, until: time | None, zone: ZoneInfo, max_duration: timedelta | None
) -> datetime | None:
    """Return the earlier of the next ``until`` and ``now`` plus ``max_duration``, if any (UTC)."""
    ends = []
    if until is not None:
        ends.append(next_occurrence(until, zone, now))
    if max_duration is not None:
        ends.append(now.astimezone(UTC) + max_duration)
    return min(ends, default=None)
