"""Each kind of fault as a plain HTTP client meets it, and which calls a rule picks."""

import asyncio
import random
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from batch.emulator.faults import FaultRule, FaultScript

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Emulator, StartEmulator, Until


async def script(emulator: "Emulator", **rule: Any) -> None:
    assert await emulator.post("faults", rule) == 200


@pytest.mark.parametrize("retry_after", [0, 250])
async def test_refuse_and_throttle(emulator: "Emulator", retry_after: int) -> None:
    await script(emulator, kind="refuse", code="Weird.Code", status=418, message="Tea.", count=1)
    await script(emulator, kind="throttle", retry_after=retry_after, count=1)

    refused, throttled, after = [await emulator.submit() for _ in range(3)]

    assert (refused.status, refused.code, refused.json["Message"]) == (418, "Weird.Code", "Tea.")
    assert (throttled.status, throttled.code) == (400, "Throttling.User")
    assert throttled.headers.get("x-acs-retry-after") == (str(retry_after) if retry_after else None)
    assert after.code == "OK"
    assert (await emulator.meter())["jobs"] == 1


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(("kind", "jobs"), [("drop_before", 0), ("accept_then_drop", 1)])
async def test_drops(emulator: "Emulator", kind: str, jobs: int, reset: bool) -> None:
    await script(emulator, kind=kind, reset=reset)

    with pytest.raises(aiohttp.ClientConnectionError):
        await emulator.submit()

    meter = await emulator.meter()
    assert (meter["jobs"], meter["requests"]) == (jobs, {"SubmitAIJob": 1})
    assert meter["answers"] == {"(dropped)": 1}


@pytest.mark.parametrize("execute", [False, True])
async def test_hang(emulator: "Emulator", until: "Until", execute: bool) -> None:
    await script(emulator, kind="hang", execute=execute)
    call = asyncio.ensure_future(emulator.submit())

    meter = await until(emulator, lambda meter: "(silence)" in meter["answers"])
    assert not call.done()
    assert meter["jobs"] == int(execute)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_hang_ends_with_a_closed_connection(emulator: "Emulator") -> None:
    await script(emulator, kind="hang", seconds=0.01)

    with pytest.raises(aiohttp.ClientConnectionError):
        await emulator.submit()


async def test_cut_body(emulator: "Emulator") -> None:
    await script(emulator, kind="cut_body")

    with pytest.raises(aiohttp.ClientPayloadError):
        await emulator.submit()

    meter = await emulator.meter()
    assert (meter["jobs"], meter["answers"]) == (1, {"(cut)": 1})


@pytest.mark.parametrize("execute", [False, True])
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("error_500", 500, "InternalError"), ("error_503", 503, "ServiceUnavailable")],
)
async def test_server_errors(
    emulator: "Emulator", kind: str, status: int, code: str, execute: bool
) -> None:
    await script(emulator, kind=kind, execute=execute)

    reply = await emulator.submit()

    assert (reply.status, reply.code) == (status, code)
    assert (await emulator.meter())["jobs"] == int(execute)


@pytest.mark.parametrize("execute", [False, True])
async def test_html_502(emulator: "Emulator", execute: bool) -> None:
    await script(emulator, kind="html_502", execute=execute)

    reply = await emulator.submit()

    assert (reply.status, reply.headers["Content-Type"]) == (502, "text/html")
    assert "<html>" in reply.text
    assert (await emulator.meter())["jobs"] == int(execute)


@pytest.mark.parametrize("late", [False, True])
async def test_a_slow_answer_does_not_reach_into_what_comes_after_a_reset(
    emulator: "Emulator", until: "Until", late: bool
) -> None:
    """What a killed process asked for is neither done nor counted among the next one's calls."""
    await script(emulator, kind="delay", seconds=0.2, late=late)
    call = asyncio.ensure_future(emulator.submit())
    await until(emulator, lambda meter: bool(meter["requests"]))

    await emulator.post("reset", {})

    with pytest.raises(aiohttp.ClientConnectionError):
        await call
    meter = await emulator.meter()
    assert (meter["jobs"], meter["answers"], meter["requests"]) == (0, {}, {})


async def test_delay_before_the_answer(emulator: "Emulator") -> None:
    await script(emulator, kind="delay", seconds=0.2)
    loop = asyncio.get_running_loop()

    started = loop.time()
    reply = await emulator.submit()

    assert reply.code == "OK"
    assert loop.time() - started >= 0.19


async def test_a_late_request_is_executed_after_the_client_left(
    emulator: "Emulator", until: "Until"
) -> None:
    await script(emulator, kind="delay", late=True, seconds=1.0)
    call = asyncio.ensure_future(emulator.submit())
    await until(emulator, lambda meter: bool(meter["requests"]))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    meter = await until(emulator, lambda meter: bool(meter["jobs"]))

    assert meter["jobs"] == 1


async def test_empty_answer_and_extra_header(emulator: "Emulator") -> None:
    await script(emulator, kind="empty_answer", count=1)
    await script(emulator, kind="extra_header", headers={"x-odd": "1"})

    empty, extra = await emulator.submit(), await emulator.submit()

    assert (empty.status, set(empty.json)) == (200, {"RequestId"})
    assert (extra.code, extra.headers["x-odd"]) == ("OK", "1")
    assert (await emulator.meter())["jobs"] == 2


@pytest.mark.parametrize(("kind", "made"), [("accept_one_type", 1), ("answer_one_type", 2)])
async def test_one_type_of_two(emulator: "Emulator", kind: str, made: int) -> None:
    await script(emulator, kind=kind, type="AIVideoTag", media_ids=["m1", "m2"], count=1)

    alone = await emulator.submit("m1", "AIVideoTag")
    elsewhere = await emulator.submit("m3", "AIMediaDNA,AIVideoTag")
    listed = await emulator.submit("m2", "AIMediaDNA,AIVideoTag")
    afterwards = await emulator.submit("m1", "AIMediaDNA,AIVideoTag")
    jobs = [job for job in await emulator.jobs() if job["media_id"] == "m2"]

    assert [entry["Type"] for entry in listed.json["AIJobList"]["AIJob"]] == ["AIVideoTag"]
    assert listed.json["AIJobList"]["AIJob"][0]["JobId"] == jobs[-1]["job_id"]
    assert len(jobs) == made
    assert [len(reply.json["AIJobList"]["AIJob"]) for reply in (alone, elsewhere, afterwards)] == [
        1,
        2,
        2,
    ]


async def test_one_type_of_two_by_chance(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator(
        """
        seed = 1
        quota.limits.SubmitAIJob = 0
        [[faults]]
        kind = "accept_one_type"
        type = "AIMediaDNA"
        probability = 0.5
        """
    )
    for number in range(40):
        await emulator.submit(f"m{number}", "AIMediaDNA,AIVideoTag")
    per_type = (await emulator.meter())["jobs_per_type"]

    assert per_type["AIMediaDNA"] == 40
    assert 5 < per_type["AIVideoTag"] < 35


async def test_a_refusal_of_a_call_for_two_types_stays_what_it_is(emulator: "Emulator") -> None:
    await script(emulator, kind="answer_one_type", type="AIVideoTag")

    reply = await emulator.submit("two words", "AIMediaDNA,AIVideoTag")

    assert (reply.status, reply.code) == (404, "InvalidVideo.NotFound")


@pytest.mark.parametrize("execute", [False, True])
@pytest.mark.parametrize("consumed", [False, True])
async def test_nonce_of_a_5xx_call(
    start_emulator: "StartEmulator", consumed: bool, execute: bool
) -> None:
    emulator = await start_emulator(f"gateway.nonce_consumed_by_5xx = {str(consumed).lower()}")
    await script(emulator, kind="error_500", execute=execute, count=1)
    query = {"MediaId": "m1", "Types": "AIMediaDNA"}

    failed = await emulator.v3("SubmitAIJob", query, nonce="n1")
    replayed = await emulator.v3("SubmitAIJob", query, nonce="n1")

    assert failed.status == 500
    assert replayed.code == ("SignatureNonceUsed" if consumed else "OK")
    assert (await emulator.meter())["jobs"] == int(execute) + int(not consumed)


async def test_a_5xx_call_frees_no_nonce_but_its_own(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator("gateway.nonce_consumed_by_5xx = false")
    query = {"MediaId": "m1", "Types": "AIMediaDNA"}
    await emulator.v3("SubmitAIJob", query, nonce="n1")
    await script(emulator, kind="error_500", execute=True, count=2)

    repeated = await emulator.v3("SubmitAIJob", query, nonce="n1")
    emulator.access_key = ("testid", "guessed")
    foreign = await emulator.v3("SubmitAIJob", query, nonce="n1")
    emulator.access_key = ("testid", "testsecret")
    again = await emulator.v3("SubmitAIJob", query, nonce="n1")

    assert (repeated.status, foreign.status) == (500, 500)
    assert again.code == "SignatureNonceUsed"


async def test_a_replay_after_a_lost_request_is_executed(emulator: "Emulator") -> None:
    await script(emulator, kind="html_502", count=1)
    query = {"MediaId": "m1", "Types": "AIMediaDNA"}

    codes = [(await emulator.v3("SubmitAIJob", query, nonce="n1")).status for _ in range(3)]

    assert codes == [502, 200, 400]


async def test_faults_come_before_the_signature_but_the_meter_knows(emulator: "Emulator") -> None:
    await script(emulator, kind="throttle")
    valid = await emulator.submit()
    emulator.access_key = ("testid", "guessed")
    wrong = await emulator.submit()
    meter = await emulator.meter()

    assert valid.code == wrong.code == "Throttling.User"
    assert (meter["busiest_second"], meter["refused_signatures"]) == (1, 1)
    assert meter["faults"] == {"throttle": 2}


async def test_rules_by_admin_calls(emulator: "Emulator") -> None:
    await emulator.post(
        "faults",
        [{"kind": "drop_before", "media_id": "m2"}, {"kind": "throttle", "action": "ListAIJob"}],
    )
    submitted = await emulator.submit("m1")
    listed = await emulator.v3("ListAIJob", {"JobIds": "1"})
    described = await emulator.get("faults")
    async with emulator.session.delete(f"{emulator.url}/_emulator/faults") as response:
        left = await response.json()

    assert (submitted.code, listed.code) == ("OK", "Throttling.User")
    assert [(rule["kind"], rule["seen"], rule["applied"]) for rule in described] == [
        ("drop_before", 0, 0),
        ("throttle", 1, 1),
    ]
    assert left == []
    assert await emulator.post("faults", {"kind": "explode"}) == 400
    assert await emulator.post("faults", {"kind": "refuse"}) == 400


async def test_rules_in_the_settings_file(start_emulator: "StartEmulator") -> None:
    emulator = await start_emulator('[[faults]]\nkind = "error_503"\nfirst = 1')

    assert [(await emulator.submit()).status for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(
    ("selection", "picked"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"first": 2}, [1, 2]),
        ({"every": 3}, [3, 6]),
        ({"count": 1, "every": 2}, [2]),
        ({"after": 2, "first": 3}, [3, 4, 5]),
        ({"after": 1, "every": 2, "count": 2}, [3, 5]),
        ({"probability": 0.0}, []),
        ({"media_id": "m4"}, [4]),
        ({"action": "ListAIJob"}, []),
    ],
)
def test_which_calls_a_rule_picks(selection: dict[str, Any], picked: list[int]) -> None:
    faults = FaultScript([FaultRule(kind="throttle", **selection)], random.Random(1))
    calls = range(1, 9)

    assert [call for call in calls if faults.choose("SubmitAIJob", f"m{call}")] == picked


def test_the_first_rule_that_picks_wins() -> None:
    rules = [FaultRule(kind="hang", every=2), FaultRule(kind="throttle")]
    faults = FaultScript(rules, random.Random(1))

    chosen = [faults.choose("SubmitAIJob", "m1") for _ in range(3)]

    assert [rule and rule.kind for rule in chosen] == ["throttle", "hang", "throttle"]


def test_probability_follows_the_dice() -> None:
    rule = FaultRule(kind="throttle", probability=0.25)
    faults = FaultScript([rule], random.Random(1))

    picked = sum(faults.choose("SubmitAIJob", "m1") is not None for _ in range(1000))

    assert 200 < picked < 300
