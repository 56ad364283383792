"""What the doctor sees of an account, and that nothing it does can make a job."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from batch.doctor.cloud import FREE_CALLS
from batch.settings import Settings
from batch.vod.credentials import Credentials
from batch.vod.search import SEARCH_MEDIA
from batch.vod.wire import SUBMIT
from tests.integration.doctor.conftest import UNTOLD
from tests.support.cloud import Emulator
from tests.support.examining import examined, verdicts
from tests.support.night import KEY
from tests.support.settling import post
from tests.support.spreading import spreading

READER = Credentials("reader", "readersecret")
SILENT = ("permissions", "not checked", 0)


def _actions(*left_out: str) -> list[str]:
    return [f"vod:{action}" for action in FREE_CALLS if action not in left_out]


async def test_all_is_well_and_no_job_was_asked_for(settings: Settings, emulator: Emulator) -> None:
    """Every action but the one that costs is called once, and that one never."""
    checks = await examined(settings)
    assert verdicts(checks) == {UNTOLD}
    for action in FREE_CALLS:
        assert re.fullmatch(r"allowed(, it answers [A-Z]\w+(\.\w+)*)?", checks[action].detail)
    assert emulator.submits() == 0
    assert emulator.meter()["requests"] == dict.fromkeys(FREE_CALLS, 1)


def test_every_action_of_the_ram_policy_has_its_check() -> None:
    """A free call for each, but for what none tells, and for what only ``list`` asks."""
    policy = json.loads(Path("deploy/ram/policy.json").read_text())
    (statement,) = policy["Statement"]
    assert (
        sorted(f"vod:{action}" for action in [*FREE_CALLS, SUBMIT, SEARCH_MEDIA])
        == statement["Action"]
    )


@pytest.mark.parametrize("action", FREE_CALLS)
async def test_a_right_that_is_missing_is_named(
    settings: Settings, emulator: Emulator, action: str
) -> None:
    """The one action, its code 77, and what to grant; the others stay allowed."""
    emulator.key(id=READER.access_key_id, secret="readersecret", actions=_actions(action))
    checks = await examined(settings, key=READER)
    assert verdicts(checks) == {UNTOLD, (action, "bad", 77)}
    assert "Forbidden.RAM" in checks[action].detail
    assert f"vod:{action}" in checks[action].fix
    assert emulator.submits() == 0


async def test_a_key_for_another_region_may_do_nothing(
    settings: Settings, emulator: Emulator
) -> None:
    """Refused with the bare word, for every action."""
    emulator.key(id=READER.access_key_id, secret="readersecret", regions=["cn-beijing"])
    told = verdicts(await examined(settings, key=READER))
    assert told == {UNTOLD} | {(action, "bad", 77) for action in FREE_CALLS}


@pytest.mark.parametrize(("state", "says"), [("arrears", "bill"), ("not_open", "activate")])
async def test_an_account_that_is_stopped(
    settings: Settings, emulator: Emulator, state: str, says: str
) -> None:
    """Code 69 and what to do; what the key may do is then nobody's word."""
    emulator.account(state)
    checks = await examined(settings)
    told = verdicts(checks)
    assert ("account", "bad", 69) in told
    assert says in checks["account"].fix
    assert {name for name, verdict, _ in told if verdict == "not checked"} == {SUBMIT, *FREE_CALLS}


async def test_a_wrong_secret(settings: Settings) -> None:
    """Told once, not once an action."""
    checks = await examined(settings, key=Credentials("testid", "wrong"))
    assert verdicts(checks) == {("account", "bad", 77), SILENT}
    assert checks["account"].detail.startswith("SignatureDoesNotMatch")


async def test_a_temporary_key_that_has_expired_at_the_cloud(
    settings: Settings, emulator: Emulator
) -> None:
    """Its source does not say when it ends, the cloud does."""
    ends = datetime.now(UTC) - timedelta(minutes=1)
    emulator.key(
        id="sts",
        secret="sts-secret",
        security_token="sts-token",
        security_token_expires_at=ends.isoformat(),
    )
    checks = await examined(settings, key=Credentials("sts", "sts-secret", "sts-token"))
    assert verdicts(checks) == {("account", "bad", 77), SILENT}
    assert checks["credentials"].detail.endswith("does not say when it expires")
    assert "InvalidSecurityToken" in checks["account"].detail


@pytest.mark.parametrize(
    ("minutes", "verdict"),
    [(60, ("credentials", "ok", 0)), (10, ("credentials", "warning", 0)),
     (-1, ("credentials", "bad", 77))],
)  # fmt: skip
async def test_the_expiry_of_a_temporary_key(
    settings: Settings, emulator: Emulator, minutes: float, verdict: tuple[str, str, int]
) -> None:
    """Long, short, and over, by what its source says."""
    emulator.key(id="sts", secret="sts-secret", security_token="sts-token")
    ends = datetime.now(UTC) + timedelta(minutes=minutes, seconds=5)
    key = Credentials("sts", "sts-secret", "sts-token", "default/uri", expires_at=ends)
    found = (await examined(settings, key=key))["credentials"]
    assert (found.name, found.grade, found.code) == verdict
    assert f"{ends:%Y-%m-%d %H:%M} UTC" in found.detail
    assert "default/uri" in found.detail


async def test_without_credentials_the_rest_is_checked(settings: Settings) -> None:
    """Code 77, and everything that needs no key."""
    checks = await examined(settings, key=None, confirm_replay=True)
    assert verdicts(checks) == {("credentials", "bad", 77), ("endpoint", "not checked", 0)}
    assert {"dns", "journal", "database", "schema", "database rights"} <= checks.keys()


@pytest.mark.parametrize(("seconds", "accounts"), [(120, False), (-1200, True)])
async def test_a_clock_that_differs(
    settings: Settings, start_emulator: Callable[[str], Emulator], seconds: float, accounts: bool
) -> None:
    """A minute is told; a quarter of an hour is refused by the gateway, too."""
    cloud = start_emulator("")
    post(cloud, "clock", {"advance_seconds": seconds})
    checks = await examined(settings.model_copy(update={"endpoint": cloud.url}))
    told = verdicts(checks)
    assert ("cloud clock", "bad", 78) in told
    shown = int(checks["cloud clock"].detail.split(" ")[0])
    assert abs(shown - seconds) < 30
    assert (("account", "bad", 78) in told) == accounts


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [("throttle", ("GetJobDetail", "not checked", 0)), ("error_500", ("GetJobDetail", "bad", 69)),
     ("drop_before", ("GetJobDetail", "bad", 69))],
)  # fmt: skip
async def test_an_action_without_a_clear_answer(
    settings: Settings, emulator: Emulator, fault: str, verdict: tuple[str, str, int]
) -> None:
    """It is told for the action alone."""
    emulator.fault(fault, action="GetJobDetail")
    assert verdicts(await examined(settings)) == {UNTOLD, verdict}


async def test_an_endpoint_that_does_not_answer(settings: Settings) -> None:
    """Code 69; the database is looked at all the same."""
    nobody = settings.model_copy(update={"endpoint": "http://127.0.0.1:1"})
    checks = await examined(nobody, confirm_replay=True)
    assert verdicts(checks) == {
        ("endpoint", "bad", 69), SILENT, ("nonce rule", "not checked", 0)
    }  # fmt: skip
    assert checks["database rights"].passed


async def test_the_nonce_rule_is_seen_where_another_right_is_missing(
    settings: Settings, emulator: Emulator
) -> None:
    """It takes ListAIJob alone, and is remembered."""
    emulator.key(id=READER.access_key_id, secret="readersecret", actions=["vod:ListAIJob"])
    checks = await examined(settings, key=READER, confirm_replay=True)
    assert checks["nonce rule"].passed
    assert checks["replay"].detail.startswith("allowed, confirmed on ")
    assert (await examined(settings, key=KEY))["replay"].detail.startswith("allowed")


@pytest.mark.parametrize(("switch", "kept"), [("true", True), ("false", False)])
async def test_the_nonce_rule_of_an_account(
    settings: Settings, start_emulator: Callable[[str], Emulator], switch: str, kept: bool
) -> None:
    """Refused or accepted, either is an answer."""
    cloud = start_emulator(f"[gateway]\nnonce_check = {switch}")
    here = settings.model_copy(update={"endpoint": cloud.url})
    checks = await examined(here, confirm_replay=True)
    assert ("refused" in checks["nonce rule"].detail) == kept
    assert checks["replay"].detail.startswith("allowed" if kept else "off")


@pytest.mark.parametrize("nodes", [1, 2])
async def test_a_gateway_that_keeps_nonces_per_node_is_seen(
    settings: Settings, start_emulator: Callable[[str], Emulator], nodes: int
) -> None:
    """Each node refuses what it has seen itself; only fresh connections meet the other one."""
    gateways = [start_emulator("") for _ in range(nodes)]
    async with spreading([gateway.url for gateway in gateways]) as url:
        checks = await examined(settings.model_copy(update={"endpoint": url}), confirm_replay=True)
    assert checks["replay"].detail.startswith("allowed" if nodes == 1 else "off")
