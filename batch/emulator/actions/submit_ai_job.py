"""SubmitAIJob: start AI jobs for one media (``vod-api.md`` 1)."""

import json
from typing import Any

from batch.emulator.answers import encode
from batch.emulator.call import Call
from batch.emulator.jobs import Job
from batch.emulator.models import MEDIA_DNA, VIDEO_TAG
from batch.emulator.refusals import Refused
from batch.emulator.settings import SubmitSettings
from batch.emulator.world import World

_KNOWN_TYPES = (MEDIA_DNA, VIDEO_TAG)
_OFFERED_TYPES: dict[str, tuple[str, ...]] = {
    "cn-shanghai": _KNOWN_TYPES,
    "cn-beijing": _KNOWN_TYPES,
    "ap-southeast-1": (MEDIA_DNA,),
}
"""Job types by region (``vod-api.md`` 1.4); a region that is not listed offers none."""


def submit_ai_job(world: World, call: Call) -> dict[str, Any]:
    """Make one job a type; all parameters are checked before the first job exists."""
    settings, media_id = world.settings.submit, call.get("MediaId")
    world.library.check(media_id)
    if (status := world.library.status(media_id)) in settings.refused_statuses:
        raise Refused("illegal_status", status)
    types = _types_to_start(world, call.get("Types"))
    if config := call.get("Config"):
        _check_config(config, settings)
    if user_data := call.get("UserData"):
        _check_user_data(user_data, settings)
    jobs = _make_jobs(world, call, media_id, types)
    world.automatic.submitted(media_id, call.account)
    entries = [{"JobId": job.job_id, "MediaId": job.media_id, "Type": job.type} for job in jobs]
    return {"AIJobList": {"AIJob": entries}}


def _types_to_start(world: World, text: str) -> list[str]:
    """Return the types that can run, in the order asked for, each once.

    The call is refused if one cannot and that is not tolerated.
    """
    settings, offered = world.settings.submit, _OFFERED_TYPES.get(world.settings.region, ())
    if not text:  # undocumented (vod-api.md 1.1)
        if settings.types_absent == "refuse":
            raise Refused("missing_types")
        return list(offered) if settings.types_absent == "all" else []
    asked = list(dict.fromkeys(text.split(",")))
    for name in asked:
        if name not in _KNOWN_TYPES:
            raise Refused("unknown_type", name)
    started = [name for name in asked if name in offered and name not in settings.inactive_types]
    if len(started) == len(asked) or (settings.partial_success and started):
        return started
    name = next(name for name in asked if name not in started)
    raise Refused("type_not_offered" if name not in offered else "type_not_active", name)


def _check_config(text: str, settings: SubmitSettings) -> None:
    """Refuse a Config that is not as in ``vod-api.md`` 1.3 (new and older key names)."""
    config = _json_object(text, "invalid_config")
    _check_texts(config, "DNADBId")
    for key in ("AIMediaDNA", "AIVideoTag", "AIVideoTagConfig"):
        section = config.get(key, {})
        if not isinstance(section, dict):
            raise Refused("invalid_config", f"{key} must be an object")
        _check_texts(section, "DNADBId", "AnalyseTypes")
        wanted = section.get("AnalyseTypes")
        for name in wanted.split(",") if wanted else ():
            if name not in settings.analyse_types:
                raise Refused("invalid_config", f"unknown AnalyseTypes {name}")


def _check_texts(section: dict[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(section.get(name, ""), str):
            raise Refused("invalid_config", f"{name} must be a string")


def _check_user_data(text: str, settings: SubmitSettings) -> None:
    """Refuse a UserData that is not as in ``vod-api.md`` 3; both forms of Extend circulate."""
    user_data = _json_object(text, "invalid_user_data")
    for key in ("MessageCallback", "Extend"):
        value = user_data.get(key, {})
        if isinstance(value, str):
            _json_object(value, "invalid_user_data")
        elif not isinstance(value, dict):
            raise Refused("invalid_user_data", f"{key} must be a JSON object")
    extend = user_data.get("Extend", "")
    written = extend if isinstance(extend, str) else encode(extend)
    if len(written.encode(errors="surrogatepass")) > settings.extend_limit_bytes:
        limit = settings.extend_limit_bytes
        raise Refused("invalid_user_data", f"Extend is longer than {limit} bytes")


def _json_object(text: str, situation: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(situation, "not JSON") from None
    if not isinstance(value, dict):
        raise Refused(situation, "not a JSON object")
    return value


def _make_jobs(world: World, call: Call, media_id: str, types: list[str]) -> list[Job]:
    """Apply the duplicate policy (undocumented, ``vod-api.md`` 1.1), then start the jobs."""
    policy, running = world.settings.submit.duplicates, dict[str, Job]()
    if policy != "another_job":
        jobs = world.jobs.of_media(media_id, call.account)  # of each type the latest counts
        running = {j.type: j for j in jobs if j.type in types and not world.jobs.has_ended(j)}
    if running and policy == "refuse":
        raise Refused("duplicate_job", ",".join(running))
    return [running.get(name) or world.jobs.make(call, media_id, name) for name in types]
