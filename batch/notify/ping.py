"""The dead-man's ping, in the way of Healthchecks: start, success, or an exit status.

A check that gets no ping raises the alarm by itself, so a machine that is off is noticed too.
"""

from collections.abc import Collection
from urllib.parse import urlencode, urlsplit

import aiohttp

from batch.addresses import read_ping
from batch.notify.delivery import NotDeliveredError
from batch.notify.http import post, secrets_of
from batch.notify.message import Message, cut

BODY_LIMIT = 100_000
"""Bytes that Healthchecks keeps of a body."""

_HIGHEST_STATUS = 255


class Ping:
    """One check."""

    def __init__(self, url: str, success_codes: Collection[int]) -> None:
        self._url = urlsplit(read_ping(url))
        self._success_codes = success_codes
        self.name = f"ping {self._url.hostname}"
        self.secrets = secrets_of(url)

    async def started(self, session: aiohttp.ClientSession, run_id: str) -> str:
        """Say that a run begins. Raises NotDeliveredError."""
        return await self._post(session, "/start", run_id, "")

    async def ended(self, session: aiohttp.ClientSession, message: Message) -> str:
        """Say how a run ended, its report as the body. Raises NotDeliveredError."""
        status = min(max(message.exit_code, 1), _HIGHEST_STATUS)
        is_success = message.is_success and message.exit_code in self._success_codes
        path = "" if is_success else f"/{status}"
        text = f"{message.title}\n\n{message.text}"
        return await self._post(session, path, message.run_id, text)

    async def _post(self, session: aiohttp.ClientSession, path: str, run_id: str, text: str) -> str:
        query = "&".join(filter(None, (self._url.query, urlencode({"rid": run_id}))))
        url = self._url._replace(path=self._url.path + path, query=query).geturl()
        body = cut(text, BODY_LIMIT).encode()
        said = await post(session, url, body, "text/plain; charset=utf-8")
        # Two failures that come as a 200.
        if "not found" in said:
            raise NotDeliveredError("no such check", again=False)
        if "rate limited" in said:
            raise NotDeliveredError("rate limited", again=True)
        return said
