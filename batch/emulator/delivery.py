"""How an answer leaves the server, or does not."""

import asyncio
import socket
import struct
from dataclasses import dataclass
from http.client import responses

from aiohttp import web

from batch.emulator import answers
from batch.emulator.answers import Answer
from batch.emulator.call import Call
from batch.emulator.clock import http_date
from batch.emulator.faults import FaultRule
from batch.emulator.gateway import add_retry_after, execute, refuse, see
from batch.emulator.refusals import Refusal
from batch.emulator.world import World

_JSON_TYPE = "application/json;charset=utf-8"
_SITUATIONS = {
    "throttle": "throttled",
    "error_500": "internal_error",
    "error_503": "service_unavailable",
}
_RST_ON_CLOSE = struct.pack("ii", 1, 0)  # lingering for zero seconds makes close() send RST
_PAGE = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n"
    "<center><h1>{0}</h1></center>\r\n<hr><center>Tengine</center>\r\n"
    "</body>\r\n</html>\r\n"
)


def respond(world: World, call: Call, answer: Answer) -> web.StreamResponse:
    """Return the whole answer."""
    said = world.words.put_into(call.action, answer)
    world.meter.answers[said.code] += 1
    response = call.connection.last_answer = web.Response(
        status=said.status, body=_body(said), headers=_headers(world, call, said)
    )
    return response


def _body(answer: Answer) -> bytes:
    return answers.encode(answer.content).encode(errors="replace")


def _headers(world: World, call: Call, answer: Answer) -> dict[str, str]:
    return {
        "Content-Type": _JSON_TYPE,
        "x-acs-request-id": call.request_id,
        **_date(world),
        **answer.headers,
    }


def _date(world: World) -> dict[str, str]:
    """Return the Date header of a cloud whose clock was moved; else the server's own will do."""
    return {"Date": http_date(int(world.clock.wall()))} if world.clock.offset else {}


@dataclass(frozen=True, slots=True)
class Incident:
    """A call that something goes wrong with."""

    world: World
    request: web.Request
    call: Call
    fault: FaultRule

    async def happen(self) -> web.StreamResponse:
        """Let the fault happen, and count it."""
        self.world.meter.faults[self.fault.kind] += 1
        match self.fault.kind:
            case "refuse" | "throttle" | "error_500" | "error_503":
                return self._error()
            case "html" | "html_502":
                return self._page()
            case "drop_before" | "accept_then_drop":
                return self._drop()
            case "hang":
                return await self._hang()
            case "cut_body":
                return await self._cut_body()
            case "delay":
                return await self._delay()
            case "repeat_answer":
                return self._repeat_answer()
            case _:
                return self._other_content()

    def _execute(self) -> Answer:
        return execute(self.world, self.call)

    def _book(self, code: str) -> None:
        """Count what the client gets to see instead of an answer."""
        self.world.meter.answers[code] += 1

    def _finish(self, answer: Answer) -> web.StreamResponse:
        add_retry_after(answer, self.fault.retry_after)
        answer.headers.update(self.fault.headers)
        return respond(self.world, self.call, answer)

    def _error(self) -> web.StreamResponse:
        """Answer an error, after executing or without."""
        fault = self.fault
        if situation := _SITUATIONS.get(fault.kind):
            refusal = self.world.refusals[situation]
        else:
            refusal = Refusal(fault.status, fault.code, fault.message)
        if fault.execute and fault.kind != "throttle":
            self._execute()
        else:
            see(self.world, self.call)
        return self._finish(refuse(self.world, self.call, refusal))

    def _page(self) -> web.StreamResponse:
        """Answer as a proxy in front of the gateway would, which may have passed the call on."""
        status = 502 if self.fault.kind == "html_502" else self.fault.status
        if self.fault.execute:
            self._execute()
        self._book(f"(html {status})")
        headers = {"Content-Type": "text/html", **_date(self.world), **self.fault.headers}
        page = _PAGE.format(f"{status} {responses.get(status, 'Error')}")
        return web.Response(status=status, body=page.encode(), headers=headers)

    def _drop(self) -> web.StreamResponse:
        if self.fault.kind == "accept_then_drop":
            self._execute()
        self._book("(dropped)")
        return self._close()

    async def _hang(self) -> web.StreamResponse:
        if self.fault.execute:
            self._execute()
        self._book("(silence)")
        await asyncio.sleep(self.fault.seconds)
        return self._close()

    def _close(self) -> web.StreamResponse:
        """Close the connection without an answer; whatever is returned cannot be sent any more."""
        transport = self.request.transport
        if transport is not None:
            connection = transport.get_extra_info("socket")
            if self.fault.reset and connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
            transport.abort()
        return web.Response()

    async def _cut_body(self) -> web.StreamResponse:
        """Announce the whole body and send half of it."""
        said = self.world.words.put_into(self.call.action, self._execute())
        body, headers = _body(said), _headers(self.world, self.call, said)
        self._book("(cut)")
        cut = web.StreamResponse(status=said.status, headers=headers)
        cut.content_length = len(body)
        await cut.prepare(self.request)
        await cut.write(body[: len(body) // 2])
        if self.request.transport is not None:
            self.request.transport.close()  # not abort(): what was written has to arrive
        return cut

    async def _delay(self) -> web.StreamResponse:
        """Be slow: on the way back, or (late) on the way in, when the client may have given up."""
        meter = self.world.meter
        answer = None if self.fault.late else self._execute()
        await asyncio.sleep(self.fault.seconds)
        if self.world.meter is not meter:  # reset meanwhile: nobody waits for it any more
            return self._close()
        if answer is None:
            self.call.arrived = self.world.clock.monotonic()
            answer = self._execute()
        return self._finish(answer)

    def _repeat_answer(self) -> web.StreamResponse:
        """Answer what was answered before on this connection, as if it came late a second time."""
        last = self.call.connection.last_answer
        answer = self._execute()
        if last is None:
            return self._finish(answer)
        self._book("(repeated)")
        return web.Response(status=last.status, body=last.body, headers=last.headers)

    def _other_content(self) -> web.StreamResponse:
        """Execute and answer something else than what was done; a refusal stays what it is."""
        fault = self.fault
        made_before = self.world.jobs.newest(2)
        if fault.kind == "accept_one_type":  # the signature has been checked before
            self.call.parameters["Types"] = fault.type
        answer = self._execute()
        if answer.code != answers.OK:
            return self._finish(answer)
        match fault.kind:
            case "empty_answer":
                answer.content = {"RequestId": self.call.request_id}
            case "answer_one_type":
                jobs = answer.content["AIJobList"]["AIJob"]
                jobs[:] = [job for job in jobs if job["Type"] == fault.type]
            case "other_job_id":
                jobs = answer.content["AIJobList"]["AIJob"]
                for entry, other in zip(jobs, made_before, strict=False):
                    entry["JobId"] = other.job_id
        return self._finish(answer)
