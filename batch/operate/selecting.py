"""Which submissions an operator means: the selectors of the command line, and how they read."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from batch.core.models import JobType
from batch.core.states import State
from batch.errors import UsageError
from batch.intake.errors import CellError
from batch.intake.manifest import Manifest
from batch.intake.media_ids import parse_media_id
from batch.intake.model import IntakeOptions
from batch.intake.sources import expand_inputs, standard_input
from batch.ledger.operators import Selection
from batch.settings import Settings

_NAMED_IDS = 3
"""As many media ids as a reason names one by one."""


class Command(StrEnum):
    """What an operator may do with submissions."""

    RETRY = "retry"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Selectors:
    """The selectors as given on the command line; see :func:`select`."""

    media_ids: tuple[str, ...] = ()
    everything: bool = False
    states: tuple[State, ...] = ()
    code: str | None = None
    batch: int | None = None
    ids: str | None = None
    job_type: JobType | None = None
    campaign: str | None = None


def select(selectors: Selectors, settings: Settings) -> Selection:
    """Return what the selectors mean; ``ids`` is read, a file or ``-``.

    Raises:
        UsageError: nothing is selected, ``--all`` does not stand alone, an id is none, the file
            cannot be read or holds a bad line.
    """
    narrowed = selectors != Selectors(everything=selectors.everything)
    if selectors.everything and narrowed:
        raise UsageError("--all means the whole target and goes alone; drop it, or the rest")
    if not selectors.everything and not narrowed:
        raise UsageError(
            "say which submissions: media ids, --ids FILE, --state, --code, --batch, --type or "
            "--campaign; --all means the whole target"
        )
    return Selection(
        states=selectors.states or None,
        code=selectors.code,
        batch=selectors.batch,
        media=_media(selectors, settings),
        job_type=selectors.job_type,
        campaign=selectors.campaign,
    )


def _media(selectors: Selectors, settings: Settings) -> tuple[str, ...] | None:
    if not selectors.media_ids and selectors.ids is None:
        return None
    named = [media_id_of(text) for text in selectors.media_ids]
    listed = read_ids(selectors.ids, settings) if selectors.ids is not None else []
    return tuple(dict.fromkeys([*named, *listed]))


def media_id_of(text: str) -> str:
    """Return the media id in ``text``; raise :class:`UsageError` for anything else."""
    try:
        return parse_media_id(text)
    except CellError as error:
        raise UsageError(str(error)) from None


def read_ids(source: str, settings: Settings) -> list[str]:
    """Return the media ids of a manifest, or of standard input for ``-``.

    Its other columns are ignored. The ids are kept in memory, about 100 bytes each.

    Raises:
        UsageError: the input cannot be read, holds a bad line, or holds no id.
    """
    types = tuple(JobType)
    options = IntakeOptions(
        types, frozenset(types), settings.region, settings.column, settings.encoding
    )
    if source == "-":
        manifest = Manifest(None, options, stream=standard_input())
    else:
        (name,) = expand_inputs([source])[:1]
        manifest = Manifest(Path(name), options)
    ids: list[str] = []
    for chunk in manifest.chunks():
        if chunk.quarantined:
            bad = chunk.quarantined[0]
            raise UsageError(
                f"{manifest.name}, line {bad.line}: {bad.reason}; nothing was changed, "
                "fix the line and say it again"
            )
        ids += chunk.media_ids
    if not ids:
        raise UsageError(f"{manifest.name} holds no media id")
    return ids


def reason_text(
    command: Command, selectors: Selectors, selection: Selection, why: str | None
) -> str:
    """Return the reason for the history: the command with its selectors, and why."""
    text = (
        f"{command} of the whole target"
        if selectors.everything
        else f"{command} by {_by(selectors)}"
    )
    if selectors.ids is not None and selection.media is not None:
        text += f" ({len(selection.media):,} media)"
    return f"{text}: {' '.join(why.split())}" if why and why.strip() else text


def _by(selectors: Selectors) -> str:
    few = len(selectors.media_ids) <= _NAMED_IDS
    named = ", ".join(selectors.media_ids) if few else f"{len(selectors.media_ids):,} ids"
    said: dict[str, str | None] = {
        "state": ", ".join(selectors.states) or None,
        "code": selectors.code,
        "batch": str(selectors.batch) if selectors.batch is not None else None,
        "type": selectors.job_type,
        "campaign": selectors.campaign,
        "media": named or None,
        "ids": "standard input" if selectors.ids == "-" else selectors.ids,
    }
    return ", ".join(f"{name} {value}" for name, value in said.items() if value)
