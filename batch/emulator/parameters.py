"""Validation of parameters as documented (``vod-api.md`` 1.1, 1.3, 2, 3)."""

import json
from collections.abc import Collection, Iterable
from typing import Any

from batch.emulator.answers import Refused
from batch.emulator.calls import Call
from batch.emulator.sections import KNOWN_TYPES, OFFERED_TYPES, SubmitSettings
from batch.emulator.settings import Settings

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def check_types(text: str, settings: Settings) -> list[str]:
    """Return the job types to start, in the order asked for, each once."""
    if not text:
        return _types_absent(settings)
    asked = list(dict.fromkeys(text.split(",")))
    for name in asked:
        if name not in KNOWN_TYPES:
            raise Refused("unknown_type", name)
    return _startable(asked, settings)


def _types_absent(settings: Settings) -> list[str]:
    """What happens without Types is undocumented (``vod-api.md`` 1.1)."""
    match settings.submit.types_absent:
        case "all":
            return list(OFFERED_TYPES.get(settings.region, ()))
        case "none":
            return []
        case _:
            raise Refused("missing_types")


def _startable(asked: list[str], settings: Settings) -> list[str]:
    """Return the types that can run; refuse the call if one cannot and that is not tolerated."""
    offered = OFFERED_TYPES.get(settings.region, ())
    inactive = settings.submit.inactive_types
    started = [name for name in asked if name in offered and name not in inactive]
    if len(started) == len(asked) or (settings.submit.partial_success and started):
        return started
    name = next(name for name in asked if name not in started)
    raise Refused("type_not_offered" if name not in offered else "type_not_active", name)


def check_config(text: str, settings: SubmitSettings) -> None:
    """Refuse a Config that is not as in ``vod-api.md`` 1.3 (new and older key names)."""
    config = _json_object(text, "invalid_config")
    _check_text(config, "DNADBId")
    for key in ("AIMediaDNA", "AIVideoTag", "AIVideoTagConfig"):
        section = config.get(key, {})
        if not isinstance(section, dict):
            raise Refused("invalid_config", f"{key} must be an object")
        _check_text(section, "DNADBId")
        _check_text(section, "AnalyseTypes")
        _check_analyse_types(section.get("AnalyseTypes", ""), settings.analyse_types)


def _check_text(section: dict[str, Any], key: str) -> None:
    if not isinstance(section.get(key, ""), str):
        raise Refused("invalid_config", f"{key} must be a string")


def _check_analyse_types(text: str, known: Iterable[str]) -> None:
    for name in text.split(",") if text else ():
        if name not in known:
            raise Refused("invalid_config", f"unknown AnalyseTypes {name}")


def check_user_data(text: str, settings: SubmitSettings) -> None:
    """Refuse a UserData that is not as in ``vod-api.md`` 3; both forms of Extend circulate."""
    user_data = _json_object(text, "invalid_user_data")
    _check_object_or_json(user_data, "MessageCallback")
    _check_object_or_json(user_data, "Extend")
    extend = user_data.get("Extend", "")
    if not isinstance(extend, str):
        extend = _COMPACT.encode(extend)
    if len(extend.encode(errors="surrogatepass")) > settings.extend_limit_bytes:
        raise Refused(
            "invalid_user_data", f"Extend is longer than {settings.extend_limit_bytes} bytes"
        )


def _check_object_or_json(user_data: dict[str, Any], key: str) -> None:
    value = user_data.get(key, {})
    if isinstance(value, str):
        _json_object(value, "invalid_user_data")
    elif not isinstance(value, dict):
        raise Refused("invalid_user_data", f"{key} must be a JSON object")


def _json_object(text: str, situation: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(situation, "not JSON") from None
    if not isinstance(value, dict):
        raise Refused(situation, "not a JSON object")
    return value


def check_job_ids(call: Call, limit: int) -> list[str]:
    """Return the ids of ListAIJob in the order asked for, each once."""
    return _split_ids(call.get("JobIds"), limit, "missing_job_ids", "too_many_job_ids")


def check_video_ids(call: Call, limit: int) -> tuple[list[str], list[str]]:
    """Return VideoIds and ReferenceIds of GetVideoInfos, in the order asked for, each once."""
    video_ids, reference_ids = call.get("VideoIds"), call.get("ReferenceIds")
    if reference_ids and not video_ids:
        return [], _split_ids(reference_ids, limit, "missing_video_ids", "too_many_video_ids")
    return _split_ids(video_ids, limit, "missing_video_ids", "too_many_video_ids"), []


def _split_ids(text: str, limit: int, missing: str, too_many: str) -> list[str]:
    if not text:
        raise Refused(missing)
    ids = text.split(",")
    if len(ids) > limit:
        raise Refused(too_many, str(limit))
    return list(dict.fromkeys(ids))


def check_job_type(call: Call, known: Collection[str]) -> str:
    """Return the JobType of ListJobInfo or GetJobDetail (``vod-api.md`` 2.2, 2.4)."""
    job_type = call.get("JobType")
    if not job_type:
        raise Refused("missing_job_type")
    if job_type not in known:
        raise Refused("unknown_job_type", job_type)
    return job_type
