"""The account: its key, whether the endpoint takes it, and what it may do, by free calls only.

``SubmitAIJob`` is never called: whatever it is asked, no document says that no job comes of it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from batch.core.outcome import AccountStopped, Failure, InDoubt, NotSent, Refused, StopCause
from batch.doctor.check import Check, not_checked
from batch.errors import ExitCode, VodBatchError
from batch.vod.client import VodClient
from batch.vod.credentials import CredentialSource
from batch.vod.lookup import GET_JOB_DETAIL, LIST_JOB_INFO
from batch.vod.media import GET_VIDEO_INFOS
from batch.vod.nonces import NONCE_REPETITIONS, is_used_nonce, repeat_a_nonce
from batch.vod.wire import LIST_AI_JOBS, SUBMIT, QueryFailed

TOLERATED_SKEW = timedelta(minutes=1)
"""Far inside the gateway's 15 minutes, and enough to place a job in time."""

SHORT_VALIDITY = timedelta(minutes=15)
"""The chain renews a temporary key when less than this is left of it (``vod-api.md`` 8)."""

_NOBODY = "0" * 32
"""An id of the right form that nobody has."""

FREE_CALLS: dict[str, Callable[[VodClient], Awaitable[object]]] = {
    LIST_AI_JOBS: lambda client: client.list_ai_jobs([_NOBODY]),
    LIST_JOB_INFO: lambda client: client.list_job_infos(_NOBODY),
    GET_JOB_DETAIL: lambda client: client.job_detail(_NOBODY),
    GET_VIDEO_INFOS: lambda client: client.video_infos([_NOBODY]),
}
"""Every action that a run uses but the one that costs, as a call that changes nothing."""

_MENDS = {
    StopCause.ARREARS: "pay the account's bill, then run again: nothing was lost",
    StopCause.NOT_ACTIVE: "activate VOD and the AI service in the console",
    StopCause.PERMISSION: "grant the RAM user the actions of deploy/ram/policy.json",
    StopCause.CREDENTIALS: (
        "check ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, and renew a "
        "temporary key"
    ),
    StopCause.CLOCK: "set this machine's clock, with NTP for instance",
    StopCause.ENDPOINT: "check VOD_BATCH_REGION and VOD_BATCH_ENDPOINT",
}
NONCE_RULE_NEEDS = {"endpoint", "cloud clock", "account", LIST_AI_JOBS}
"""The checks that must be well before the nonce rule can be seen."""

_SAYS_NOTHING = {StopCause.CREDENTIALS, StopCause.CLOCK, StopCause.ENDPOINT}
"""Why every call is refused before anybody asks what the key may do."""


async def check_credentials(source: CredentialSource, now: datetime) -> Check:
    """Say where the key comes from, of what kind it is, and how long it lasts."""
    try:
        key = await source.current()
    except VodBatchError as error:
        return Check("credentials", str(error), "set them and try again", error.exit_code)
    told = f"from {key.provider}, {key.access_key_id[:4]}..."
    if not key.security_token:
        return Check("credentials", f"an access key {told}")
    told = f"a temporary key (STS) {told}"
    if key.expires_at is None:
        return Check("credentials", f"{told}; its source does not say when it expires")
    left = key.expires_at - now
    told += f", expires at {key.expires_at:%Y-%m-%d %H:%M} UTC"
    if left <= timedelta(0):
        return Check("credentials", f"{told}: it has", "renew it", ExitCode.PERMISSION)
    soon = "see that its source gives a new one" if left < SHORT_VALIDITY else ""
    return Check("credentials", f"{told}, in {left.total_seconds() / 60:,.0f} minutes", soon)


async def check_cloud(client: VodClient) -> AsyncIterator[Check]:
    """Ask once for every action: does the endpoint answer, take the key, and allow it."""
    first = await _failure(client, LIST_AI_JOBS)
    yield (endpoint := _check_endpoint(first))
    if not endpoint.passed:
        yield not_checked("permissions", "the endpoint does not answer")
        return
    yield _check_clock(client.clock_skew)
    yield _check_account(first)
    if isinstance(first, AccountStopped) and first.cause in _SAYS_NOTHING:
        yield not_checked("permissions", f"every call is refused with {first.code}")
        return
    for action in FREE_CALLS:
        outcome = first if action == LIST_AI_JOBS else await _failure(client, action)
        yield _check_permission(action, outcome)
    yield not_checked(
        SUBMIT,
        f"no free call tells; see that the RAM policy holds vod:{SUBMIT} (deploy/ram/policy.json)",
    )


async def see_nonce_rule(client: VodClient) -> tuple[Check, bool | None]:
    """See by free calls whether a repeated nonce is refused (``vod-api.md`` 12.3).

    Returns the check, and whether it is refused: ``None`` without a clear answer.
    """
    try:
        second = await repeat_a_nonce(client)
    except QueryFailed as error:
        return Check("nonce rule", str(error), "try again later", ExitCode.UNAVAILABLE), None
    if second is None:
        detail = "a repeated nonce was accepted: replay stays off, doubts wait for the look-up"
        return Check("nonce rule", detail), False
    if is_used_nonce(second):
        detail = f"a nonce is refused over {NONCE_REPETITIONS} fresh connections: replay is allowed"
        return Check("nonce rule", detail), True
    detail = f"no clear answer: {second}"
    return Check("nonce rule", detail, "try again", ExitCode.UNAVAILABLE), None


async def _failure(client: VodClient, action: str) -> Failure | None:
    try:
        await FREE_CALLS[action](client)
    except QueryFailed as error:
        return error.outcome
    return None


def _check_endpoint(outcome: Failure | None) -> Check:
    if isinstance(outcome, NotSent | InDoubt):
        fix = "check VOD_BATCH_REGION, VOD_BATCH_ENDPOINT and the way there"
        return Check("endpoint", f"no answer: {_told(outcome)}", fix, ExitCode.UNAVAILABLE)
    return Check("endpoint", f"answers {LIST_AI_JOBS}")


def _check_clock(skew: timedelta | None) -> Check:
    if skew is None:
        return not_checked("cloud clock", "the answer carried no date")
    detail = f"{round(skew.total_seconds()):+d} s from ours"
    if abs(skew) > TOLERATED_SKEW:
        return Check("cloud clock", detail, _MENDS[StopCause.CLOCK], ExitCode.CONFIGURATION)
    return Check("cloud clock", detail)


def _check_account(outcome: Failure | None) -> Check:
    if isinstance(outcome, AccountStopped) and outcome.cause is not StopCause.PERMISSION:
        return Check("account", _told(outcome), _MENDS[outcome.cause], outcome.exit_code)
    return Check("account", "the key is taken")


def _check_permission(action: str, outcome: Failure | None) -> Check:
    """A "no such job" comes after the question whether the key may ask."""
    if outcome is None:
        return Check(action, "allowed")
    if isinstance(outcome, Refused):
        return Check(action, f"allowed, it answers {outcome.code}")
    if isinstance(outcome, AccountStopped) and outcome.cause is StopCause.PERMISSION:
        detail = f"not allowed: {_told(outcome)}"
        fix = f"grant the RAM user vod:{action} (deploy/ram/policy.json)"
        return Check(action, detail, fix, outcome.exit_code)
    if isinstance(outcome, NotSent | InDoubt):
        return Check(action, f"no answer: {_told(outcome)}", "try again", ExitCode.UNAVAILABLE)
    return not_checked(action, _told(outcome))


def _told(outcome: Failure) -> str:
    if isinstance(outcome, NotSent | InDoubt):
        code = getattr(outcome, "code", None)
        return f"{code}: {outcome.reason}" if code else outcome.reason
    return f"{outcome.code} {outcome.message}".strip()
