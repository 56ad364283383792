"""What stands between a call and its action: the checks, in their order."""

from contextlib import suppress

from batch.emulator import answers
from batch.emulator.actions import ACTIONS, Action
from batch.emulator.answers import Answer
from batch.emulator.call import Call
from batch.emulator.nonces import check_timestamp
from batch.emulator.refusals import Refusal, Refused
from batch.emulator.settings import AccessKey
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
        action = _admit(world, call)
        return answers.success(call, action(world, call))
    except Refused as refused:
        refusal = world.refusals[refused.situation]
        answer = answers.error(call, refusal, refused.name, refused.access_denied)
        if refused.situation == "throttled":
            add_retry_after(answer, world.settings.quota.retry_after_ms)
        return answer


def refuse_by_script(world: World, call: Call, refusal: Refusal) -> Answer:
    """Return the error the fault script asks for; the gateway saw the call, so its nonce counts."""
    if call.key is not None and consumes_nonce(world, refusal):
        with suppress(Refused):  # the script speaks first, to a repeated nonce as well
            _use_nonce(world, call, call.key)
    return answers.error(call, refusal)


def consumes_nonce(world: World, refusal: Refusal) -> bool:
    """Say whether a call answered like this leaves its nonce used (switches, 12.3)."""
    if refusal.status >= 500:
        return world.settings.gateway.nonce_consumed_by_5xx
    if refusal.code.lower().startswith("throttling"):
        return world.settings.gateway.nonce_consumed_by_throttled
    return True


def release_nonce(world: World, call: Call) -> None:
    """Let the nonce be used again, if this call was the one that used it."""
    if call.held_nonce:
        world.nonces.forget(call.held_nonce)
        call.held_nonce = ""


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
    _use_nonce(world, call, key)
    world.keys.check_permission(key, call.action, settings.region)
    world.keys.check_state(key.account)
    if not world.quota.admits(key.account, call.action, call.arrived):
        if not settings.gateway.nonce_consumed_by_throttled:
            release_nonce(world, call)
        raise Refused("throttled")
    return action


def _use_nonce(world: World, call: Call, key: AccessKey) -> None:
    now = call.arrived + world.clock.offset
    settings = world.settings.gateway
    call.held_nonce = world.nonces.use(call.nonce, key, call.connection, now, settings)


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
