"""Every setting, from flags, environment and ``vod-batch.toml``, in that order of strength.

A flag ``--max-submissions`` has the environment twin ``VOD_BATCH_MAX_SUBMISSIONS`` and the file key
``max_submissions`` (dashes and the prefix are accepted there too). Credentials are not settings:
they come from Alibaba's own chain (``docs/operating.md``).
"""

from batch.core.hosts import is_loopback_host
from batch.settings.model import SHORTEST_SETTLE, Settings
from batch.settings.sources import PREFIX, load_channels, load_settings, sources_in_force
from batch.settings.values import is_cloud_host, parse_duration, written

__all__ = [
    "PREFIX",
    "SHORTEST_SETTLE",
    "Settings",
    "is_cloud_host",
    "is_loopback_host",
    "load_channels",
    "load_settings",
    "parse_duration",
    "sources_in_force",
    "written",
]
