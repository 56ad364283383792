"""Where settings come from: flags, environment and ``vod-batch.toml``, the strongest first."""

import contextlib
import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from batch.errors import ConfigurationError, UsageError, VodBatchError
from batch.settings.model import Settings, UnfitError
from batch.settings.near import near_miss
from batch.settings.values import none_or_value

PREFIX = "VOD_BATCH_"
FILE_NAME = "vod-batch.toml"


def load_settings(*, reads_file: bool = True, **flags: Any) -> Settings:
    """Merge flags (unset ones are ``None``), environment and file into checked settings.

    The file is the first that exists of :func:`_places`. Without ``reads_file`` none is read: what
    brings a world of its own takes no order from the machine's. A variable that is nothing like a
    setting's is warned of: it may belong to what starts us.

    Raises:
        UsageError: the value of a flag does not fit.
        ConfigurationError: an unknown key, or another value that does not fit; the message names
            where the value came from.
    """
    origin: dict[str, str] = {}
    merged: dict[str, Any] = {}
    path = _file_path() if reads_file else None
    given = {name: value for name, value in flags.items() if value is not None}
    for label, values in (
        (str(path), _from_file(path) if path else {}),
        ("environment", _from_environment()),
        ("flag", given),
    ):
        merged |= values
        origin |= dict.fromkeys(values, label)
    _warn_of_strangers()
    try:
        return Settings(**merged).said_by_flag(given)
    except ValidationError as error:
        raise _first_problem(error, origin) from None


def load_channels(**flags: Any) -> Settings:
    """Return settings of nothing but who is told how a night went, for one that others kept from
    beginning; what cannot be read is as if it were unset.
    """
    in_file: dict[str, Any] = {}
    with contextlib.suppress(ConfigurationError):
        document = _document(path) if (path := _file_path()) else {}
        in_file = {_field_name(key): value for key, value in document.items()}
    good: dict[str, Any] = {}
    for names in _OF_CHANNELS:
        given = {
            name: flags.get(name) or os.environ.get(f"{PREFIX}{name.upper()}") or in_file.get(name)
            for name in names
        }
        values = {name: value for name, value in given.items() if value is not None}
        with contextlib.suppress(ValidationError):
            Settings.model_validate(values)
            good |= values
    return Settings(**good)


_OF_CHANNELS = (
    ("account",), ("region",), ("ping_url",), ("ping_success_codes",), ("webhooks",),
    ("smtp_url", "mail_from", "mail_to"), ("notify_timeout",),
)  # fmt: skip
"""Each with those that it cannot do without."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings come from: the file, if there is one, and variables by their full names.

    ``overruled`` are settings of the file that a variable sets too. ``unread`` are files that would
    be in force if the one in front of them were not there.
    """

    file: Path | None
    variables: tuple[str, ...]
    overruled: tuple[str, ...]
    unread: tuple[Path, ...] = ()


def sources_in_force() -> Sources:
    """Return what :func:`load_settings` reads beside flags.

    Raises:
        ConfigurationError: the file or a variable is off.
    """
    path, variables = _file_path(), _from_environment()
    in_file = _from_file(path) if path else {}
    return Sources(
        path.absolute() if path else None,
        tuple(sorted(f"{PREFIX}{name.upper()}" for name in variables)),
        tuple(sorted(in_file.keys() & variables.keys())),
        tuple(place for place in _places() if path and _is_another(place, path)),
    )


def _file_path() -> Path | None:
    """Return the settings file in force: the one that is named, else the first that exists."""
    if named := os.environ.get(f"{PREFIX}SETTINGS"):
        return Path(named)
    return next((place for place in _places() if os.path.lexists(place)), None)


def _places() -> list[Path]:
    """Return where a settings file is looked for, in this order.

    The working folder, the product's home, and the user's folder for configuration, as the XDG Base
    Directory Specification has it: a relative path in its variable counts for nothing. Where there
    is no home, as under some crons and in containers, there is no place in it.
    """
    config = os.environ.get("XDG_CONFIG_HOME", "")
    folders = (
        "",
        os.environ.get(f"{PREFIX}HOME") or "~/.vod-batch",
        f"{config if config.startswith('/') else '~/.config'}/vod-batch",
    )
    # Path.expanduser would raise where there is no home.
    expanded = (os.path.expanduser(folder) for folder in folders)  # noqa: PTH111
    return [Path(folder) / FILE_NAME for folder in expanded if not folder.startswith("~")]


def _is_another(place: Path, than: Path) -> bool:
    return os.path.lexists(place) and place.absolute() != than.absolute()


def _from_file(path: Path) -> dict[str, Any]:
    document = _document(path)
    values = {_field_name(key): value for key, value in document.items()}
    for key, name in zip(document, values, strict=True):
        if name not in Settings.model_fields:
            raise ConfigurationError(f"{path}: unknown setting {key!r}{_suggestion(name)}")
    return values


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read the settings file {path}: {error}") from None


def _from_environment() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in os.environ.items():
        name = _field_name(key)
        if not key.startswith(PREFIX) or name == "settings":
            continue
        if name in Settings.model_fields:
            # An empty variable is how compose files and shells write "unset".
            if value != "":
                values[name] = _from_text(name, value)
        elif near := near_miss(name, Settings.model_fields):
            meant = f"{PREFIX}{near.upper()}"
            raise ConfigurationError(f"unknown environment variable {key}; did you mean {meant}?")
    return values


def _warn_of_strangers() -> None:
    known = {"settings", *Settings.model_fields}
    strangers = sorted(
        key for key in os.environ if key.startswith(PREFIX) and _field_name(key) not in known
    )
    if strangers:
        from batch.logs import rare_logger  # hardly ever wanted, and slow to import

        rare_logger().warning("unknown_variables_ignored", variables=strangers)


def _from_text(name: str, value: str) -> object:
    """Read what a variable holds of a table."""
    if name == "prices" and none_or_value(value) is not None:
        try:
            return json.loads(value, parse_float=str)
        except ValueError as error:
            raise ConfigurationError(f"{PREFIX}PRICES is not JSON: {error}") from None
    return value


def _field_name(key: str) -> str:
    return key.lower().replace("-", "_").removeprefix(PREFIX.lower())


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _blamed(problem: Mapping[str, Any]) -> str | None:
    """Return the setting that a check of several settings together found wrong."""
    error = problem.get("ctx", {}).get("error")
    return error.setting if isinstance(error, UnfitError) else None


def _first_problem(error: ValidationError, origin: dict[str, str]) -> VodBatchError:
    problem = error.errors(include_url=False, include_input=False)[0]
    text = problem["msg"].removeprefix("Value error, ")
    name = str(problem["loc"][0]) if problem["loc"] else _blamed(problem)
    if name is None:
        return ConfigurationError(text)
    where = {
        "flag": f"--{name.replace('_', '-')}",
        "environment": f"{PREFIX}{name.upper()}",
    }.get(origin.get(name, ""), f"{name} in {origin[name]}" if name in origin else name)
    kind = UsageError if origin.get(name) == "flag" else ConfigurationError
    return kind(f"{where}: {text}")
