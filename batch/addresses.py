"""Addresses that notices go to, as settings write them. Each may hold a secret: none is shown.

A webhook is a URL with its kind in front, ``dingtalk+https://…``; what follows a ``#`` is its
signing secret. A mail server is ``smtp://user:password@host:port``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo


class WebhookKind(StrEnum):
    """Whose message format a webhook takes."""

    DINGTALK = "dingtalk"
    FEISHU = "feishu"
    SLACK = "slack"
    JSON = "json"


class Encryption(StrEnum):
    """How a mail server is talked to."""

    STARTTLS = "smtp"
    TLS = "smtps"
    NONE = "smtp+plain"


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """One webhook. ``secret`` signs its messages."""

    kind: WebhookKind
    url: str = field(repr=False)
    host: str
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class MailServer:
    """One SMTP server."""

    encryption: Encryption
    host: str
    port: int
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)


_SIGNED = (WebhookKind.DINGTALK, WebhookKind.FEISHU)
_HTTPS_ONLY = ("dingtalk.com", "feishu.cn", "larksuite.com", "slack.com", "hc-ping.com")
_PORTS = {Encryption.STARTTLS: 587, Encryption.TLS: 465, Encryption.NONE: 25}


def read_ping(text: str) -> str:
    """Return the URL of a check, without a slash at its end. Raises ValueError."""
    parts = _split(text, ("http", "https"), "https://hc-ping.com/your-uuid")
    if parts.fragment:
        raise ValueError("holds a #, which is never sent")
    return parts._replace(path=parts.path.rstrip("/")).geturl()


def read_webhook(text: str) -> WebhookAddress:
    """Return a webhook's parts. Raises ValueError, which shows nothing of ``text``."""
    kinds = ", ".join(f"{kind}+https://" for kind in WebhookKind)
    before, plus, url = text.partition("+")
    try:
        kind = WebhookKind(before.lower())
    except ValueError:
        raise ValueError(f"write a webhook's kind in front of its URL: {kinds}") from None
    parts = _split(url if plus else "", ("http", "https"), f"{kind}+https://host/path")
    secret = unquote(parts.fragment) or None
    if secret and kind not in _SIGNED:
        raise ValueError(f"holds a #: a {kind} webhook has no signing secret")
    bare = parts._replace(fragment="").geturl()
    return WebhookAddress(kind, bare, parts.hostname or "", secret)


def read_mail_server(text: str) -> MailServer:
    """Return a mail server's parts. Raises ValueError, which shows nothing of ``text``."""
    parts = _split(text, tuple(Encryption), "smtp://user:password@host:587")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(
            "must hold scheme, user, password, host and port only; write a / ? or # in a password "
            "as %2F %3F %23"
        )
    if (parts.username is None) != (parts.password is None):
        raise ValueError("must hold both user and password, or neither")
    encryption = Encryption(parts.scheme)
    return MailServer(
        encryption,
        parts.hostname or "",
        parts.port or _PORTS[encryption],
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


def _split(text: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        fits = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its message would show what it could not read
        fits = False
    if not fits or any(sign.isspace() or not sign.isprintable() for sign in text):
        raise ValueError(f"is not an address; write it like {example}")
    host = parts.hostname or ""
    if parts.scheme == "http" and any(f".{host}".endswith(f".{name}") for name in _HTTPS_ONLY):
        raise ValueError(f"{host} is called over https only")
    return parts


def _checked(read: Callable[[str], object]) -> AfterValidator:
    def check(secret: SecretStr) -> SecretStr:
        read(secret.get_secret_value())
        return secret

    return AfterValidator(check)


def split_list(value: object) -> object:
    """Turn ``a, b`` into its parts, as an environment variable holds a list; others pass."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _check_mailbox(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not (local and at and domain) or any(s.isspace() or s in ",;<>()" for s in text):
        raise ValueError(f"{text!r} is not a mail address; write it like night@example.com")
    return text


PingUrl = Annotated[SecretStr, _checked(read_ping)]
WebhookUrl = Annotated[SecretStr, _checked(read_webhook)]
MailServerUrl = Annotated[SecretStr, _checked(read_mail_server)]
Mailbox = Annotated[str, AfterValidator(_check_mailbox)]
CommaList = BeforeValidator(split_list)


def _check_mail_is_whole(readers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Refuse mail settings that would send nothing. (A field that is wrong itself is not here.)"""
    if not {"smtp_url", "mail_from"} <= set(info.data):
        return readers
    given = (info.data["smtp_url"], info.data["mail_from"], readers)
    if any(given) and not all(given):
        raise ValueError("smtp_url, mail_from and mail_to are given together, or none of them")
    return readers


MailReaders = Annotated[tuple[Mailbox, ...], CommaList, AfterValidator(_check_mail_is_whole)]
