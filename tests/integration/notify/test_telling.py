"""Notices on real connections: what arrives, what is tried again, and that nothing is raised."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from batch.notify.channels import Notifier
from batch.notify.delivery import Delivery, Tries
from batch.notify.message import Message
from batch.notify.ping import BODY_LIMIT
from batch.settings import Settings
from tests.support.certificates import own_certificate
from tests.support.hearing import Hearing, hearing_server
from tests.support.waiting import soon

RUN = "0c0ffee0-0000-4000-8000-000000000001"
TOKEN = "T0ken-9f2c7a11d0"
SECRET = "SEC0123456789abcdef"
CHECK = "5f3759df-1234-4abc-8def-00d9f2e3a4b5"
REPORT = Message(
    title="vod-batch: 3 of 4 submitted",
    text="submitted 3\nrejected  1\n<media> & friends 媒体",
    facts={"submitted": 3, "rejected": 1},
    exit_code=3,
    run_id=RUN,
)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def server() -> AsyncIterator[Hearing]:
    """A server that hears everything."""
    async with hearing_server() as hearing:
        yield hearing


def _notifier(timeout: float = 5.0, **settings: Any) -> Notifier:
    notifier = Notifier.from_settings(Settings(**settings))
    assert notifier._patience == Tries(10.0, 3, 1.0)
    notifier._patience = Tries(timeout, 3, 0.01)
    return notifier


async def _end(message: Message = REPORT, timeout: float = 5.0, **settings: Any) -> Delivery:
    (delivery,) = await _notifier(timeout, **settings).ended(message)
    return delivery


async def test_without_channels_nothing_is_told() -> None:
    """Notifying is a matter of settings only."""
    notifier = _notifier()
    assert await notifier.started(RUN) == []
    assert await notifier.ended(REPORT) == []


async def test_the_check_hears_start_and_success_of_the_same_run(server: Hearing) -> None:
    """A night that rejected some media is a night that was done."""
    notifier = _notifier(ping_url=f"{server.url}/ping/{CHECK}/")
    (started,) = await notifier.started(RUN)
    (ended,) = await notifier.ended(REPORT)
    assert started.ok
    assert ended.ok
    first, second = server.heard
    assert (first.method, first.path, first.query) == ("POST", f"/ping/{CHECK}/start", {"rid": RUN})
    assert (second.path, second.query) == (f"/ping/{CHECK}", {"rid": RUN})
    assert second.body.decode() == f"{REPORT.title}\n\n{REPORT.text}"


@pytest.mark.parametrize(
    ("code", "codes", "path"),
    [
        (0, None, ""),
        (5, None, ""),
        (4, None, "/4"),
        (75, None, "/75"),
        (3, "0", "/3"),
        (1, "0,1", ""),
    ],
)
async def test_which_exit_codes_are_a_success_is_a_setting(
    server: Hearing, code: int, codes: str | None, path: str
) -> None:
    """The others arrive as the exit status."""
    message = Message("t", "x", {}, code, RUN)
    chosen: dict[str, Any] = {"ping_success_codes": codes} if codes else {}
    assert (await _end(message, ping_url=f"{server.url}/{CHECK}", **chosen)).ok
    assert server.heard[0].path == f"/{CHECK}{path}"


async def test_the_checks_own_query_is_kept(server: Hearing) -> None:
    """A slug's URL may ask to be made on first use."""
    await _end(ping_url=f"{server.url}/key/slug?create=1")
    assert server.heard[0].query == {"create": "1", "rid": RUN}


async def test_a_long_report_is_cut_between_two_signs(server: Hearing) -> None:
    """Healthchecks keeps 100 kB; half of a Chinese sign would be rubbish."""
    message = Message("标题", "媒" * 100_000, {}, 0, RUN)
    assert (await _end(message, ping_url=f"{server.url}/{CHECK}")).ok
    body = server.heard[0].body
    assert BODY_LIMIT - 3 <= len(body) <= BODY_LIMIT
    assert "cut here" in body.decode()


@pytest.mark.parametrize(("said", "tries"), [("OK (not found)", 1), ("OK (rate limited)", 3)])
async def test_a_check_refuses_with_a_200(server: Hearing, said: str, tries: int) -> None:
    """Healthchecks says so in the body."""
    server.say((200, said))
    delivery = await _end(ping_url=f"{server.url}/{CHECK}")
    assert not delivery.ok
    assert server.count() == tries


@pytest.mark.parametrize(
    ("answers", "tries", "ok"),
    [
        ([(500, "oops"), (200, "OK")], 2, True),
        ([(503, ""), (429, ""), (200, "OK")], 3, True),
        ([(502, "bad")], 3, False),
        ([(404, "none")], 1, False),
        ([(302, "")], 1, False),
    ],
)
async def test_what_may_pass_is_tried_again(
    server: Hearing, answers: list[tuple[int, str]], tries: int, ok: bool
) -> None:
    """Three times at the most; a refusal is final, and a redirect is not followed."""
    server.say(*answers)
    delivery = await _end(ping_url=f"{server.url}/{CHECK}")
    assert (delivery.ok, server.count()) == (ok, tries)


async def test_a_dropped_connection_is_tried_again(server: Hearing) -> None:
    """The server had it and hung up: better told twice than not at all."""
    server.drop = 2
    assert (await _end(webhooks=[f"json+{server.url}/"])).ok
    assert server.count() == 3


async def test_a_server_that_hangs_costs_no_more_than_its_tries(server: Hearing) -> None:
    """Three channels hang as long as one: all go at once."""
    server.hang = True
    notifier = _notifier(
        0.3, ping_url=f"{server.url}/{CHECK}",
        webhooks=[f"json+{server.url}/a", f"slack+{server.url}/b"],
    )  # fmt: skip
    began = time.monotonic()
    deliveries = await notifier.ended(REPORT)
    assert time.monotonic() - began < 3
    assert [each.ok for each in deliveries] == [False, False, False]
    assert deliveries[0].detail == "no answer within 0.3 s, tried 3 times"
    assert server.count() == 9


async def test_nobody_listening_is_told_in_plain_words(closed_port: int) -> None:
    """The words name no address that may hold a token."""
    delivery = await _end(webhooks=[f"json+http://127.0.0.1:{closed_port}/{TOKEN}"])
    assert not delivery.ok
    assert delivery.detail == "cannot connect: Connection refused, tried 3 times"


async def test_a_host_without_a_name_is_told() -> None:
    """The names under .invalid never exist."""
    delivery = await _end(webhooks=["json+http://nowhere.invalid/"])
    assert not delivery.ok
    assert "host name" in delivery.detail


async def test_one_channel_that_fails_takes_no_other_with_it(server: Hearing) -> None:
    """Deliveries come in the order of the settings."""
    good, bad = f"json+{server.url}/", "json+http://nowhere.invalid/"
    deliveries = await _notifier(webhooks=[good, bad, good]).ended(REPORT)
    assert [each.ok for each in deliveries] == [True, False, True]
    assert [each.channel[:9] for each in deliveries] == ["webhook 1", "webhook 2", "webhook 3"]


async def test_dingtalk_gets_a_signed_text(server: Hearing) -> None:
    """The signature is DingTalk's: the secret signs time stamp, line feed and itself."""
    server.say((200, '{"errcode":0,"errmsg":"ok"}'))
    url = f"dingtalk+{server.url}/robot/send?access_token={TOKEN}#{SECRET}"
    assert (await _end(webhooks=[url])).ok
    (heard,) = server.heard
    assert heard.path == "/robot/send"
    stamp = heard.query["timestamp"]
    assert abs(int(stamp) / 1000 - time.time()) < 60
    digest = hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256).digest()
    assert heard.query["sign"] == base64.b64encode(digest).decode()
    assert heard.query["access_token"] == TOKEN
    body = json.loads(heard.body)
    assert body == {"msgtype": "text", "text": {"content": f"{REPORT.title}\n\n{REPORT.text}"}}
    assert heard.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_feishu_gets_a_signed_text(server: Hearing) -> None:
    """Here time stamp, line feed and secret are the key, and nothing is signed."""
    server.say((200, '{"code":0,"msg":"success","data":{}}'))
    assert (await _end(webhooks=[f"feishu+{server.url}/open-apis/bot/v2/hook/{TOKEN}#{SECRET}"])).ok
    body = json.loads(server.heard[0].body)
    assert body["msg_type"] == "text"
    assert body["content"] == {"text": f"{REPORT.title}\n\n{REPORT.text}"}
    stamp = body["timestamp"]
    assert abs(int(stamp) - time.time()) < 60
    digest = hmac.new(f"{stamp}\n{SECRET}".encode(), b"", hashlib.sha256).digest()
    assert body["sign"] == base64.b64encode(digest).decode()


async def test_without_a_secret_nothing_is_signed(server: Hearing) -> None:
    """Robots may be guarded by key words or addresses instead."""
    server.say((200, '{"errcode":0,"code":0}'))
    urls = [f"dingtalk+{server.url}/d?access_token={TOKEN}", f"feishu+{server.url}/f"]
    assert all(each.ok for each in await _notifier(webhooks=urls).ended(REPORT))
    by_path = {heard.path: heard for heard in server.heard}
    assert by_path["/d"].query == {"access_token": TOKEN}
    assert set(json.loads(by_path["/f"].body)) == {"msg_type", "content"}


async def test_slack_gets_text_without_markup(server: Hearing) -> None:
    """Its three special signs are written as entities."""
    server.say((200, "ok"))
    assert (await _end(webhooks=[f"slack+{server.url}/services/T/B/{TOKEN}"])).ok
    text = json.loads(server.heard[0].body)["text"]
    assert text.startswith("*vod-batch: 3 of 4 submitted*\n```\nsubmitted 3\n")
    assert "&lt;media&gt; &amp; friends 媒体" in text


async def test_plain_json_is_the_facts(server: Hearing) -> None:
    """With title, run and exit code beside them."""
    server.say((204, ""))
    assert (await _end(webhooks=[f"json+{server.url}/hook"])).ok
    assert json.loads(server.heard[0].body) == {
        "title": REPORT.title, "run_id": RUN, "exit_code": 3, "submitted": 3, "rejected": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "said", "tries"),
    [
        ("dingtalk", '{"errcode":310000,"errmsg":"sign not match"}', 1),
        ("dingtalk", '{"errcode":130101,"errmsg":"send too fast"}', 3),
        ("feishu", '{"code":19021,"msg":"sign match fail"}', 1),
        ("feishu", '{"code":11232,"msg":"frequency limited"}', 3),
        ("dingtalk", "<html>a portal</html>", 1),
        ("feishu", "[]", 1),
    ],
)
async def test_a_refusal_with_a_200_is_a_failure(
    server: Hearing, kind: str, said: str, tries: int
) -> None:
    """DingTalk and Feishu say no in the body; being too fast may pass."""
    server.say((200, said))
    delivery = await _end(webhooks=[f"{kind}+{server.url}/"])
    assert not delivery.ok
    assert server.count() == tries


async def test_no_delivery_and_no_log_line_shows_a_secret(
    server: Hearing, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even when the service itself repeats the token."""
    server.say((403, f"bad {TOKEN} {quote(TOKEN)} {SECRET} {CHECK} http://x/{TOKEN}"))
    settings: dict[str, Any] = {
        "ping_url": f"{server.url}/{CHECK}",
        "webhooks": (
            f"dingtalk+{server.url}/robot/send?access_token={TOKEN}#{SECRET},"
            f"feishu+{server.url}/hook/{TOKEN}#{SECRET}, slack+{server.url}/services/{TOKEN}"
        ),
    }
    notifier = _notifier(**settings)
    deliveries = await notifier.ended(REPORT)
    shown = f"{deliveries} {notifier!r} {Settings(**settings)!r} {capsys.readouterr()}"
    assert len(deliveries) == 4
    for secret in (TOKEN, SECRET, CHECK, unquote(TOKEN)):
        assert secret not in shown
    assert "***" in deliveries[0].detail


async def test_the_proxy_of_the_environment_is_used(
    server: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that may only leave by a proxy can notify too."""
    monkeypatch.setenv("http_proxy", server.url)
    assert (await _end(webhooks=["json+http://hooks.example.com/night"])).ok
    assert server.heard[0].headers["Host"] == "hooks.example.com"


async def test_a_certificate_must_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that only says who it is hears nothing."""
    own = own_certificate(tmp_path)
    async with hearing_server(ssl_context=own.context) as server:
        delivery = await _end(webhooks=[f"json+{server.url}/"])
        assert delivery == Delivery(
            "webhook 1 json 127.0.0.1", False, "its certificate is not trusted"
        )
        assert server.count() == 0


async def test_facts_that_are_no_json_fail_their_channel_only(server: Hearing) -> None:
    """A mistake of ours is told like any other."""
    message = Message("t", "x", {"bad": {(1, 2): 3}}, 0, RUN)
    deliveries = await _notifier(
        ping_url=f"{server.url}/{CHECK}", webhooks=[f"json+{server.url}/"]
    ).ended(message)
    assert [each.ok for each in deliveries] == [True, False]


async def test_cancelling_gets_through(server: Hearing) -> None:
    """A person who presses Ctrl-C twice is obeyed."""
    server.hang = True
    task = asyncio.create_task(_end(webhooks=[f"json+{server.url}/"]))

    async def arrived() -> int:
        return server.count()

    await soon(arrived)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
