"""The shapes of messages: within each service's limit, whole signs, known signatures."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.addresses import WebhookKind
from batch.notify.delivery import presentable
from batch.notify.message import Message, cut
from batch.notify.webhook import LIMITS, feishu_sign, signed_dingtalk_url, webhook_body

CHAT = (WebhookKind.DINGTALK, WebhookKind.FEISHU, WebhookKind.SLACK)


def _message(text: str, title: str = "t") -> Message:
    return Message(title, text, {}, 0, "run")


def _text(kind: WebhookKind, body: bytes) -> str:
    shape = json.loads(body)
    match kind:
        case WebhookKind.DINGTALK:
            found = shape["text"]["content"]
        case WebhookKind.FEISHU:
            found = shape["content"]["text"]
        case _:
            found = shape["text"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("kind", CHAT)
@pytest.mark.parametrize("sign", ["a", "媒", "\n", '"', "&", "\x01", "```", "<at"])
def test_a_long_report_fits_the_service(kind: WebhookKind, sign: str) -> None:
    """Whatever a sign takes in JSON, and with as much of the report as fits."""
    body = webhook_body(kind, _message(sign * 60_000))
    assert 0.6 * LIMITS[kind] < len(body) <= LIMITS[kind]
    assert "cut here" in _text(kind, body)


@pytest.mark.parametrize("kind", CHAT)
@given(text=st.text())
def test_a_short_report_is_reported_whole(kind: WebhookKind, text: str) -> None:
    """No text makes a body that cannot be read."""
    assert "cut here" not in _text(kind, webhook_body(kind, _message(text)))


def test_nobody_is_called_by_a_files_name() -> None:
    """Feishu and Slack read tags in a text."""
    tag = '<at user_id="all">x</at> <!channel>'
    assert "<at" not in _text(WebhookKind.FEISHU, webhook_body(WebhookKind.FEISHU, _message(tag)))
    assert "<" not in _text(WebhookKind.SLACK, webhook_body(WebhookKind.SLACK, _message(tag)))


def test_signatures_are_those_of_the_services() -> None:
    """Figures made with openssl, not with this code."""
    url = signed_dingtalk_url("https://x.test/?access_token=a", "SECabc", 1700000000000)
    assert url == (
        "https://x.test/?access_token=a&timestamp=1700000000000"
        "&sign=jcUpW0QmtKduN03n4JqQ0PBosVjqnM8gU7fIIvsDmCM%3D"
    )
    assert feishu_sign("abc", 1700000000) == "VIS10b0EBvzzSdFnuk4tznEmK5wHaruvf/WnViv2yR4="


@given(text=st.text(), limit=st.integers(min_value=0, max_value=200))
def test_a_cut_keeps_the_limit_and_whole_signs(text: str, limit: int) -> None:
    """A text that fits is untouched."""
    short = cut(text, limit)
    assert len(short.encode()) <= limit
    if len(text.encode("utf-8", "replace")) <= limit:
        assert short == text.encode("utf-8", "replace").decode()


def test_what_is_shown_is_one_short_line() -> None:
    """A page of HTML is no detail."""
    assert presentable("a\n\n b\x1b[31m\tc 签名") == "a b[31m c 签名"
    assert len(presentable("x" * 1000)) == 200
    assert presentable("abcdef", ("cd", "abcd", "")) == "***ef"
