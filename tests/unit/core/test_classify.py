"""Every code and shape that an answer may have, and what it proves."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.classify import MESSAGE_LIMIT, classify, classify_error
from batch.core.codes import Meaning, meaning_of, stop_cause
from batch.core.models import JobType
from batch.core.outcome import (
    Accepted,
    AccountStopped,
    Answer,
    InDoubt,
    Job,
    NotSent,
    Refused,
    StopCause,
    Throttled,
    exit_code_for,
)
from batch.core.patience import asked_pause, retry_after_seconds
from batch.errors import ExitCode

MEDIA = "925ead60239d71ee80ca6732b68f0102"
REQUEST_ID = "25818875-5F78-4A13-BEF6-D7393642CA58"
DNA, TAG = JobType.MEDIA_DNA, JobType.VIDEO_TAG
BOTH = (DNA, TAG)

OUTCOMES = (Accepted, Throttled, Refused, NotSent, InDoubt, AccountStopped)

# Every code of vod-api.md 5.2 with each status the tables give it.
CODES: list[tuple[str, int, type[object], StopCause | None]] = [
    ("Throttling.User", 400, Throttled, None),
    ("Throttling.Api", 400, Throttled, None),
    ("Throttling", 400, Throttled, None),
    ("Throttling", 503, Throttled, None),
    ("MissingParameter", 400, Refused, None),
    ("MissingMediaId", 400, Refused, None),
    ("InvalidParameter", 400, Refused, None),
    ("InvalidTypes", 400, Refused, None),
    ("InvalidParameter.Format", 400, Refused, None),
    ("InvalidVideo.NotFound", 404, Refused, None),
    ("NoSuchResource", 404, Refused, None),
    ("Forbidden.IllegalStatus", 400, Refused, None),
    ("OperationDenied", 403, AccountStopped, StopCause.NOT_ACTIVE),
    ("OperationDenied.Suspended", 403, AccountStopped, StopCause.ARREARS),
    ("Forbidden", 403, AccountStopped, StopCause.PERMISSION),
    ("Forbidden.RAM", 403, AccountStopped, StopCause.PERMISSION),
    ("NoPermission", 403, AccountStopped, StopCause.PERMISSION),
    ("InvalidAccessKeyId.NotFound", 404, AccountStopped, StopCause.CREDENTIALS),
    ("InvalidAccessKeyId.NotFound", 400, AccountStopped, StopCause.CREDENTIALS),
    ("InvalidAccessKeyId.Inactive", 400, AccountStopped, StopCause.CREDENTIALS),
    ("InvalidSecurityToken.Expired", 400, AccountStopped, StopCause.CREDENTIALS),
    ("SignatureDoesNotMatch", 400, AccountStopped, StopCause.CREDENTIALS),
    ("SignatureDoesNotMatch", 403, AccountStopped, StopCause.CREDENTIALS),
    ("IncompleteSignature", 400, AccountStopped, StopCause.CREDENTIALS),
    ("MissingSecurityToken", 400, AccountStopped, StopCause.CREDENTIALS),
    ("SignatureNonceUsed", 400, InDoubt, None),
    ("InvalidTimeStamp.Format", 400, AccountStopped, StopCause.CLOCK),
    ("InvalidTimeStamp.Expired", 400, AccountStopped, StopCause.CLOCK),
    ("InvalidApi.NotFound", 404, AccountStopped, StopCause.ENDPOINT),
    ("InvalidAction", 403, AccountStopped, StopCause.ENDPOINT),
    ("InvalidAction.NotFound", 404, AccountStopped, StopCause.ENDPOINT),
    ("InvalidVersion", 400, AccountStopped, StopCause.ENDPOINT),
    ("UnsupportedHTTPMethod", 400, AccountStopped, StopCause.ENDPOINT),
    ("InvalidSignatureMethod", 400, AccountStopped, StopCause.ENDPOINT),
    ("InternalError", 500, InDoubt, None),
    ("ServiceUnAvailable", 503, InDoubt, None),
    ("ServiceUnavailable", 503, InDoubt, None),
    # Sister products of the same vendor, and Alibaba's own SDK threads (vod-api.md 5.2).
    ("Rejected.Throttling", 429, Throttled, None),
    ("RequestsTooFrequent", 403, Throttled, None),
    ("FlowControlError", 400, Throttled, None),
    ("TooManyRequests", 429, Throttled, None),
    ("Throttling.Api.Risk", 400, Throttled, None),
    ("ServiceThrottling", 400, Throttled, None),
    ("RequestLimitExceeded", 400, Throttled, None),
    ("Throttling.User", 503, Throttled, None),
    ("Rejected.Throttling", 503, InDoubt, None),
    ("TooManyRequests", 503, InDoubt, None),
    ("AcsServerTimeOut", 408, InDoubt, None),
    ("AcsServerTimeOut", 400, InDoubt, None),
    ("UnknownError", 400, InDoubt, None),
    ("Unknown", 400, InDoubt, None),
    ("InternalError", 400, InDoubt, None),
    ("InternalError.Dispatch", 403, InDoubt, None),
    ("ServiceUnavailable", 400, InDoubt, None),
    ("Service.Temporarily.Unavailable", 400, InDoubt, None),
    ("ServerBusy", 400, InDoubt, None),
    ("InvalidParameter", 408, InDoubt, None),
    ("Throttling.User", 408, InDoubt, None),
    ("Throttling.ServiceUnavailable", 400, InDoubt, None),
    ("InvalidParameter", 499, InDoubt, None),
    ("Forbidden", 499, InDoubt, None),
    ("InsufficientBalance", 400, AccountStopped, StopCause.ARREARS),
    ("InsufficientBalance", 403, AccountStopped, StopCause.ARREARS),
    ("IllegalTimestamp", 400, AccountStopped, StopCause.CLOCK),
    ("Forbidden.RiskControl", 403, AccountStopped, StopCause.RISK_CONTROL),
    ("AccessDenied", 403, AccountStopped, StopCause.PERMISSION),
    ("InvalidParameter", 429, Refused, None),
    ("Forbidden.RAM", 429, AccountStopped, StopCause.PERMISSION),
    ("InvalidRateLimit.NotFound", 404, Refused, None),
    ("ThrottlingPolicy.NotFound", 404, Refused, None),
    ("QuotaExceeded.Jobs", 403, Refused, None),
    ("Brand.New", 400, Refused, None),
    ("Brand.New", 429, InDoubt, None),
    ("Brand.New", 500, InDoubt, None),
]


def error(
    code: object, status: int, message: object = "m", retry_after: str | None = None
) -> Answer:
    body = {"RequestId": REQUEST_ID, "HostId": "h", "Code": code, "Message": message}
    return Answer(status, json.dumps(body).encode(), retry_after)


def entry(job_type: object, job_id: object = "j1", **more: object) -> dict[str, object]:
    return {"JobId": job_id, "Type": job_type, "MediaId": MEDIA} | more


def accepted_body(*entries: object, **more: object) -> Answer:
    body = {"RequestId": REQUEST_ID, "AIJobList": {"AIJob": list(entries)}} | more
    return Answer(200, json.dumps(body).encode())


@pytest.mark.parametrize("respell", [str, str.lower, str.upper, str.swapcase])
@pytest.mark.parametrize(("code", "status", "expected", "cause"), CODES)
def test_every_documented_code(
    code: str, status: int, expected: type[object], cause: StopCause | None, respell: Any
) -> None:
    outcome = classify(error(respell(code), status), MEDIA, BOTH)

    assert type(outcome) is expected
    assert not isinstance(outcome, Accepted | NotSent)
    assert (outcome.code, outcome.http_status) == (respell(code), status)
    assert (outcome.message, outcome.request_id) == ("m", REQUEST_ID)
    assert getattr(outcome, "cause", None) == cause


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (StopCause.ARREARS, ExitCode.UNAVAILABLE),
        (StopCause.NOT_ACTIVE, ExitCode.UNAVAILABLE),
        (StopCause.PERMISSION, ExitCode.PERMISSION),
        (StopCause.CREDENTIALS, ExitCode.PERMISSION),
        (StopCause.CLOCK, ExitCode.CONFIGURATION),
        (StopCause.ENDPOINT, ExitCode.CONFIGURATION),
        (StopCause.RISK_CONTROL, ExitCode.UNAVAILABLE),
        (StopCause.EVERY_PROBE, ExitCode.UNAVAILABLE),
    ],
)
def test_each_cause_has_its_exit_code(cause: StopCause, code: ExitCode) -> None:
    assert exit_code_for(cause) is code
    assert AccountStopped("c", "m", None, 403, cause).exit_code is code


@pytest.mark.parametrize("code", ["ForbiddenX", "InvalidTimeStampX", "OperationDenied.Other", ""])
def test_a_code_that_only_resembles_one_stops_nothing(code: str) -> None:
    assert stop_cause(code) is None


UNKNOWN = [
    "Brand.New",
    "Job.Queued",
    "QuotaExceeded",
    "Forbidden.NewThing",
    "操作失败",
    "InvalidState",
]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412])
@pytest.mark.parametrize("code", UNKNOWN)
def test_an_unknown_code_is_a_refusal_that_proves_nothing(code: str, status: int) -> None:
    outcome = classify(error(code, status), MEDIA, BOTH)

    assert outcome == Refused(code, "m", REQUEST_ID, status, is_certain=False)


@pytest.mark.parametrize(
    ("code", "status"), [(row[0], row[1]) for row in CODES if row[2] is Refused]
)
def test_only_a_documented_refusal_is_certain(code: str, status: int) -> None:
    outcome = classify(error(code, status), MEDIA, BOTH)

    assert isinstance(outcome, Refused)
    assert outcome.is_certain == (meaning_of(code) is Meaning.REFUSED)


@pytest.mark.parametrize("code", ["InvalidParameter", "Throttling.User", "Forbidden", "Odd"])
@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_error_that_names_jobs_is_in_doubt_and_keeps_them(code: str, status: int) -> None:
    body = json.loads(accepted_body(entry(DNA, "j1"), entry("Odd", "j2"), entry(TAG, "j1")).body)

    outcome = classify(Answer(status, json.dumps(body | {"Code": code}).encode()), MEDIA, BOTH)

    assert isinstance(outcome, InDoubt)
    assert outcome.job_ids == ("j1", "j2")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(403, b"<html>Forbidden</html>"), id="html 403"),
        pytest.param(Answer(404, b"{}"), id="no code"),
        pytest.param(error(403, 403), id="code not a text"),
        pytest.param(error("  ", 400), id="blank code"),
        pytest.param(Answer(407, b""), id="proxy wants a password"),
        pytest.param(Answer(502, b"<html>Bad Gateway</html>"), id="html 502"),
        pytest.param(error("InvalidParameter", 500), id="a refusal's code under a 500"),
        pytest.param(error("Throttling.User", 302), id="redirect"),
        pytest.param(error("Throttling.User", 200), id="an error under a 200"),
        pytest.param(Answer(204, b""), id="204"),
        pytest.param(Answer(201, b"{}"), id="201 without a job"),
        pytest.param(Answer(429, b"<html>slow down</html>", "900"), id="html 429"),
        pytest.param(Answer(429, b""), id="429 without a word"),
        pytest.param(Answer(301, accepted_body(entry(DNA)).body), id="redirect with a job"),
        pytest.param(Answer(200, b""), id="empty"),
        pytest.param(Answer(200, b"[]"), id="a list"),
        pytest.param(Answer(200, b"<SubmitAIJobResponse/>"), id="xml"),
        pytest.param(Answer(200, b"[" * 100_000), id="nested too deep"),
        pytest.param(Answer(200, b'{"AIJobList": {"AIJob": [{"JobId": "j'), id="cut"),
        pytest.param(Answer(200, b'{"AIJobList": null}'), id="null list"),
        pytest.param(Answer(200, b'{"AIJobList": {"AIJob": {}}}'), id="object for list"),
        pytest.param(accepted_body(), id="empty list"),
        pytest.param(accepted_body(None, 1, "x", [entry(DNA)]), id="entries of wrong types"),
        pytest.param(accepted_body(entry(DNA, "")), id="empty id"),
        pytest.param(accepted_body(entry(DNA, 7)), id="id not a text"),
        pytest.param(accepted_body(entry(DNA, "a b")), id="id with a space"),
        pytest.param(accepted_body(entry(DNA, "j1\n")), id="id with a line break"),
        pytest.param(accepted_body(entry(DNA, "x" * 65)), id="id too long"),
        pytest.param(accepted_body(entry("AIMediaAudit")), id="another type"),
        pytest.param(accepted_body(entry(["AIMediaDNA"])), id="type not a text"),
        pytest.param(accepted_body(entry(DNA, MediaId="other")), id="another media"),
        pytest.param(accepted_body(entry(DNA, MediaId=5)), id="media not a text"),
    ],
)
def test_what_proves_nothing_is_in_doubt(answer: Answer) -> None:
    outcome = classify(answer, MEDIA, BOTH)

    assert isinstance(outcome, InDoubt)
    assert outcome.http_status == answer.http_status
    assert outcome.reason


def test_both_types_accepted() -> None:
    answer = accepted_body(entry(DNA, "j1"), entry(TAG, "j2", Status="1", Data={}), Strange=[1])

    assert classify(answer, MEDIA, BOTH) == Accepted(REQUEST_ID, (Job(DNA, "j1"), Job(TAG, "j2")))


def test_a_partial_list_is_accepted() -> None:
    outcome = classify(accepted_body(entry(TAG, "j2")), MEDIA, BOTH)

    assert outcome == Accepted(REQUEST_ID, (Job(TAG, "j2"),))


def test_further_jobs_are_receipts_and_never_dropped() -> None:
    answer = accepted_body(
        entry(DNA, "j1"),
        entry(DNA, "j2"),
        entry(TAG, "j3"),
        entry(DNA, "j4", MediaId="other"),
        entry("AIMediaAudit", "j5"),
        entry(DNA, "j1"),
    )

    outcome = classify(answer, MEDIA, (DNA,))

    extra = (Job(DNA, "j2"), Job(TAG, "j3"), Job(DNA, "j4"))
    assert outcome == Accepted(REQUEST_ID, (Job(DNA, "j1"),), extra, ("j5",))


def test_one_job_id_for_two_types_leaves_the_second_in_doubt_with_a_receipt() -> None:
    outcome = classify(accepted_body(entry(DNA, "j1"), entry(TAG, "j1")), MEDIA, BOTH)

    assert outcome == Accepted(REQUEST_ID, (Job(DNA, "j1"),), (Job(TAG, "j1"),))


def test_an_entry_without_media_is_ours() -> None:
    answer = accepted_body({"JobId": "j1", "Type": "AIMediaDNA"})

    assert classify(answer, MEDIA, (DNA,)) == Accepted(REQUEST_ID, (Job(DNA, "j1"),))


@pytest.mark.parametrize(
    "answer",
    [
        accepted_body(entry("AIMediaAudit", "j9")),
        Answer(200, json.dumps({"Data": {"JobId": "j9"}}).encode()),
        Answer(200, b'{"AIJobList": {"AIJob": [{"JobId" : "j9", "Type": "AIMe'),
        Answer(500, b'<p>{"JobId": "j9", "JobId": ""}</p>'),
    ],
    ids=["another type", "another shape", "cut", "a page"],
)
def test_a_doubt_keeps_the_job_ids_that_the_answer_named(answer: Answer) -> None:
    outcome = classify(answer, MEDIA, BOTH)

    assert isinstance(outcome, InDoubt)
    assert outcome.job_ids == ("j9",)


NAMED_ODDLY = [
    b"<SubmitAIJobResponse><AIJob><JobId>%s</JobId></AIJob></SubmitAIJobResponse>",
    b'{"Code": "InvalidParameter", "Data": "{\\"JobId\\":\\"%s\\"}"}',
    b'{"Code": "InvalidParameter", "JobIds": ["%s"]}',
    b'{"Code": "InvalidParameter", "jobId": "%s"}',
    b'{"Code": "InvalidParameter", "Message": "accepted, JobId: %s"}',
    '{"Code": "InvalidParameter", "JobId": "%s"}'.encode("utf-16"),
]


@pytest.mark.parametrize("form", NAMED_ODDLY)
@pytest.mark.parametrize("job_id", ["4711", "a1b2", "job:a1/b2="])
@pytest.mark.parametrize("status", [200, 400])
def test_a_job_that_an_answer_names_in_any_way_is_a_receipt(
    form: bytes, job_id: str, status: int
) -> None:
    """A code that is a certain refusal everywhere else is none beside the name of a job."""
    wide = form.startswith((b"\xff\xfe", b"\xfe\xff"))
    encoding = "utf-16" if wide else "utf-8"
    body = form.decode(encoding).replace("%s", job_id).encode(encoding)
    outcome = classify(Answer(status, body), MEDIA, [DNA])
    assert isinstance(outcome, InDoubt)
    assert outcome.job_ids == (job_id,)


def test_a_number_for_a_job_id_is_a_receipt() -> None:
    """Neither beside a refusal nor beside a job is it dropped."""
    outcome = classify(Answer(400, b'{"Code": "InvalidParameter", "JobId": 4711}'), MEDIA, [DNA])
    assert isinstance(outcome, InDoubt)
    assert outcome.job_ids == ("4711",)
    both = {"AIJob": [{"JobId": "a1", "Type": DNA}, {"JobId": 4711, "Type": TAG}]}
    accepted = classify(Answer(200, json.dumps({"AIJobList": both}).encode()), MEDIA, BOTH)
    assert isinstance(accepted, Accepted)
    assert accepted.unplaced == ("4711",)


@pytest.mark.parametrize(
    "codes",
    [
        '"Code": "InternalError", "Code": "InvalidParameter"',
        '"Code": "InvalidParameter", "code": "InternalError"',
        '"Code": "Throttling.User", "ErrorCode": "Odd.One"',
        '"Code": "Forbidden", "Data": {"Code": "ServiceUnavailable"}',
    ],
)
def test_an_error_with_two_codes_proves_nothing(codes: str) -> None:
    """Which of them is meant nobody knows."""
    outcome = classify(Answer(400, f"{{{codes}}}".encode()), MEDIA, [DNA])
    assert isinstance(outcome, InDoubt)


@pytest.mark.parametrize("code", ["InvalidParameter", "invalidparameter"])
def test_one_code_said_twice_is_one(code: str) -> None:
    body = f'{{"Code": "InvalidParameter", "errorCode": "{code}"}}'.encode()
    assert isinstance(classify(Answer(400, body), MEDIA, [DNA]), Refused)


@pytest.mark.parametrize("value", ["null", '""', "[]", "false"])
def test_an_empty_job_id_names_no_job(value: str) -> None:
    """A refusal that has the field, and nothing in it, is a refusal."""
    body = f'{{"Code": "InvalidParameter", "Message": "no JobId", "JobId": {value}}}'.encode()
    assert isinstance(classify(Answer(400, body), MEDIA, [DNA]), Refused)


@pytest.mark.parametrize("status", [201, 202, 206])
def test_any_status_of_success_may_bring_a_job(status: int) -> None:
    outcome = classify(Answer(status, accepted_body(entry(DNA, "j1")).body), MEDIA, BOTH)

    assert outcome == Accepted(REQUEST_ID, (Job(DNA, "j1"),), http_status=status)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1500", 1.5),
        (" 20 ", 0.02),
        ("0", None),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("٣", None),
        ("1" * 16, None),
        (None, None),
    ],
)
def test_retry_after_is_milliseconds(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header) == seconds


@pytest.mark.parametrize(
    ("later", "date", "seconds"),
    [
        ("120", None, 120.0),
        ("0", None, None),
        ("soon", None, None),
        ("-3", None, None),
        ("Fri, 02 Jan 2026 03:05:05 GMT", "Fri, 02 Jan 2026 03:04:05 GMT", 60.0),
        ("Fri, 02 Jan 2026 03:05:05 GMT", "Fri, 02 Jan 2026 03:06:05 GMT", None),
        ("Fri, 02 Jan 2026 03:05:05 GMT", None, None),
        ("Fri, 32 Jan 2026 03:05:05 GMT", "Fri, 02 Jan 2026 03:04:05 GMT", None),
    ],
)
def test_retry_later_is_seconds_or_a_date(
    later: str, date: str | None, seconds: float | None
) -> None:
    assert asked_pause(Answer(429, b"", None, date, later)) == seconds


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidParameter", Refused),
        ("InvalidVideo.NotFound", Refused),
        ("OperationDenied", AccountStopped),
        ("Brand.New", InDoubt),
        ("", InDoubt),
        ("InternalError", InDoubt),
        ("TooManyRequests", Throttled),
    ],
)
@pytest.mark.parametrize("status", [400, 429])
def test_a_header_slows_the_pace_and_changes_no_meaning(
    code: str, kind: type[object], status: int
) -> None:
    outcome = classify_error(error(code, status, "slow", retry_after="2000"))

    assert type(outcome) is kind
    assert (outcome.slows, outcome.retry_after_seconds) == (True, 2.0)


@pytest.mark.parametrize("code", ["InvalidParameter", "OperationDenied", "Brand.New", ""])
def test_any_429_slows_the_pace(code: str) -> None:
    assert classify_error(error(code, 429)).slows
    assert not classify_error(error(code, 400)).slows


def test_a_5xx_with_retry_after_stays_in_doubt_and_keeps_it() -> None:
    outcome = classify_error(error("ServiceUnavailable", 503, retry_after="3000"))

    assert isinstance(outcome, InDoubt)
    assert outcome.retry_after_seconds == 3.0


def test_a_used_nonce_is_in_doubt_even_with_retry_after() -> None:
    assert isinstance(classify_error(error("SignatureNonceUsed", 400, retry_after="9")), InDoubt)


def test_echoed_text_is_short_and_printable() -> None:
    outcome = classify_error(error("Some.Code", 400, "a\0b\ud800\n" + "x" * 5000))

    assert isinstance(outcome, Refused)
    assert outcome.message.startswith("a b  x")
    assert len(outcome.message) == MESSAGE_LIMIT


def test_what_was_signed_is_not_echoed() -> None:
    message = (
        "Specified signature is not matched. server string to sign is:x-acs-security-token:tkn"
    )

    outcome = classify_error(error("SignatureDoesNotMatch", 400, message))

    assert isinstance(outcome, AccountStopped)
    assert outcome.message == "Specified signature is not matched"


@pytest.mark.parametrize("secret", ["Suspended", "Operation", "User", "s", "a", "e"])
def test_what_is_hidden_is_read_all_the_same(secret: str) -> None:
    def hide(text: str) -> str:
        return text.replace(secret, "***")

    for code, kind in [
        ("OperationDenied.Suspended", AccountStopped),
        ("Throttling.User", Throttled),
    ]:
        plain = error(code, 400, f"told: {secret}")
        outcome = classify_error(Answer(400, plain.body, hide=hide))
        assert type(outcome) is kind
        assert isinstance(outcome, AccountStopped | Throttled)
        assert secret not in outcome.message
        assert secret not in outcome.code


def test_a_secret_is_hidden_before_a_text_is_cut() -> None:
    secret = "k" * 30
    text = "x" * (MESSAGE_LIMIT - 10) + secret
    answer = error("Odd" + "y" * 120 + secret, 400, text)

    outcome = classify_error(Answer(400, answer.body, hide=lambda t: t.replace(secret, "***")))

    assert isinstance(outcome, Refused)
    assert "kk" not in outcome.message
    assert "kk" not in outcome.code


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["AIJobList", "AIJob", "JobId", "Type", "MediaId", "Code", "Message"]),
            inner | st.sampled_from(["AIMediaDNA", "Throttling.User", "Forbidden"]),
        )
    ),
    max_leaves=20,
)


@given(
    status=st.integers(100, 599) | st.just(200),
    body=st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    retry_after=st.none() | st.text(),
)
def test_any_bytes_make_some_outcome(status: int, body: bytes, retry_after: str | None) -> None:
    outcome = classify(Answer(status, body, retry_after), MEDIA, BOTH)

    assert isinstance(outcome, OUTCOMES)
    if isinstance(outcome, Accepted):
        assert 200 <= status < 300
        assert outcome.jobs
    if isinstance(outcome, Refused | AccountStopped):
        assert 400 <= status < 500


TOO_LONG = [413, 414, 431]
HTML = b"<html><head><title>414 Request-URI Too Large</title></head></html>"


@pytest.mark.parametrize("status", TOO_LONG)
@pytest.mark.parametrize(
    ("body", "code"),
    [(HTML, "RequestTooLong"), (b"", "RequestTooLong"), (b'{"Code":"Brand.New"}', "Brand.New")],
)
def test_a_request_that_is_too_long_is_refused(status: int, body: bytes, code: str) -> None:
    """Certain only where its line is longer than what every server has room for."""
    long = classify(Answer(status, body, asked_bytes=8001), MEDIA, BOTH)
    short = classify(Answer(status, body, asked_bytes=8000), MEDIA, BOTH)
    assert isinstance(long, Refused)
    assert isinstance(short, Refused)
    assert (long.code, long.is_certain) == (code, True)
    assert (short.code, short.is_certain) == (code, False)


@pytest.mark.parametrize("status", TOO_LONG)
def test_what_else_an_answer_says_comes_before_its_length(status: int) -> None:
    """Jobs, the server's trouble, the rate, the account: a status does not hide them."""

    def of(code: str, **more: Any) -> object:
        body = json.dumps({"Code": code, **more}).encode()
        return classify(Answer(status, body, asked_bytes=9000), MEDIA, BOTH)

    assert isinstance(of("Brand.New", JobId="j1"), InDoubt)
    assert isinstance(of("InternalError"), InDoubt)
    assert isinstance(of("Throttling.User"), Throttled)
    assert isinstance(of("InvalidAccessKeyId.NotFound"), AccountStopped)
    later = Answer(status, HTML, retry_later="5", asked_bytes=9000)
    assert isinstance(classify(later, MEDIA, BOTH), InDoubt)
