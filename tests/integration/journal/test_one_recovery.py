"""What dead workers left is read in once a session, and again when there is more of it."""

from collections.abc import AsyncIterator

import pytest

from batch.core.models import WorkerId
from batch.core.states import State
from batch.core.verdict import Verdict
from batch.ledger.journal import Journal, journal_files, worker_of
from batch.night.shift import Watcher, submit
from batch.session import Recovered, Session, open_session
from batch.vod.credentials import CredentialSource
from tests.support.night import KEY, Night


@pytest.fixture
async def session(night: Night) -> AsyncIterator[Session]:
    """A session that has recovered already: there was nothing."""
    async with open_session(night.chosen({}), CredentialSource(lambda: KEY)) as session:
        assert await session.recover(session.database.part()) == Recovered()
        yield session


async def _answered_and_died(night: Night, session: Session) -> WorkerId:
    """Let a worker of this machine write an answer into its journal, and die before it records."""
    worker = await night.ledger.worker(ended=True)
    [claim] = await night.ledger.begin(worker=worker)
    member = claim.members[0]
    verdict = Verdict(member.id, member.lease, "accepted", State.SUBMITTED, 200, job_id="its job")
    journal = Journal(session.settings.journal_path, worker, session.target)
    journal.append([journal.intent_line(claim), journal.answer_line(claim, [verdict])])
    journal.close()
    return worker


async def test_what_a_worker_left_meanwhile_is_read(night: Night, session: Session) -> None:
    """Its row has its JobId before a look-up could take it for one without a job."""
    [row] = await night.ledger.add([1])
    await _answered_and_died(night, session)
    assert await session.recover(session.database.part()) == Recovered(expired=1, restored=1)
    assert (await night.ledger.row(row))["job_id"] == "its job"
    assert await session.recover(session.database.part()) == Recovered()


async def test_what_a_worker_of_ours_recorded_is_not_read_again(
    night: Night, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended with nothing open, so that its journal says nothing new."""
    await night.ledger.add(range(10))
    watcher = Watcher(started=lambda *_: None, attempted=lambda _: None)
    await submit(session, watcher, max_submissions=None)
    [journal] = journal_files(session.settings.journal_path)
    assert session.recorded == {worker_of(journal)}

    async def read(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("batch.ledger.recovery.replay_journals", read)
    assert await session.recover(session.database.part()) == Recovered()
