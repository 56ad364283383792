"""Keep the words of the cloud that nobody knows: logged once a run each, and kept in the ledger."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from batch.core.unseen import UnseenWord, UnseenWords
from batch.errors import VodBatchError
from batch.ledger.unseen import KeptWords

_EVERY_SECONDS = 5.0

log = structlog.get_logger()


class WordKeeper:
    """Carries what a client counted to the ledger."""

    def __init__(self, unseen: UnseenWords, kept: KeptWords) -> None:
        self._unseen = unseen
        self._kept = kept
        self._told: set[tuple[str, str, str]] = set()

    async def tick(self) -> None:
        """Keep what was counted since the last time; later, where the ledger does not take it."""
        words = self._unseen.take()
        self._tell(words)
        if not words:
            return
        try:
            await self._kept.keep(words)
        except BaseException as error:
            self._unseen.give_back(words)
            if not isinstance(error, VodBatchError):
                raise
            log.warning("unseen_words_not_kept", words=len(words), error=str(error))

    def _tell(self, words: list[UnseenWord]) -> None:
        for word in words:
            key = (word.action, word.field, word.word)
            if key not in self._told:
                self._told.add(key)
                log.warning(
                    "unseen_word",
                    action=word.action, field=word.field, word=word.word, example=word.example,
                )  # fmt: skip

    async def tick_forever(self) -> None:
        """Keep what is counted now and then, so that a kill loses little of it."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.tick()


@contextlib.asynccontextmanager
async def unseen_kept(unseen: UnseenWords, kept: KeptWords) -> AsyncIterator[None]:
    """Keep the words that are counted during the block, however it ends."""
    keeper = WordKeeper(unseen, kept)
    ticking = asyncio.create_task(keeper.tick_forever(), name="unseen words")
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.wait([ticking])
        await keeper.tick()
