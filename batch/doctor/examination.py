"""The whole examination, in the order in which a run meets what it needs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from batch.doctor.check import Check, not_checked
from batch.doctor.cloud import (
    NONCE_RULE_NEEDS,
    check_cloud,
    check_credentials,
    see_nonce_rule,
)
from batch.doctor.configuration import check_settings
from batch.doctor.disk import check_journal
from batch.doctor.ledger import check_ledger
from batch.doctor.network import check_way
from batch.session import cloud_client
from batch.settings import Settings
from batch.vod.credentials import CredentialSource


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def examine(
    settings: Settings,
    *,
    confirm_replay: bool,
    credentials: CredentialSource | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> AsyncIterator[Check]:
    """Yield one check after another; a check that fails does not end the rest.

    Nothing is spent and nothing is changed, but for what ``confirm_replay`` sees of the account.
    """
    for check in check_settings(settings, now()):
        yield check
    yield await asyncio.to_thread(check_journal, settings.journal_path)
    source = credentials or CredentialSource()
    yield (key := await check_credentials(source, now()))
    async for check in check_way(settings, now()):
        yield check
    refuses_nonces = None
    if key.passed:
        async with cloud_client(settings, source) as client:
            hindered = False
            async for check in check_cloud(client):
                hindered = hindered or (check.name in NONCE_RULE_NEEDS and not check.passed)
                yield check
            if confirm_replay and hindered:
                yield not_checked("nonce rule", "see above what must be fixed first")
            elif confirm_replay:
                check, refuses_nonces = await see_nonce_rule(client)
                yield check
    else:
        yield not_checked("endpoint", "there are no credentials to ask it with")
    async for check in check_ledger(settings, now, refuses_nonces=refuses_nonces):
        yield check
