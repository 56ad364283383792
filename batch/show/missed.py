"""A night that did not begin: its page, and the notice of it on every channel."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from batch.errors import VodBatchError
from batch.intake.sources import printable_name
from batch.night.night import trouble_facts
from batch.notify.channels import Notifier
from batch.notify.message import Message
from batch.settings import Settings
from batch.show.needs import trouble_needs
from batch.show.text.night import missed_lines


@dataclass(frozen=True, slots=True)
class MissedNight:
    """A night that an error kept from beginning; ``facts`` say less than those of a night."""

    facts: dict[str, Any]

    @property
    def lines(self) -> Iterator[str]:
        """Its page, as text."""
        return missed_lines(self.facts)


async def tell_missed(channels: Settings, error: VodBatchError, inbox: Path | None) -> MissedNight:
    """Notify every channel of ``channels`` that ``error`` kept a night from beginning.

    ``inbox`` is ``None`` where the command line could not be read.
    """
    night = MissedNight(_facts(channels, error, inbox))
    code = error.exit_code
    title = (
        f"vod-batch: night of {channels.account} in {channels.region} did not begin, ended with "
        f"{int(code)} ({code.name.lower().replace('_', ' ')})"
    )
    text = "\n".join(night.lines)
    message = Message(title, text, night.facts, int(code), str(uuid4()), is_success=False)
    await Notifier.from_settings(channels).ended(message)
    return night


def _facts(channels: Settings, error: VodBatchError, inbox: Path | None) -> dict[str, Any]:
    facts = {
        "has_begun": False,
        "account": channels.account,
        "region": channels.region,
        "inbox": printable_name(inbox.absolute()) if inbox else None,
        "stopped_by": str(error),
        "exit_code": int(error.exit_code),
        "trouble": trouble_facts(error),
    }
    return {"well": False, "needs": [asdict(need) for need in trouble_needs(facts)], **facts}
