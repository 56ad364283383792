"""The lines of a journal: one for each request about to be sent, and one for its answer.

A line is the CRC-32 of its text in eight hex digits, a space, one JSON object, a line feed. Each
can be read alone: an answer repeats whose it is, so that a paid job is known even where the line of
its intent is damaged.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter

from batch.core.models import Claim, JobType, Target, WorkerId
from batch.core.states import State
from batch.core.verdict import Verdict

Entry = dict[str, object]
"""The JSON object of one line."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_VERDICT_FIELDS = tuple(each.name for each in fields(Verdict))
_verdict_values = attrgetter(*_VERDICT_FIELDS)


@dataclass(frozen=True, slots=True)
class JournaledAnswer:
    """What one answer came to for one submission of an intent."""

    job_type: JobType
    verdict: Verdict


@dataclass(slots=True)
class Intent:
    """One request that was about to be sent, with the answers that came."""

    worker: WorkerId
    account: str
    region: str
    nonce: str
    signed_at: datetime
    media_id: str
    config_keys: Mapping[JobType, str]
    """What of ``config`` is each type's own (:mod:`batch.core.configuration`)."""
    campaign: str
    config: str | None
    user_data: str | None
    types: tuple[JobType, ...]
    access_key_id: str | None = None
    answers: list[JournaledAnswer] = field(default_factory=list)


def intent_of(claim: Claim, worker: WorkerId, target: Target) -> Intent:
    """Return the intent of a claim, unanswered, as the journal of ``worker`` would hold it."""
    return Intent(
        worker=worker,
        account=target.account,
        region=target.region,
        nonce=claim.nonce,
        signed_at=claim.signed_at,
        media_id=claim.media_id,
        config_keys={member.job_type: member.config_key for member in claim.members},
        campaign=claim.campaign,
        config=claim.config,
        user_data=claim.user_data,
        types=claim.types,
        access_key_id=claim.access_key_id,
    )


def intent_line(claim: Claim, target: Target) -> bytes:
    """Return the line of a claim that is about to be sent."""
    return _line({"intent": claim.nonce, **_identity(claim, target)})


def answer_line(claim: Claim, verdicts: Sequence[Verdict], target: Target) -> bytes:
    """Return the line of what came of a claim."""
    types = {member.id: member.job_type.value for member in claim.members}
    shares = [{"type": types[v.submission_id], **_fields(v)} for v in verdicts]
    return _line({"answer": claim.nonce, **_identity(claim, target), "verdicts": shares})


def read_line(raw: bytes) -> Entry | None:
    """Return what a line says, without its line feed; ``None`` when it is damaged."""
    checksum, _, text = raw.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    value = json.loads(text)
    return value if isinstance(value, dict) else None


def take(known: dict[str, Intent], entry: Entry, worker: WorkerId) -> Intent:
    """Add what a line says to the intents that are known; return the one that it speaks of.

    Raises:
        ValueError, KeyError: it says what this program does not know.
    """
    nonce = str(entry.get("intent") or entry["answer"])
    intent = known.get(nonce) or _intent(nonce, entry, worker)
    known[nonce] = intent
    verdicts = entry.get("verdicts", [])
    assert isinstance(verdicts, list)
    intent.answers.extend(_answer(dict(item)) for item in verdicts)
    return intent


def _identity(claim: Claim, target: Target) -> Entry:
    return {
        "signed_at": claim.signed_at.isoformat(),
        "account": target.account,
        "region": target.region,
        "media_id": claim.media_id,
        "types": list(claim.types),
        "config_keys": [member.config_key for member in claim.members],
        "campaign": claim.campaign,
        "config": claim.config,
        "user_data": claim.user_data,
        "access_key_id": claim.access_key_id,
    }


def _intent(nonce: str, entry: Entry, worker: WorkerId) -> Intent:
    types = entry["types"]
    assert isinstance(types, list)
    # Journals of before had one configuration key for all types of a request, and no access key.
    keys = entry.get("config_keys") or [entry["config_key"]] * len(types)
    assert isinstance(keys, list)
    return Intent(
        worker=worker,
        account=str(entry["account"]),
        region=str(entry["region"]),
        nonce=nonce,
        signed_at=datetime.fromisoformat(str(entry["signed_at"])),
        media_id=str(entry["media_id"]),
        config_keys={JobType(name): str(key) for name, key in zip(types, keys, strict=True)},
        campaign=str(entry["campaign"]),
        config=_text(entry["config"]),
        user_data=_text(entry["user_data"]),
        types=tuple(JobType(name) for name in types),
        access_key_id=_text(entry.get("access_key_id")),
    )


def _answer(item: Entry) -> JournaledAnswer:
    job_type = JobType(str(item.pop("type")))
    further = item.pop("further_job_ids")
    assert isinstance(further, list)
    to_state = State(str(item.pop("to_state")))
    verdict = Verdict(**item, to_state=to_state, further_job_ids=tuple(further))  # type: ignore[arg-type]
    return JournaledAnswer(job_type, verdict)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _fields(verdict: Verdict) -> dict[str, object]:
    return dict(zip(_VERDICT_FIELDS, _verdict_values(verdict), strict=True))


def _line(entry: Entry) -> bytes:
    text = _encode(entry).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)
