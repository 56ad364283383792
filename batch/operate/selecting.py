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
    media, job_type = _media(selectors, settings)
    return Selection(
        states=selectors.states or None,
        code=selectors.code,
        batch=selectors.batch,
        media=media,
        job_type=job_type,
        campaign=selectors.campaign,
    )


def _media(
    selectors: Selectors, settings: Settings
) -> tuple[tuple[str, ...] | None, JobType | None]:
    """Return the media that are meant, if any are named, and of which type."""
    named = [media_id_of(text) for text in selectors.media_ids]
    if selectors.ids is None:
        return tuple(dict.fromkeys(named)) if named else None, selectors.job_type
    listed, job_type = read_ids(selectors.ids, settings)
    if job_type and (named or selectors.job_type not in (None, job_type)):
        raise UsageError(
            f"{selectors.ids} selects {job_type} alone by its types; leave out the media ids and "
            "the --type beside it, or its column types"
        )
    return tuple(dict.fromkeys([*named, *listed])), selectors.job_type or job_type


def media_id_of(text: str) -> str:
    """Return the media id in ``text``; raise :class:`UsageError` for anything else."""
    try:
        return parse_media_id(text)
    except CellError as error:
        raise UsageError(str(error)) from None


def read_ids(source: str, settings: Settings) -> tuple[list[str], JobType | None]:
    """Return the media ids of a manifest, or of standard input for ``-``, and their one type.

    The type is ``None`` where each row means both. Columns beside id and types are ignored. The
    ids are kept in memory, about 100 bytes each.

    Raises:
        UsageError: the input cannot be read, holds a bad line or no id, or its rows differ in type.
    """
    manifest = _manifest(source, settings)
    ids: list[str] = []
    types: set[str] = set()
    for chunk in manifest.chunks():
        types.update(said.types for said in chunk.said)
        if chunk.quarantined:
            bad = chunk.quarantined[0]
            raise UsageError(
                f"{manifest.name}, line {bad.line}: {bad.reason}; nothing was changed, "
                "fix the line and say it again"
            )
        ids += chunk.media_ids
    if not ids:
        raise UsageError(f"{manifest.name} holds no media id")
    if len(types) > 1:
        raise UsageError(
            f"{manifest.name} names {' and '.join(sorted(types))} in different lines; give one "
            "list for each, or leave out the column types"
        )
    (said,) = types
    return ids, JobType(said) if said in set(JobType) else None


def _manifest(source: str, settings: Settings) -> Manifest:
    types = tuple(JobType)
    options = IntakeOptions(
        types, frozenset(types), settings.region, settings.column, settings.encoding, only_ids=True
    )
    if source == "-":
        return Manifest(None, options, stream=standard_input())
    names = expand_inputs([source])
    if len(names) > 1:
        raise UsageError(f"--ids {source} means {len(names)} files, and takes one; name it")
    return Manifest(Path(names[0]), options)


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
