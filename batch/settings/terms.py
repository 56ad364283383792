"""What may be spent and at which prices, where the settings of one run meet what a target keeps.

A file in one folder or a variable of one shell is not there for the next run, and a budget that is
lost is no budget. So what they say is kept with the target, as plain facts by the setting's name;
what a flag says holds for one run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from batch.errors import ConfigurationError
from batch.settings.model import Settings

_PRICES = ("prices", "currency")
"""Said together: prices without their currency are other prices."""
_LIMITS = ("budget", "budget_day", "budget_month", "longest")
TERMS = (*_PRICES, *_LIMITS)


@dataclass(frozen=True, slots=True)
class Terms:
    """``settings`` are those in force; ``to_keep`` is what the target is to keep instead of what it
    has kept, ``None`` for the same.

    ``kept`` names the settings in force that the target has kept and nobody said this time.
    """

    settings: Settings
    to_keep: dict[str, Any] | None
    kept: tuple[str, ...]


def agree(settings: Settings, kept: Mapping[str, Any]) -> Terms:
    """Lay what a target has ``kept`` under what ``settings`` say.

    What is said to be none is kept no longer, whoever says so.

    Raises:
        ConfigurationError: a budget is in force and no price is, the prices that are kept are in
            another currency, or what is kept cannot be read.
    """
    said = settings.model_fields_set & {*TERMS}
    to_keep = dict(kept)
    missing = {name for name in kept if name not in said}
    if "prices" in said:
        missing -= {*_PRICES}
        _replace(to_keep, settings, _PRICES, is_none=not settings.prices)
    elif "prices" in kept:
        _insist_on_same_currency(settings, kept, said)
        missing |= {*_PRICES} & kept.keys()
    for name in said & {*_LIMITS}:
        _replace(to_keep, settings, (name,), is_none=getattr(settings, name) is None)
    in_force = settings.with_terms(_read(kept, missing))
    insist_on_prices(in_force)
    names = tuple(name for name in TERMS if name in missing)
    return Terms(in_force, None if to_keep == kept else to_keep, names)


def insist_on_prices(settings: Settings) -> None:
    """See that what limits money can be kept.

    Raises:
        ConfigurationError: a budget is in force and no price is.
    """
    limits = [name for name in _LIMITS if "budget" in name and getattr(settings, name) is not None]
    if limits and not settings.price_list.per_minute:
        raise ConfigurationError(
            "prices: a budget is set, and there are none: set them in vod-batch.toml, as "
            f'AIMediaDNA = "0.05" under [prices], or take {", ".join(limits)} away by setting it '
            "to none"
        )


def _replace(
    to_keep: dict[str, Any], settings: Settings, names: tuple[str, ...], *, is_none: bool
) -> None:
    """Put what is said in the place of what was kept; a flag's word is for one run."""
    if is_none:
        for name in names:
            to_keep.pop(name, None)
    elif names[0] not in settings.by_flag:
        to_keep.update({name: _fact(getattr(settings, name)) for name in names})


def _fact(value: object) -> object:
    """Return a setting's value as JSON has it, and as settings are read from."""
    if isinstance(value, Mapping):
        return {name: _fact(one) for name, one in value.items()}
    return f"{value.total_seconds():.3f}s" if isinstance(value, timedelta) else str(value)


def _insist_on_same_currency(settings: Settings, kept: Mapping[str, Any], said: set[str]) -> None:
    currency = kept.get("currency", settings.currency)
    if "currency" in said and settings.currency != currency:
        raise ConfigurationError(
            f"currency: {settings.currency} is set without prices, and the prices that the target "
            f"has kept are in {currency}; set prices too, or leave currency out"
        )


def _read(kept: Mapping[str, Any], names: set[str]) -> Settings:
    try:
        return Settings.model_validate({name: kept[name] for name in names})
    except ValidationError:
        raise ConfigurationError(
            "the prices and budgets that the target has kept cannot be read: another version of "
            f"vod-batch may have written them; set {', '.join(sorted(names))} anew"
        ) from None
