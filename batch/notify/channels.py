"""Every channel that the settings name, notified at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from email.message import EmailMessage
from functools import partial
from typing import Self

import aiohttp
import structlog

from batch.addresses import read_mail_server, read_webhook
from batch.notify.delivery import Delivery, Tries, deliver
from batch.notify.mail import Mail
from batch.notify.message import Message
from batch.notify.ping import Ping
from batch.notify.webhook import Webhook
from batch.settings import Settings

_log = structlog.get_logger()

_Notice = tuple[str, Callable[[], Awaitable[str]]]


class Notifier:
    """Reports the start and the end of a run; it never raises, and its time is bounded.

    Each channel has ``patience`` of its own and all go at once, so the slowest one counts: with the
    defaults 33 seconds at the most.
    """

    def __init__(
        self,
        ping: Ping | None = None,
        webhooks: Sequence[Webhook] = (),
        mail: Mail | None = None,
        *,
        patience: Tries = Tries(),  # noqa: B008 - frozen
        dice: random.Random | None = None,
    ) -> None:
        self._ping = ping
        self._webhooks = tuple(webhooks)
        self._mail = mail
        self._patience = patience
        self._dice = dice or random.SystemRandom()
        # One service may repeat what belongs to another, so all are masked everywhere.
        channels = (ping, *webhooks, mail)
        self._secrets = {secret for each in channels if each for secret in each.secrets}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return a notifier of the channels that ``settings`` name; of none, it does nothing."""
        ping = None
        if settings.ping_url:
            ping = Ping(settings.ping_url.get_secret_value(), settings.ping_success_codes)
        webhooks = [
            Webhook(place, read_webhook(url.get_secret_value()))
            for place, url in enumerate(settings.webhooks, start=1)
        ]
        mail = None
        if settings.smtp_url and settings.mail_from and settings.mail_to:
            server = read_mail_server(settings.smtp_url.get_secret_value())
            mail = Mail(server, settings.mail_from, settings.mail_to)
        patience = Tries(timeout=settings.notify_timeout.total_seconds())
        return cls(ping, webhooks, mail, patience=patience)

    async def started(self, run_id: str) -> list[Delivery]:
        """Ping the check: a run begins."""
        if not self._ping:
            return []
        async with _session() as session:
            ping = self._ping
            return await self._tell([(ping.name, partial(ping.started, session, run_id))])

    async def ended(self, message: Message) -> list[Delivery]:
        """Report how a run ended; deliveries come in the settings' order of channels."""
        async with _session() as session:
            notices: list[_Notice] = [
                (each.name, partial(each.ended, session, message))
                for each in (self._ping, *self._webhooks)
                if each
            ]
            if self._mail:
                notices.append((self._mail.name, _letter(self._mail, message)))
            return await self._tell(notices)

    async def _tell(self, notices: Sequence[_Notice]) -> list[Delivery]:
        deliveries = await asyncio.gather(
            *(
                deliver(name, send, self._patience, self._secrets, dice=self._dice)
                for name, send in notices
            )
        )
        for each in deliveries:
            if not each.ok:
                _log.warning("notice_not_delivered", channel=each.channel, detail=each.detail)
        return deliveries


def _letter(mail: Mail, message: Message) -> Callable[[], Awaitable[str]]:
    """Return what sends one and the same letter at every try."""
    made: EmailMessage | None = None

    async def send() -> str:
        nonlocal made
        made = made or mail.compose(message)
        return await mail.send(made)

    return send


def _session() -> aiohttp.ClientSession:
    # The proxy variables count; every try has a time-out of its own around it.
    return aiohttp.ClientSession(trust_env=True, timeout=aiohttp.ClientTimeout(total=None))
