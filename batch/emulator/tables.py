"""Tables of TOML or JSON into dataclasses; an unknown key or a wrong type is an error."""

import dataclasses
import difflib
import types
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class SettingsError(ValueError):
    """A setting is unknown, of the wrong type, or out of range; the message names it."""


def build(cls: type[T], table: object, where: str = "") -> T:
    """Return a ``cls`` (a dataclass) filled from ``table``; ``where`` prefixes names in errors."""
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where or 'settings'} must be a table, not {table!r}")
    hints = get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls) if field.init]  # type: ignore[arg-type]
    values = {}
    for key, value in table.items():
        path = f"{where}.{key}" if where else str(key)
        if key not in names:
            raise SettingsError(f"unknown setting {path!r}{_suggest(str(key), names)}")
        values[key] = convert(value, hints[key], path)
    try:
        return cls(**values)
    except SettingsError as error:
        raise SettingsError(f"{where or 'settings'}: {error}") from None
    except TypeError:
        raise SettingsError(
            f"{where or 'settings'}: {_missing(cls, values)} must be given"
        ) from None


def _suggest(key: str, names: list[str]) -> str:
    near = difflib.get_close_matches(key, names, n=1)
    return f", did you mean {near[0]!r}?" if near else f"; known: {', '.join(names)}"


def _missing(cls: type[Any], values: Mapping[str, object]) -> str:
    needed = [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
        and field.name not in values
    ]
    return ", ".join(needed)


def convert(value: Any, hint: Any, path: str) -> Any:
    """Return ``value`` as the type ``hint``, or say what was expected of ``path``."""
    if hint is Any:
        return value
    origin = get_origin(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, path)
    if origin in (Union, types.UnionType):
        return _convert_optional(value, hint, path)
    if origin is tuple:
        return _convert_tuple(value, get_args(hint), path)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise SettingsError(f"{path} must be a table, not {value!r}")
        inner = get_args(hint)[1]
        return {str(key): convert(item, inner, f"{path}.{key}") for key, item in value.items()}
    return _convert_plain(value, hint, path)


def _convert_plain(value: Any, hint: Any, path: str) -> Any:
    if get_origin(hint) is Literal:
        choices = get_args(hint)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        choices = tuple(member.value for member in hint)
    elif hint is Decimal:
        return _convert_decimal(value, path)
    else:
        return _convert_scalar(value, hint, path)
    if value not in choices:
        raise SettingsError(f"{path} must be one of {', '.join(map(str, choices))}, not {value!r}")
    return hint(value) if isinstance(hint, type) else value


def _convert_decimal(value: Any, path: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise SettingsError(f"{path} must be a decimal number, not {value!r}")
    return number


def _convert_optional(value: Any, hint: Any, path: str) -> Any:
    if value is None:
        return None
    inner = next(arg for arg in get_args(hint) if arg is not type(None))
    return convert(value, inner, path)


def _convert_tuple(value: Any, args: tuple[Any, ...], path: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise SettingsError(f"{path} must be a list, not {value!r}")
    same_hint = len(args) == 2 and args[1] is Ellipsis
    hints = (args[0],) * len(value) if same_hint else args
    if len(hints) != len(value):
        raise SettingsError(f"{path} must have {len(hints)} entries, not {len(value)}")
    return tuple(
        convert(item, item_hint, f"{path}[{index}]")
        for index, (item, item_hint) in enumerate(zip(value, hints, strict=True))
    )


def _convert_scalar(value: Any, hint: type[Any], path: str) -> Any:
    # A bool is an int to Python, but never a number to whoever writes the file.
    accepted = (int, float) if hint is float else (hint,)
    if isinstance(value, bool) is not (hint is bool) or not isinstance(value, accepted):
        raise SettingsError(f"{path} must be of type {hint.__name__}, not {value!r}")
    return hint(value)
