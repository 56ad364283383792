"""Which host serves a region, and which job types it offers."""

from batch.core.models import JobType

DEFAULT_REGION = "cn-shanghai"

_BOTH = frozenset({JobType.MEDIA_DNA, JobType.VIDEO_TAG})

OFFERED: dict[str, frozenset[JobType]] = {
    "cn-shanghai": _BOTH,
    "cn-beijing": _BOTH,
    "ap-southeast-1": frozenset({JobType.MEDIA_DNA}),
}
"""Job types by region (``vod-api.md`` 1.4). A region that is not listed offers none."""


def offered_types(region: str) -> frozenset[JobType]:
    """Return the job types that ``region`` offers; empty for a region without video AI."""
    return OFFERED.get(region, frozenset())


def region_host(region: str) -> str:
    """Return the public host of ``region`` (``vod-api.md`` 7)."""
    return f"vod.{region}.aliyuncs.com"
