"""How an answer leaves the server, or does not: one function a kind of fault."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.client import responses

from aiohttp import web

from batch.emulator import answers
from batch.emulator.accounts import Verdict
from batch.emulator.answers import Answer, Refusal
from batch.emulator.calls import Call
from batch.emulator.clock import http_date
from batch.emulator.faults import FaultKind, FaultRule
from batch.emulator.gateway import (
    add_retry_after,
    consumes_nonce,
    execute,
    refuse_by_script,
    release_nonce,
)
from batch.emulator.state import State

_JSON_TYPE = "application/json;charset=utf-8"
_XML_TYPE = "text/xml;charset=utf-8"
_PAGE = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n"
    "<center><h1>{0}</h1></center>\r\n<hr><center>Tengine</center>\r\n"
    "</body>\r\n</html>\r\n"
)


@dataclass(frozen=True, slots=True)
class Incident:
    """A call that something goes wrong with."""

    state: State
    request: web.Request
    call: Call
    verdict: Verdict
    fault: FaultRule

    def execute(self) -> Answer:
        """Take the ordinary course."""
        return execute(self.state, self.call, self.verdict)

    def book(self, code: str) -> None:
        """Count what the client gets to see."""
        self.state.meter.answers[code] += 1


def respond(state: State, call: Call, answer: Answer) -> web.StreamResponse:
    """Return the whole answer in the form the call asked for."""
    said = state.words.put_into(call.action, answer)
    state.meter.answers[said.code] += 1
    response = call.connection.last_answer = _response(state, call, said)
    return response


def _response(state: State, call: Call, answer: Answer) -> web.Response:
    if call.wants_xml:
        body, content_type = answers.to_xml(answer), _XML_TYPE
    else:
        body, content_type = answers.to_json(answer), _JSON_TYPE
    headers = {
        "Content-Type": content_type,
        "x-acs-request-id": call.request_id,
        **_date(state),
        **answer.headers,
    }
    return web.Response(status=answer.status, body=body, headers=headers)


def _date(state: State) -> dict[str, str]:
    """Return the Date header of a cloud whose clock was moved; else the server's own will do."""
    return {"Date": http_date(int(state.clock.wall()))} if state.clock.offset else {}


async def go_wrong(incident: Incident) -> web.StreamResponse:
    """Let the fault happen."""
    incident.state.meter.faults[incident.fault.kind] += 1
    return await _COURSES[incident.fault.kind](incident)


async def _refuse(incident: Incident) -> web.StreamResponse:
    fault = incident.fault
    return _answer_server_error(incident, Refusal(fault.code, fault.status, fault.message))


async def _throttle(incident: Incident) -> web.StreamResponse:
    return _answer_error(incident, incident.state.refusals["throttled"])


async def _error_500(incident: Incident) -> web.StreamResponse:
    return _answer_server_error(incident, incident.state.refusals["internal_error"])


async def _error_503(incident: Incident) -> web.StreamResponse:
    return _answer_server_error(incident, incident.state.refusals["service_unavailable"])


def _answer_server_error(incident: Incident, refusal: Refusal) -> web.StreamResponse:
    """Answer an error, after executing or without; settings know what becomes of the nonce."""
    state, call = incident.state, incident.call
    if not incident.fault.execute:
        return _answer_error(incident, refusal)
    incident.execute()
    if not consumes_nonce(state, refusal.code, refusal.status):
        release_nonce(state, call)
    answer = answers.error(refusal, call.request_id, call.host)
    return _finish(incident, answer)


def _answer_error(incident: Incident, refusal: Refusal) -> web.StreamResponse:
    answer = refuse_by_script(incident.state, incident.call, incident.verdict, refusal)
    return _finish(incident, answer)


def _finish(incident: Incident, answer: Answer) -> web.StreamResponse:
    add_retry_after(answer, incident.fault.retry_after)
    answer.headers.update(incident.fault.headers)
    return respond(incident.state, incident.call, answer)


async def _html_502(incident: Incident) -> web.StreamResponse:
    return _answer_html(incident, 502)


async def _html(incident: Incident) -> web.StreamResponse:
    return _answer_html(incident, incident.fault.status)


def _answer_html(incident: Incident, status: int) -> web.StreamResponse:
    """Answer as a proxy in front of the gateway would, which may have passed the call on."""
    if incident.fault.execute:
        incident.execute()
    incident.book(f"(html {status})")
    headers = {"Content-Type": "text/html", **_date(incident.state), **incident.fault.headers}
    page = _PAGE.format(f"{status} {responses.get(status, 'Error')}")
    return web.Response(status=status, body=page.encode(), headers=headers)


async def _drop_before(incident: Incident) -> web.StreamResponse:
    return _drop(incident)


async def _accept_then_drop(incident: Incident) -> web.StreamResponse:
    incident.execute()
    return _drop(incident)


async def _hang(incident: Incident) -> web.StreamResponse:
    if incident.fault.execute:
        incident.execute()
    incident.book("(silence)")
    await asyncio.sleep(incident.fault.seconds)
    return _close(incident)


async def _cut_body(incident: Incident) -> web.StreamResponse:
    """Announce the whole body and send half of it."""
    said = incident.state.words.put_into(incident.call.action, incident.execute())
    whole = _response(incident.state, incident.call, said)
    body = whole.body
    if not isinstance(body, bytes):  # always bytes: _response encodes it
        return whole
    incident.book("(cut)")
    cut = web.StreamResponse(status=whole.status, headers=whole.headers)
    cut.content_length = len(body)
    await cut.prepare(incident.request)
    await cut.write(body[: len(body) // 2])
    if incident.request.transport is not None:
        incident.request.transport.close()  # not abort(): what was written has to arrive
    return cut


async def _delay(incident: Incident) -> web.StreamResponse:
    """Be slow: on the way back, or (late) on the way in, when the client may have given up."""
    if incident.fault.late:
        await asyncio.sleep(incident.fault.seconds)
        incident.call.arrived = incident.state.clock.monotonic()
        return _finish(incident, incident.execute())
    answer = incident.execute()
    await asyncio.sleep(incident.fault.seconds)
    return _finish(incident, answer)


async def _empty_answer(incident: Incident) -> web.StreamResponse:
    """Answer 200 without the job list; a refusal stays what it is."""
    answer = incident.execute()
    if answer.code == answers.OK:
        answer.content = {"RequestId": incident.call.request_id}
    return _finish(incident, answer)


async def _accept_one_type(incident: Incident) -> web.StreamResponse:
    """Execute as if only that type had been asked for; the signature has been checked before."""
    incident.call.parameters["Types"] = incident.fault.type
    return _finish(incident, incident.execute())


async def _answer_one_type(incident: Incident) -> web.StreamResponse:
    """Make all jobs and tell of those of one type; a refusal stays what it is."""
    answer = incident.execute()
    if answer.code == answers.OK:
        jobs = answer.content["AIJobList"]["AIJob"]
        jobs[:] = [job for job in jobs if job["Type"] == incident.fault.type]
    return _finish(incident, answer)


async def _other_job_id(incident: Incident) -> web.StreamResponse:
    """Make the jobs and name others in their place: the ids of the jobs made just before."""
    jobs = incident.state.jobs
    others = jobs.newest(2)
    answer = incident.execute()
    if answer.code == answers.OK:
        entries = answer.content["AIJobList"]["AIJob"]
        for entry, other in zip(entries, others, strict=False):
            entry["JobId"] = other.job_id
    return _finish(incident, answer)


async def _repeat_answer(incident: Incident) -> web.StreamResponse:
    """Answer what was answered before on this connection, as if it came late a second time."""
    last = incident.call.connection.last_answer
    answer = incident.execute()
    if last is None:
        return _finish(incident, answer)
    incident.book("(repeated)")
    return web.Response(status=last.status, body=last.body, headers=last.headers)


async def _extra_header(incident: Incident) -> web.StreamResponse:
    return _finish(incident, incident.execute())


def _drop(incident: Incident) -> web.StreamResponse:
    incident.book("(dropped)")
    return _close(incident)


def _close(incident: Incident) -> web.StreamResponse:
    """Close the TCP connection without an answer; whatever is returned cannot be sent any more."""
    transport = incident.request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if incident.fault.reset and connection is not None:
            # Lingering for zero seconds makes close() send RST.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


_COURSES: dict[FaultKind, Callable[[Incident], Awaitable[web.StreamResponse]]] = {
    FaultKind.REFUSE: _refuse,
    FaultKind.THROTTLE: _throttle,
    FaultKind.DROP_BEFORE: _drop_before,
    FaultKind.ACCEPT_THEN_DROP: _accept_then_drop,
    FaultKind.HANG: _hang,
    FaultKind.CUT_BODY: _cut_body,
    FaultKind.ERROR_500: _error_500,
    FaultKind.ERROR_503: _error_503,
    FaultKind.HTML_502: _html_502,
    FaultKind.HTML: _html,
    FaultKind.DELAY: _delay,
    FaultKind.EMPTY_ANSWER: _empty_answer,
    FaultKind.EXTRA_HEADER: _extra_header,
    FaultKind.ACCEPT_ONE_TYPE: _accept_one_type,
    FaultKind.ANSWER_ONE_TYPE: _answer_one_type,
    FaultKind.OTHER_JOB_ID: _other_job_id,
    FaultKind.REPEAT_ANSWER: _repeat_answer,
}
