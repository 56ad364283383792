"""Options that several commands share; those of settings are made from the settings' own fields."""

import functools
import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from urllib.parse import urlsplit

import typer

from batch.core.models import SHORT_NAMES, JobType, job_type_named
from batch.errors import ConfigurationError, UsageError
from batch.settings import Settings, load_settings, written

DATABASE = ("database_url", "home")
LEDGER = ("account", "region", *DATABASE)
CLOUD = ("account", "region", "endpoint", *DATABASE)

MOST_BATCHES = 2**63 - 1
"""As PostgreSQL's bigint has it."""

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
_TYPES = f"[{'|'.join([*JobType, *SHORT_NAMES.values()])}]"
_METAVARS = {"type": _TYPES}


def one_type(says: str) -> Any:
    """Return the option ``--type`` of one job type, by either of its names."""
    return typer.Option("--type", parser=job_type_named, metavar=_TYPES, help=says)


YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]

_Command = Callable[..., None]


def read_flags(**flags: Any) -> Settings:
    """Load settings by the flags of :func:`takes`.

    Raises:
        UsageError: a flag's value does not fit, or two flags contradict each other.
        ConfigurationError: what is set elsewhere does not fit.
    """
    if flags.pop(_QUIET.name, False):
        if flags["log"] not in (None, "quiet"):
            raise UsageError(f"--quiet and --log {flags['log']} contradict each other")
        flags["log"] = "quiet"
    _check_database(flags.get("database_url"))
    return load_settings(**flags)


def takes(*names: str, load: Callable[..., object] = read_flags) -> Callable[[_Command], _Command]:
    """Make an option of each setting of ``names``; their command's first argument is the settings.

    The options stand before the command's keyword-only ones. With ``load=dict`` the command gets
    the flags instead, unset ones as ``None``, for :func:`read_flags`: it has something to do
    before.
    Beside ``--log`` there is ``--quiet``, which is short for one of its words.
    """

    def decorate(command: _Command) -> _Command:
        @functools.wraps(command)
        def called(**words: Any) -> None:
            # A repeatable flag that was not given is an empty list.
            flags = {name: None if (word := words.pop(name)) == [] else word for name in names}
            if _QUIET.name in words:
                flags[_QUIET.name] = words.pop(_QUIET.name)
            command(load(**flags), **words)

        _, *own = inspect.signature(command, eval_str=True).parameters.values()
        after = [parameter for parameter in own if parameter.kind is parameter.KEYWORD_ONLY]
        before = own[: len(own) - len(after)]
        # What Typer makes the command's options of.
        called.__dict__["__signature__"] = inspect.Signature(
            [*before, *map(_option, names), *([_QUIET] if "log" in names else ()), *after]
        )
        return called

    return decorate


def _check_database(url: str | None) -> None:
    """Refuse a flag that no server can be found by; a setting's own is read where it is used."""
    if not url:
        return  # the embedded database
    from batch.ledger.connecting.address import read_address  # hardly ever said by a flag

    try:
        address = read_address(url)
        parts = [urlsplit(one) for one in address.hosts or (address.url,)]
        has_ports = all(part.port is None or part.port for part in parts)
    except (ConfigurationError, ValueError) as error:
        raise UsageError(f"--database-url: {error}") from None
    if not has_ports or parts[0].scheme not in ("postgresql", "postgres"):
        raise UsageError("--database-url: write it like postgresql://user@host:5432/database")


_QUIET = inspect.Parameter(
    "quiet",
    inspect.Parameter.KEYWORD_ONLY,
    default=typer.Option(False, "--quiet", help="Log problems only, as --log quiet does."),
    annotation=bool,
)


def _option(name: str) -> inspect.Parameter:
    field = Settings.model_fields[name]
    kind, flag = _kind(field.annotation), f"--{name.replace('_', '-')}"
    if kind is bool:
        flag += f"/--no-{flag[2:]}"
    assert field.description
    says = f"{field.description[0].upper()}{field.description[1:]}."
    if default := written(field.default):
        says += f" [{default}]"
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=typer.Option(None, flag, help=says, metavar=_METAVARS.get(name)),
        annotation=kind | None,
    )


_READ_BY_TYPER = (bool, int, float, Path)


def _kind(annotation: Any) -> Any:
    """Return the type that Typer reads a setting as; most are text to it, checked when loaded."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Annotated, Union, types.UnionType):  # the first of a union: the other is None
        return _kind(inner[0])
    if origin is tuple:
        return types.GenericAlias(list, (_kind(inner[0]),))
    return annotation if origin is Literal or annotation in _READ_BY_TYPER else str
