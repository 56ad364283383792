"""Settings: where they come from, whether they fit together, and what they come to."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from batch.core.deadline import find_zone
from batch.core.models import JobType
from batch.core.money import exact
from batch.core.regions import OFFERED, offered_types
from batch.doctor.check import Check
from batch.errors import ExitCode
from batch.session import run_deadline
from batch.settings import Settings, is_cloud_host, sources_in_force
from batch.submit.shared_pace import shared_rate


def check_settings(settings: Settings, now: datetime) -> Iterator[Check]:
    """Show the settings in force, what contradicts itself among them, and what follows."""
    yield Check("settings", _in_force(settings))
    for find in (_endpoint, _line, _unused_line, _timeouts, _grace, _zone):
        yield from find(settings)
    yield _deadline(settings, now)
    yield _quota(settings)
    yield check_types("types", settings.region, settings.type, "set VOD_BATCH_TYPE to what it has")


def check_types(name: str, region: str, types: Iterable[JobType], fix: str) -> Check:
    """Say whether ``region`` offers ``types`` (``vod-api.md`` 1.4)."""
    offered, asked = offered_types(region), sorted(types)
    missing = [job_type for job_type in asked if job_type not in offered]
    if missing:
        has = ", ".join(sorted(offered)) or "no video AI"
        detail = f"{', '.join(missing)}: not offered in {region}, which has {has}"
        places = ", ".join(place for place, has in OFFERED.items() if set(missing) <= has)
        return Check(name, detail, f"{fix}, or use {places}", ExitCode.CONFIGURATION)
    return Check(name, f"{', '.join(asked)}: offered in {region}" if asked else "none")


def _in_force(settings: Settings) -> str:
    sources = sources_in_force()
    parts = [f"{settings.account} in {settings.region}, at {settings.url}"]
    parts.append(f"file {sources.file}" if sources.file else "no settings file")
    parts += [f"{unread} is not read: that file stands in front of it" for unread in sources.unread]
    if sources.variables:
        parts.append(f"environment {', '.join(sources.variables)}")
    if sources.overruled:
        parts.append(f"the environment overrules the file's {', '.join(sources.overruled)}")
    return "; ".join(parts)


def _wrong(detail: str, fix: str) -> Check:
    return Check("settings", detail, fix, ExitCode.CONFIGURATION)


def _odd(detail: str, fix: str) -> Check:
    return Check("settings", detail, fix)


def _endpoint(settings: Settings) -> Iterator[Check]:
    host = urlsplit(settings.url).hostname or ""
    if is_cloud_host(host) and settings.region not in host.split("."):
        yield _wrong(
            f"the endpoint {host} is not of the region {settings.region}",
            "take VOD_BATCH_ENDPOINT away, or set VOD_BATCH_REGION to its region",
        )


def _line(settings: Settings) -> Iterator[Check]:
    if settings.database_url and settings.database_pooled and not settings.database_direct_url:
        yield _wrong(
            "the database is reached through a pooler only: the lock of a night and migrate need a "
            "session of their own",
            "set VOD_BATCH_DATABASE_DIRECT_URL to a way around it",
        )


def _unused_line(settings: Settings) -> Iterator[Check]:
    if not settings.database_url and (settings.database_direct_url or settings.database_pooled):
        yield _odd(
            "database_direct_url and database_pooled count for nothing without database_url: the "
            "embedded database is used",
            "set VOD_BATCH_DATABASE_URL, or take them away",
        )


def _timeouts(settings: Settings) -> Iterator[Check]:
    for name in ("connect_timeout", "read_timeout"):
        if getattr(settings, name) > settings.total_timeout:
            yield _odd(
                f"{name} is longer than total_timeout, which strikes first",
                f"make VOD_BATCH_{name.upper()} the shorter one",
            )


def _grace(settings: Settings) -> Iterator[Check]:
    if settings.grace < settings.total_timeout:
        yield _odd(
            "grace is shorter than total_timeout: a stop leaves in doubt what would still be "
            "answered",
            "make VOD_BATCH_GRACE the longer one",
        )


def _zone(settings: Settings) -> Iterator[Check]:
    if settings.until is not None and "timezone" not in settings.model_fields_set:
        yield _odd(
            f"until {settings.until:%H:%M} is taken in UTC, for no time zone is set",
            "set VOD_BATCH_TIMEZONE, such as Asia/Shanghai, or UTC to say so",
        )


def check_money(settings: Settings, kept: Sequence[str] = ()) -> Check:
    """Say which budget is in force, and whether it can be kept: every type needs a price.

    ``kept`` are the settings among them that the target has kept (:mod:`batch.settings.terms`).
    """
    name = "money"
    # Every setting that limits money, whatever it is called.
    limits = {
        name: value
        for name in type(settings).model_fields
        if "budget" in name and (value := getattr(settings, name)) is not None
    }
    prices = settings.price_list
    unpriced = sorted(set(settings.type) - set(prices.per_minute))
    if limits and unpriced:
        return Check(
            name,
            f"{', '.join(limits)} cannot be kept: {', '.join(unpriced)} has no price in "
            f"{settings.region}",
            'set prices in vod-batch.toml, such as AIMediaDNA = "0.05"',
            ExitCode.CONFIGURATION,
        )
    said = [f"{one} {exact(value)} {prices.currency}" for one, value in limits.items()]
    said = said or ["no budget"]
    said += [f"{one} {exact(price)} a minute" for one, price in sorted(prices.per_minute.items())]
    said += [] if prices.per_minute else ["no prices"]
    from_target = f"; kept with the target: {', '.join(kept)}" if kept else ""
    return Check(name, f"{', '.join(said)}{from_target}")


def _deadline(settings: Settings, now: datetime) -> Check:
    ends_at = run_deadline(settings, now)
    if ends_at is None:
        return Check("deadline", "none: a run ends when nothing is due")
    local = ends_at.astimezone(find_zone(settings.timezone))
    left = ends_at - now
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    return Check(
        "deadline",
        f"a run that begins now ends at {local:%Y-%m-%d %H:%M} {settings.timezone} "
        f"({ends_at.astimezone(UTC):%H:%M} UTC), in {hours}:{minutes:02d} hours",
    )


def _quota(settings: Settings) -> Check:
    pace = shared_rate(settings.qps)
    return Check(
        "quota",
        f"{settings.qps:g} calls a second (--qps); all workers together send {pace:.1f} a second, "
        f"{pace * 3600:,.0f} an hour",
    )
