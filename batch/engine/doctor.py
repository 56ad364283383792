"""Check what a run needs, without spending anything: one line each, with the mend."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from batch.core.outcome import AccountStopped, InDoubt
from batch.engine.service import cloud_client
from batch.errors import ExitCode, VodBatchError
from batch.ledger.doubts import Doubts
from batch.ledger.opening import open_ledger
from batch.settings import Settings
from batch.vod.client import VodClient
from batch.vod.credentials import CredentialSource
from batch.vod.wire import QueryFailed

TOLERATED_SKEW = timedelta(minutes=1)
"""Far inside the gateway's 15 minutes, and enough to place a job in time."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; ``code`` is ``DONE`` when it is well."""

    name: str
    detail: str
    mend: str = ""
    code: ExitCode = ExitCode.DONE

    @property
    def is_well(self) -> bool:
        """Whether nothing need be done."""
        return self.code is ExitCode.DONE


async def examine(
    settings: Settings, *, confirm_replay: bool, credentials: CredentialSource | None = None
) -> AsyncIterator[Check]:
    """Yield one check after another; a check that fails does not end the rest."""
    yield Check("settings", f"{settings.account} in {settings.region}, at {settings.url}")
    source = credentials or CredentialSource()
    yield (key := await _check_credentials(source))
    try:
        async with open_ledger(settings) as (database, store):
            yield Check("database", f"schema {await database.version()}")
            doubts = Doubts(database, store.target)
            if key.is_well:
                async with cloud_client(settings, source) as client:
                    yield (answer := await _check_endpoint(client))
                    if confirm_replay and answer.is_well:
                        yield await _confirm_replay(client, doubts)
            yield await _check_replay(doubts)
    except VodBatchError as error:
        yield Check("database", str(error), "see above", error.exit_code)


async def _check_credentials(source: CredentialSource) -> Check:
    try:
        key = await source.current()
    except VodBatchError as error:
        return Check("credentials", str(error), "set them and try again", error.exit_code)
    kind = "temporary (STS)" if key.security_token else "an access key"
    return Check("credentials", f"{kind} from {key.provider}, {key.access_key_id[:4]}...")


async def _check_endpoint(client: VodClient) -> Check:
    try:
        await client.list_ai_jobs(["0" * 32])
    except QueryFailed as error:
        outcome = error.outcome
        if isinstance(outcome, AccountStopped):
            detail = f"{outcome.code} {outcome.message}"
            return Check("endpoint", detail, _MENDS[outcome.cause], outcome.exit_code)
        mend = "check VOD_BATCH_ENDPOINT and the way there"
        return Check("endpoint", str(error), mend, ExitCode.UNAVAILABLE)
    skew = client.clock_skew or timedelta(0)
    detail = f"answers ListAIJob; its clock is {skew.total_seconds():+.0f} s from ours"
    if abs(skew) > TOLERATED_SKEW:
        mend = "set this machine's clock, with NTP for instance"
        return Check("endpoint", detail, mend, ExitCode.CONFIGURATION)
    return Check("endpoint", detail)


async def _confirm_replay(client: VodClient, doubts: Doubts) -> Check:
    """See whether this account refuses a repeated nonce (``vod-api.md`` 12.3), and remember it."""
    try:
        second = await client.repeat_a_nonce()
    except QueryFailed as error:
        return Check("nonce rule", str(error), "try again later", ExitCode.UNAVAILABLE)
    refused = isinstance(second, InDoubt) and (second.code or "").lower() == "signaturenonceused"
    if refused or second is None:
        await doubts.confirm_replay(refused=refused)
    if refused:
        return Check("nonce rule", "a repeated nonce is refused: doubts may be settled by replay")
    if second is None:
        return Check(
            "nonce rule",
            "a repeated nonce was accepted: replay stays off, doubts wait for the look-up",
        )
    return Check("nonce rule", f"no clear answer: {second}", "try again", ExitCode.UNAVAILABLE)


async def _check_replay(doubts: Doubts) -> Check:
    confirmed_at = await doubts.replay_confirmed_at()
    if confirmed_at:
        return Check("replay", f"allowed, confirmed on {confirmed_at:%Y-%m-%d %H:%M} UTC")
    return Check("replay", "off; to allow it, run: vod-batch doctor --confirm-replay")


_MENDS = {
    "arrears": "pay the account's bill, then run again: nothing was lost",
    "not_active": "activate VOD and the AI service in the console",
    "permission": "grant the RAM user the actions in docs/operating.md",
    "credentials": "check ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "clock": "set this machine's clock, with NTP for instance",
    "endpoint": "check VOD_BATCH_REGION and VOD_BATCH_ENDPOINT",
}
