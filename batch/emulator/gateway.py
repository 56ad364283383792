"""What stands between a call and its action: the checks, in their order."""

from contextlib import suppress

from batch.emulator import answers
from batch.emulator.accounts import AccessKey, Verdict
from batch.emulator.actions import HANDLERS, Handler
from batch.emulator.answers import Answer, Refusal, Refused
from batch.emulator.calls import Call
from batch.emulator.nonces import check_timestamp
from batch.emulator.state import State

VERSION = "2017-03-21"
_METHODS = frozenset({"GET", "POST"})


def receive(state: State, call: Call) -> Verdict:
    """Stamp the call's arrival, verify its signature and count it."""
    call.arrived = state.clock.monotonic()
    verdict = state.keyring.authenticate(call, state.clock.wall())
    state.meter.count_arrival(call.action, call.arrived, signature_is_valid=verdict.refused is None)
    if verdict.refused is not None and verdict.refused.situation == "wrong_signature":
        state.meter.refused_signatures += 1
    return verdict


def execute(state: State, call: Call, verdict: Verdict) -> Answer:
    """Take the ordinary course: all checks, then the action."""
    if state.automatic.are_on:
        state.automatic.see(call.get("MediaId"))
        state.automatic.catch_up()
    try:
        handler, key = _admit(state, call, verdict)
        content = handler(state, call, key)
    except Refused as refused:
        return refuse(state, call, refused)
    return answers.success(call.action, call.request_id, content)


def refuse(state: State, call: Call, refused: Refused) -> Answer:
    """Return the error answer for a situation, as the settings word it."""
    refusal = state.refusals[refused.situation]
    answer = answers.error(refusal, call.request_id, call.host, refused.name, refused.access_denied)
    if refused.situation == "throttled":
        add_retry_after(answer, state.settings.quota.retry_after_ms)
    return answer


def refuse_by_script(state: State, call: Call, verdict: Verdict, refusal: Refusal) -> Answer:
    """Return the error the fault script asks for; the gateway saw the call, so its nonce counts."""
    if verdict.key is not None and consumes_nonce(state, refusal.code, refusal.status):
        with suppress(Refused):  # the script speaks first, to a repeated nonce as well
            _use_nonce(state, call, verdict.key)
    return answers.error(refusal, call.request_id, call.host)


def consumes_nonce(state: State, code: str, status: int) -> bool:
    """Say whether a call answered like this leaves its nonce used (switches, 12.3)."""
    if status >= 500:
        return state.settings.gateway.nonce_consumed_by_5xx
    if code.lower().startswith("throttling"):
        return state.settings.gateway.nonce_consumed_by_throttled
    return True


def release_nonce(state: State, call: Call) -> None:
    """Let the nonce be used again, if this call was the one that used it."""
    if call.held_nonce:
        state.nonces.forget(call.held_nonce)
        call.held_nonce = ""


def add_retry_after(answer: Answer, milliseconds: int) -> None:
    """Add the header that the official SDK reads as milliseconds (``vod-api.md`` 5.3)."""
    if milliseconds > 0:
        answer.headers["x-acs-retry-after"] = str(milliseconds)


def _admit(state: State, call: Call, verdict: Verdict) -> tuple[Handler, AccessKey]:
    """Check in order: who calls, what, when, for the first time, with leave, within the quota."""
    if verdict.key is None:
        raise verdict.refused or Refused("wrong_signature")
    key, settings = verdict.key, state.settings
    handler = _find_handler(call)
    check_timestamp(call.timestamp, state.clock.wall(), settings.gateway.clock_tolerance_seconds)
    if call.nonce in state.expired_nonces:
        raise Refused("expired_timestamp")
    if not call.nonce:
        raise Refused("missing", "SignatureNonce")
    _use_nonce(state, call, key)
    state.keyring.check_permission(key, call.action, settings.region)
    state.keyring.check_state(key.account)
    if not state.quota.admits(key.account, call.action, call.arrived):
        if not settings.gateway.nonce_consumed_by_throttled:
            release_nonce(state, call)
        raise Refused("throttled")
    return handler, key


def _use_nonce(state: State, call: Call, key: AccessKey) -> None:
    now = call.arrived + state.clock.offset
    settings = state.settings.gateway
    call.held_nonce = state.nonces.use(call.nonce, key, call.connection, now, settings)


def _find_handler(call: Call) -> Handler:
    """Return the action's handler, or refuse an action, version or method that does not exist."""
    if call.method not in _METHODS:
        raise Refused("unsupported_method")
    if not call.action:
        raise Refused("missing", "Action")
    handler = HANDLERS.get(call.action)
    if handler is None or call.version != VERSION:
        raise Refused("unknown_api")
    return handler
