"""What stands between a call and its action: the checks, in their order."""

from contextlib import suppress
from typing import Any

from batch.emulator.actions import ACTIONS, Action
from batch.emulator.answers import OK, Answer
from batch.emulator.call import Call
from batch.emulator.nonces import check_timestamp, memory_of
from batch.emulator.refusals import Refusal, Refused
from batch.emulator.world import World

VERSION = "2017-03-21"
_METHODS = frozenset({"GET", "POST"})


def receive(world: World, call: Call) -> None:
    """Stamp the call's arrival, verify its signature and count it."""
    call.arrived = world.clock.monotonic()
    world.keys.authenticate(call, world.clock.wall())
    world.meter.count_arrival(call.action, call.arrived, signature_is_valid=call.key is not None)
    if call.refused is not None and call.refused.situation == "wrong_signature":
        world.meter.refused_signatures += 1


def execute(world: World, call: Call) -> Answer:
    """Take the ordinary course: all checks, then the action."""
    if world.automatic.are_on:
        world.automatic.see(call.get("MediaId"))
        world.automatic.catch_up()
    try:
        content = _admit(world, call)(world, call)
    except Refused as refused:
        refusal = world.refusals[refused.situation]
        answer = refuse(world, call, refusal, refused.name, **refused.fields)
        if refused.situation == "throttled":
            add_retry_after(answer, world.settings.quota.retry_after_ms)
        return answer
    return Answer(200, OK, {"RequestId": call.request_id, **content})


def see(world: World, call: Call) -> None:
    """Let a call be seen that the fault script speaks to before the gateway: its nonce counts."""
    if call.key is not None:
        with suppress(Refused):
            _use_nonce(world, call)


def refuse(world: World, call: Call, refusal: Refusal, name: str = "", **fields: Any) -> Answer:
    """Return an error answer with the fields of ``vod-api.md`` 5.1.

    Switches say whether it leaves the nonce used (12.3), if it was this call that used it.
    """
    settings, code = world.settings.gateway, refusal.code.replace("{name}", name)
    throttled, failed = code.lower().startswith("throttling"), refusal.status >= 500
    if (throttled and not settings.nonce_consumed_by_throttled) or (
        failed and not settings.nonce_consumed_by_5xx
    ):
        world.nonces.forget(call.held_nonce)
    content = {
        "RequestId": call.request_id,
        "HostId": call.headers.get("Host", ""),
        "Code": code,
        "Message": refusal.message.replace("{name}", name).strip(),
        "Recommend": "https://api.aliyun.com/troubleshoot"
        f"?q={code}&product=vod&requestId={call.request_id}",
        **fields,
    }
    return Answer(refusal.status, code, content)


def add_retry_after(answer: Answer, milliseconds: int) -> None:
    """Add the header that the official SDK reads as milliseconds (``vod-api.md`` 5.3)."""
    if milliseconds > 0:
        answer.headers["x-acs-retry-after"] = str(milliseconds)


def _admit(world: World, call: Call) -> Action:
    """Check in order: who calls, what, when, for the first time, with leave, within the quota."""
    if call.key is None:
        raise call.refused or Refused("wrong_signature")
    action, key, settings = _find_action(call), call.key, world.settings
    check_timestamp(call.timestamp, world.clock.wall(), settings.gateway.clock_tolerance_seconds)
    if call.nonce in world.expired_nonces:
        raise Refused("expired_timestamp")
    if not call.nonce:
        raise Refused("missing", "SignatureNonce")
    _use_nonce(world, call)
    world.keys.check_permission(key, call.action, settings.region)
    world.keys.check_state(key.account)
    if not world.quota.admits(key.account, call.action, call.arrived):
        raise Refused("throttled")
    return action


def _use_nonce(world: World, call: Call) -> None:
    settings = world.settings.gateway
    if settings.nonce_check:
        now, memory = call.arrived + world.clock.offset, memory_of(call, settings)
        call.held_nonce = world.nonces.use(memory, call.nonce, now, settings.nonce_memory_seconds)


def _find_action(call: Call) -> Action:
    """Return the action, or refuse one, a version or a method that does not exist."""
    if call.method not in _METHODS:
        raise Refused("unsupported_method")
    if not call.action:
        raise Refused("missing", "Action")
    action = ACTIONS.get(call.action)
    if action is None or call.version != VERSION:
        raise Refused("unknown_api")
    return action
