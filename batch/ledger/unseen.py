"""Words that no document of ours knows, as the ledger keeps them for one target."""

from collections.abc import Sequence
from uuid import UUID

from batch.core.models import Target
from batch.core.unseen import UnseenWord
from batch.ledger.database import Database

MOST_SHOWN = 50
"""As many words as are listed at a time."""


class KeptWords:
    """The ``unseen_words`` table of one target."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def keep(self, words: Sequence[UnseenWord]) -> None:
        """Add what was counted."""
        await self._database.fetch(
            "keep_unseen_words",
            self._target.id,
            [word.action for word in words],
            [word.field for word in words],
            [word.word for word in words],
            [word.example for word in words],
            [word.times for word in words],
        )

    async def newest(self, run: UUID | None = None) -> list[UnseenWord]:
        """Return the words seen since ``run`` began (or ever), the newest first."""
        rows = await self._database.fetch("list_unseen_words", self._target.id, run, MOST_SHOWN)
        return [UnseenWord(**row) for row in rows]
