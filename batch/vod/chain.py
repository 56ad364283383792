"""Alibaba's own chain of sources for a key, in its order, by its own library (``vod-api.md`` 8).

The library's ready-made chain hides which source failed and reads a file once; so the sources are
asked one by one here. Which one served is asked from then on, as the library does: a source that
fails for a while must not hand the night to another account's key.

The library reads ``ALIBABA_CLOUD_*`` once, when it is imported, so it is imported at first use.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from batch.errors import PermissionRefusedError
from batch.vod.key import Credentials

ADVICE = (
    "Set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (and"
    " ALIBABA_CLOUD_SECURITY_TOKEN for a temporary key), or provide a profile or a RAM role."
)
_HTTP_STATUS = re.compile(r"(?:http_?code|HttpCode)\W+(\d{3})", re.IGNORECASE)
_SLOW = "no answer in time"


class SourceFailedError(PermissionRefusedError):
    """A source that may give a key the next moment gave none."""


@dataclass(frozen=True, slots=True)
class _Source:
    """``name`` for people; ``file`` is read anew when it changes; ``is_set_up`` by a variable of
    its own, so that its failure is never its absence.
    """

    name: str
    make: Callable[[], Any]
    is_set_up: bool = False
    file: Path | None = None

    @property
    def stamp(self) -> tuple[int, int, int] | None:
        """What changes when the file does."""
        try:
            found = self.file.stat() if self.file else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None

    def failed(self, error: Exception) -> PermissionRefusedError:
        """Return the error that names this source, of the kind that says whether to try again."""
        told = _told(error)
        kind = SourceFailedError if self.is_set_up or _passes(told) else PermissionRefusedError
        return kind(f"{self.name}: {told}")


class Chain:
    """Asks the sources for a key, the one that served last first and alone. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._used: _Source | None = None
        self._stamp: object = None
        self._provider: Any = None

    def __call__(self) -> Credentials:
        """Return the key. Raises SourceFailedError where trying again may help, and
        PermissionRefusedError where it does not.
        """
        with self._lock:
            return self._ask_all() if self._used is None else self._ask(self._used)

    def forget(self) -> None:
        """Let the next key come from its source itself: what the library remembers was refused."""
        with self._lock:
            self._provider = None

    def _ask_all(self) -> Credentials:
        failures: list[PermissionRefusedError] = []
        for source in _sources():
            try:
                found = self._ask(source)
            except PermissionRefusedError as error:
                if source.is_set_up or source.stamp or isinstance(error, SourceFailedError):
                    failures.append(error)
                continue
            self._used = source
            return found
        causes = "; ".join(map(str, failures))
        if any(isinstance(error, SourceFailedError) for error in failures):
            raise SourceFailedError(causes)
        raise PermissionRefusedError(
            f"no Alibaba Cloud credentials were found{f' ({causes})' if causes else ''}. {ADVICE}"
        )

    def _ask(self, source: _Source) -> Credentials:
        """Ask one source, by a provider made anew where its file changed or it is to forget."""
        stamp = source.stamp
        provider = self._provider if self._used and stamp == self._stamp else None
        try:
            provider = provider or source.make()
            found = provider.get_credentials()
        except Exception as error:
            raise source.failed(error) from None
        self._provider, self._stamp = provider, stamp
        return Credentials(
            access_key_id=found.get_access_key_id() or "",
            access_key_secret=found.get_access_key_secret() or "",
            security_token=found.get_security_token() or None,
            provider=f"default/{found.get_provider_name()}",
            expires_at=_expiry(found) if found.get_security_token() else None,
        )


def _sources() -> list[_Source]:
    """Import the library (half a second), silence it, and name its sources in its order."""
    from alibabacloud_credentials import provider as library
    from alibabacloud_credentials.utils import auth_constant
    from alibabacloud_credentials.utils import auth_util as given

    _silence()
    home = Path(auth_constant.HOME)
    profile = given.environment_credentials_file or home / ".alibabacloud" / "credentials.ini"
    role = _Source(
        "the ECS machine's RAM role",
        library.EcsRamRoleCredentialsProvider,
        bool(given.environment_ecs_metadata),
    )
    uri = _Source("ALIBABA_CLOUD_CREDENTIALS_URI", library.URLCredentialsProvider, is_set_up=True)
    sources = [_Source("the environment", library.EnvironmentVariableCredentialsProvider)]
    if given.enable_oidc_credential:
        sources.append(_Source("OIDC", library.OIDCRoleArnCredentialsProvider, is_set_up=True))
    cli = home / ".aliyun" / "config.json"
    sources += [
        _Source("the CLI's profile", library.CLIProfileCredentialsProvider, file=cli),
        _Source("the credentials file", library.ProfileCredentialsProvider, file=Path(profile)),
    ]
    if given.environment_ecs_metadata_disabled.lower() != "true":
        sources.append(role)
    if given.environment_credentials_uri:
        sources.append(uri)
    return sources


def _silence() -> None:
    """The library's log lines may repeat an answer, and so a key."""
    noisy = logging.getLogger("credentials")
    for handler in list(noisy.handlers):
        noisy.removeHandler(handler)
    noisy.addHandler(logging.NullHandler())
    noisy.propagate = False


def _passes(told: str) -> bool:
    """Tell whether a failure shows that somebody is there: a machine without a role has nobody."""
    return told == _SLOW or told.startswith("HTTP 5")


def _told(error: Exception) -> str:
    """Say what failed without the library's text, which may repeat an answer, and so a key."""
    text = str(error)
    status = _HTTP_STATUS.search(text)
    if status:
        return f"HTTP {status[1]}"
    if "read timed out" in text.lower():
        return _SLOW
    return "no connection" if "onnect" in text else type(error).__name__


def _expiry(found: Any) -> datetime | None:
    """Return when the key ends, as far as its source says; a profile's does not pass it on."""
    ends = found.get_expiration() if hasattr(found, "get_expiration") else None
    return datetime.fromtimestamp(ends, UTC) if ends else None
