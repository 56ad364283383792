"""Words of the cloud that nobody knows: kept, counted, and shown with an example."""

import json
from uuid import UUID, uuid4

import pytest

from batch.core.unseen import UnseenWord, UnseenWords
from batch.errors import DatabaseUnavailableError
from batch.ledger.unseen import KeptWords
from batch.ledger.word_keeping import WordKeeper
from batch.show.insights import Insights
from batch.show.plain import as_json
from tests.support.ledger import Ledger, media
from tests.support.night import Night
from tests.support.settling import Morning


def _kept(ledger: Ledger) -> KeptWords:
    return KeptWords(ledger.database, ledger.store.target)


async def test_a_run_keeps_what_it_could_not_read(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each word once, with how often and an example; logged once a run, however often it came."""
    night.emulator.fault("refuse", code="Brand.New", status=400, count=2)
    night.emulator.fault("refuse", code="InvalidParameter", status=400, count=1)
    await night.ledger.add(range(6))
    await night.submit(concurrency=1)
    assert await _kept(night.ledger).newest() == [
        UnseenWord("SubmitAIJob", "Code", "Brand.New", media(1), 2)
    ]
    printed = capsys.readouterr()
    told = [line for line in (printed.out + printed.err).splitlines() if "unseen_word" in line]
    assert len(told) == 1
    assert "Brand.New" in told[0]
    status = await Insights(night.ledger.database, night.ledger.store.target).status(60)
    assert json.loads(as_json(status))["unseen"] == [
        {"action": "SubmitAIJob", "field": "Code", "word": "Brand.New", "example": media(1),
         "times": 2}
    ]  # fmt: skip


async def test_a_later_run_adds_to_what_is_kept(night: Night) -> None:
    """The count is of all nights; the example is the newest."""
    for number in range(2):
        night.emulator.fault("refuse", code="Brand.New", status=400, count=1)
        await night.ledger.add([number])
        await night.submit()
    [word] = await _kept(night.ledger).newest()
    assert (word.times, word.example) == (2, media(1))


async def test_a_reconcile_keeps_them_too(night: Night) -> None:
    """A look-up or a poll that answers strangely is told."""
    morning = Morning(night)
    await night.ledger.add([1])
    await night.submit()
    night.emulator.fault("refuse", action="ListAIJob", code="Brand.New", status=400, count=1)
    await morning.reconcile()
    [word] = await _kept(night.ledger).newest()
    assert (word.action, word.field, word.word) == ("ListAIJob", "Code", "Brand.New")


async def test_words_of_before_the_run_are_not_the_nights(ledger: Ledger) -> None:
    """The morning report shows what was seen since the night began."""
    kept, run = _kept(ledger), uuid4()
    await kept.keep([UnseenWord("ListAIJob", "Status", "canceled", "j1", 3)])
    await ledger.sql.execute("UPDATE unseen_words SET last_seen_at = now() - interval '1 day'")
    await ledger.database.fetch("start_run", run, ledger.store.target.id, "nightly", "h", 1, "{}")
    assert await kept.newest(run) == []
    assert await kept.newest(UUID(int=0)) == []
    await kept.keep([UnseenWord("ListAIJob", "Status", "canceled", "j2", 1)])
    assert await kept.newest(run) == [UnseenWord("ListAIJob", "Status", "canceled", "j2", 4)]


async def test_what_the_ledger_does_not_take_is_kept_later(ledger: Ledger) -> None:
    """Nothing is lost while PostgreSQL is away."""

    class Away(KeptWords):
        async def keep(self, words: object) -> None:
            raise DatabaseUnavailableError("away")

    unseen = UnseenWords()
    unseen.see("ListAIJob", "Type", "AIVideoFPShot", "j1")
    await WordKeeper(unseen, Away(ledger.database, ledger.store.target)).tick()
    unseen.see("ListAIJob", "Type", "AIVideoFPShot", "j2")
    await WordKeeper(unseen, _kept(ledger)).tick()
    assert await _kept(ledger).newest() == [
        UnseenWord("ListAIJob", "Type", "AIVideoFPShot", "j2", 2)
    ]
