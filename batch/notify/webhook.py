"""Webhooks: DingTalk, Feishu, Slack and plain JSON, each with its own shape, limit and answer."""

import base64
import hashlib
import hmac
import json
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from urllib.parse import quote_plus

import aiohttp

from batch.addresses import WebhookAddress, WebhookKind
from batch.notify.delivery import NotDeliveredError
from batch.notify.http import post, secrets_of
from batch.notify.message import Message, cut

LIMITS = {
    WebhookKind.DINGTALK: 20_000,
    WebhookKind.FEISHU: 20_000,
    WebhookKind.SLACK: 40_000,
    WebhookKind.JSON: 10_000_000,  # nobody's: the facts are sent whole
}
"""Bytes of a whole body; the text gives way."""

_ANSWER_CODES = {
    WebhookKind.DINGTALK: ("errcode",),
    WebhookKind.FEISHU: ("code", "StatusCode"),
}
_BUSY = {
    WebhookKind.DINGTALK: (-1, 130101),
    WebhookKind.FEISHU: (11232,),
}
"""Answers that another try may better: the service is busy, or we were too fast."""


class Webhook:
    """One webhook; ``place`` is its place among the settings' webhooks, from 1."""

    def __init__(
        self, place: int, address: WebhookAddress, clock: Callable[[], float] = time.time
    ) -> None:
        self._address = address
        self._clock = clock
        self.name = f"webhook {place} {address.kind} {address.host}"
        self.secrets = (*secrets_of(address.url), address.secret or "")

    async def ended(self, session: aiohttp.ClientSession, message: Message) -> str:
        """Send how a run ended. Raises NotDeliveredError."""
        address, now = self._address, self._clock()
        url = address.url
        if address.kind is WebhookKind.DINGTALK and address.secret:
            url = signed_dingtalk_url(url, address.secret, int(now * 1000))
        body = webhook_body(address.kind, message, address.secret, int(now))
        said = await post(session, url, body, "application/json; charset=utf-8")
        return _understood(address.kind, said)


def webhook_body(
    kind: WebhookKind, message: Message, secret: str | None = None, seconds: int = 0
) -> bytes:
    """Return the request's body, its text cut until all of it fits the service's limit."""
    limit = LIMITS[kind]

    def body(size: int) -> bytes:
        return _encoded(_shaped(kind, message, cut(message.text, size), secret, seconds))

    # A sign may take more bytes in JSON than by itself, never fewer.
    if len(whole := body(limit)) <= limit:
        return whole
    return body(bisect_right(range(limit), limit, key=lambda size: len(body(size))) - 1)


def _shaped(
    kind: WebhookKind, message: Message, text: str, secret: str | None, seconds: int
) -> Mapping[str, object]:
    match kind:
        case WebhookKind.DINGTALK:
            content = f"{message.title}\n\n{text}"
            return {"msgtype": "text", "text": {"content": content}}
        case WebhookKind.FEISHU:
            # A tag in a file's name must not call the whole group.
            content = f"{message.title}\n\n{text}".replace("<at", "< at")
            shape: dict[str, object] = {"msg_type": "text", "content": {"text": content}}
            if secret:
                shape |= {"timestamp": str(seconds), "sign": feishu_sign(secret, seconds)}
            return shape
        case WebhookKind.SLACK:
            plain = text.replace("```", "'''")
            return {"text": _slack(f"*{message.title}*\n```\n{plain}\n```")}
        case WebhookKind.JSON:
            about = {"title": message.title, "run_id": message.run_id}
            return {**about, "exit_code": message.exit_code, **message.facts}


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _encoded(shape: Mapping[str, object]) -> bytes:
    return json.dumps(shape, ensure_ascii=False, default=str).encode("utf-8", "replace")


def signed_dingtalk_url(url: str, secret: str, milliseconds: int) -> str:
    """Return ``url`` with DingTalk's signature: the secret is the key, and part of the text."""
    text = f"{milliseconds}\n{secret}"
    digest = hmac.digest(secret.encode(), text.encode(), hashlib.sha256)
    sign = quote_plus(base64.b64encode(digest))
    return f"{url}{'&' if '?' in url else '?'}timestamp={milliseconds}&sign={sign}"


def feishu_sign(secret: str, seconds: int) -> str:
    """Return Feishu's signature: the text is the key, and nothing is signed with it."""
    digest = hmac.digest(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256)
    return base64.b64encode(digest).decode()


def _understood(kind: WebhookKind, said: str) -> str:
    """Return what the service said; DingTalk and Feishu refuse with a 200."""
    names = _ANSWER_CODES.get(kind)
    if names is None:
        return said
    try:
        answer = json.loads(said)
        code = next(answer[name] for name in names if name in answer)
    except (ValueError, TypeError, StopIteration):
        raise NotDeliveredError(f"an answer without a code: {said}", again=False) from None
    if code != 0:
        reason = answer.get("errmsg") or answer.get("msg") or answer.get("StatusMessage") or ""
        raise NotDeliveredError(f"code {code}: {reason}", again=code in _BUSY[kind])
    return "ok"
