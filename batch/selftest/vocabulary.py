"""Words that the real cloud may say where our documents have others, and faults in its own names.

All are words of Alibaba's sister products, seen in public tables (``vod-api.md`` 2.1, 2.4, 2.7,
5.2), or nonsense. What they are laid over is the emulator's own vocabulary, in its own form:
operation, field, word.
"""

import random
from typing import Any

Words = dict[str, dict[str, dict[str, Any]]]

LEFT_OUT = False
"""Said instead of a word: the field is not there."""

_NONSENSE = "Zorp"

DETAIL_TYPES: dict[str, tuple[object, ...]] = {
    "AIMediaDNA": ("AIVideoFPShot", "AIVideoCensor", "AIMediaAudit", "ai", "", LEFT_OUT, _NONSENSE),
    "AIVideoTag": ("AIVideoMCU", "AIVideoCensor", "ai", "", LEFT_OUT, _NONSENSE),
}
"""JobType of GetJobDetail, whose words are not SubmitAIJob's."""

TRIGGERS: tuple[object, ...] = ("API", "manual", "", LEFT_OUT, _NONSENSE)
"""Instead of ``Manual``."""

STATUSES: tuple[object, ...] = (
    "SUCCEED", "Success", "finished", "canceled", "reserved", "analysing", "", _NONSENSE,
)  # fmt: skip
"""Instead of ``success`` in ListAIJob."""

MEDIA_STATUSES = (
    "UploadSucces", "Producing", "Normal ", "Analysing", "finished", "", _NONSENSE,
)  # fmt: skip
"""Instead of ``Normal`` in GetVideoInfos; the first is how one documented page spells one."""

DATES: tuple[object, ...] = (
    {"hours": 8},
    {"hours": -8},
    {"form": "%Y-%m-%dT%H:%M:%S"},
    {"hours": 8, "form": "%Y-%m-%dT%H:%M:%S+08:00"},
    {"form": "%Y-%m-%d %H:%M:%S"},
    "",
    LEFT_OUT,
)
"""Instead of ``CreateTime``: another zone, another form, none."""

SUBMIT_TYPES: dict[str, tuple[object, ...]] = {
    "AIMediaDNA": ("aimediadna", "AIVideoFPShot", LEFT_OUT),
    "AIVideoTag": ("AIVideoMCU", "AIVideoTag,AIMediaDNA", LEFT_OUT),
}
"""Type in the answer to SubmitAIJob."""

SERVER_TROUBLE: tuple[tuple[str, int], ...] = (
    ("AcsServerTimeOut", 408),
    ("InternalError", 400),
    ("ServiceUnavailable", 400),
    ("UnknownError", 400),
    ("ServerBusy", 403),
    (_NONSENSE, 400),
)
"""Code and status of errors that come although the job may have been made."""

THROTTLING: tuple[tuple[str, int], ...] = (
    ("Throttling", 503),
    ("Throttling.Api", 400),
    ("Rejected.Throttling", 429),
    ("RequestsTooFrequent", 403),
    ("FlowControlError", 400),
    ("TooManyRequests", 429),
)
"""Code and status of refusals because of the pace."""


def draw_words(dice: random.Random) -> Words:
    """Draw a vocabulary: now and then each word is another one, most of the time the documented."""
    words: Words = {}

    def maybe(operation: str, field: str, word: str, choices: tuple[object, ...]) -> None:
        if dice.random() < 0.4:
            fields = words.setdefault(operation, {}).setdefault(field, {})
            fields[word] = dice.choice(choices)

    for job_type, choices in DETAIL_TYPES.items():
        maybe("GetJobDetail", "AIJobDetail.JobType", job_type, choices)
    maybe("GetJobDetail", "Trigger", "Manual", TRIGGERS)
    maybe("ListAIJob", "Status", "success", STATUSES)
    maybe("ListJobInfo", "CreateTime", "*", DATES)
    if dice.random() < 0.2:
        for job_type, choices in SUBMIT_TYPES.items():
            maybe("SubmitAIJob", "Type", job_type, choices)
    return words
