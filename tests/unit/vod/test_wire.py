"""What we write and read, shape by shape."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.models import Claim, ClaimedSubmission, JobType
from batch.core.outcome import NotSent
from batch.vod.wire import (
    CloudStatus,
    JobStatus,
    QueryFailed,
    UnreadableError,
    parse_time,
    read_job_page,
    submit_params,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_parameters_of_a_submit() -> None:
    members = (
        ClaimedSubmission(1, 1, JobType.MEDIA_DNA, 0),
        ClaimedSubmission(2, 1, JobType.VIDEO_TAG, 0),
    )

    assert submit_params(Claim("m", '{"a":1}', None, "n0", AT, members)) == {
        "MediaId": "m",
        "Types": "AIMediaDNA,AIVideoTag",
        "UserData": '{"Extend":{"vodBatch":"n0"}}',
        "Config": '{"a":1}',
    }
    assert "Config" not in submit_params(Claim("m", None, None, "n0", AT, members[:1]))


def test_one_whole_job() -> None:
    page = read_job_page(
        {
            "RequestId": "R",
            "AIJobList": {
                "AIJob": [
                    {
                        "JobId": "j1",
                        "MediaId": "m",
                        "Type": "AIVideoTag",
                        "Status": "success",
                        "Code": "0",
                        "Message": "OK",
                        "CreationTime": "2026-01-02T03:04:05Z",
                        "CompleteTime": "2026-01-02T03:05:05Z",
                        "Data": '{"Keyword":[]}',
                        "New": 1,
                    }
                ]
            },
            "NonExistAIJobIds": {"String": ["j2"]},
        }
    )

    done = datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC)
    assert page.jobs == (
        JobStatus(
            "j1",
            "m",
            "AIVideoTag",
            CloudStatus.SUCCESS,
            "0",
            "OK",
            AT,
            done,
            '{"Keyword":[]}',
            "success",
        ),
    )
    assert (page.request_id, page.unknown_ids) == ("R", ("j2",))


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ({"String": ["a", "b"]}, ("a", "b")),
        ({"String": '["a","b"]'}, ("a", "b")),
        (["a", "b"], ("a", "b")),
        ('["a"]', ("a",)),
        ('{"String":["a"]}', ("a",)),
        ({"String": []}, ()),
        ({}, ()),
        ("not json", ()),
        ('"text"', ()),
        ("[" * 100_000, ()),
        ([1, None, "", "a"], ("a",)),
        (5, ()),
    ],
)
def test_unknown_ids_in_every_form(value: object, ids: tuple[str, ...]) -> None:
    assert read_job_page({"NonExistAIJobIds": value}).unknown_ids == ids


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("init", CloudStatus.INIT),
        ("FAIL", CloudStatus.FAIL),
        ("Reserved", CloudStatus.RESERVED),
        ("analysing", CloudStatus.ANALYSING),
        ("canceled", CloudStatus.UNKNOWN),
        ("succeeded", CloudStatus.UNKNOWN),
        ("", CloudStatus.UNKNOWN),
        (None, CloudStatus.UNKNOWN),
        (7, CloudStatus.UNKNOWN),
    ],
)
def test_a_status_we_do_not_know_is_not_finished(word: object, status: CloudStatus) -> None:
    page = read_job_page({"AIJobList": {"AIJob": [{"JobId": "j", "Status": word}]}})

    assert page.jobs[0].status is status


@pytest.mark.parametrize(
    "body",
    [{}, {"AIJobList": {}}, {"AIJobList": []}, {"AIJobList": {"AIJob": True}}, {"Code": "x"}],
)
def test_another_shape_is_unreadable(body: dict[str, object]) -> None:
    with pytest.raises(UnreadableError):
        read_job_page(body)


def test_text_that_no_database_holds_is_resolved() -> None:
    entry = {"JobId": "j", "Message": "a\0\ud800b", "Data": "x\0\ud800"}
    job = read_job_page({"AIJobList": {"AIJob": [entry]}}).jobs[0]

    assert (job.message, job.data) == ("a  b", "x ?")


@pytest.mark.parametrize("value", ["2026-01-02", "2026-13-02T03:04:05Z", "", 5, None])
def test_a_strange_time_is_none(value: object) -> None:
    assert parse_time(value) is None


def test_a_failed_query_says_which_and_why() -> None:
    error = QueryFailed("ListAIJob", NotSent("refused"))

    assert str(error) == "ListAIJob: NotSent(reason='refused', by_choice=False)"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["AIJob", "JobId", "Status", "Data", "String", "CreationTime"]), inner
        )
    ),
    max_leaves=15,
)


@given(jobs=JSON, unknown=JSON)
def test_any_json_is_a_page_or_unreadable(jobs: object, unknown: object) -> None:
    body = json.loads(json.dumps({"AIJobList": jobs, "NonExistAIJobIds": unknown}))
    try:
        page = read_job_page(body)
    except UnreadableError:
        return
    assert all(job.job_id for job in page.jobs)


@pytest.mark.parametrize("status", ["success", "fail"])
def test_a_job_named_twice_is_what_both_say(status: str) -> None:
    """Neither the first nor the last ends it, or names its type, where they differ."""
    entries = [
        {"JobId": "j", "Type": "AIMediaDNA", "Status": status},
        {"JobId": "k", "Type": "AIMediaDNA", "Status": "success"},
        {"JobId": "j", "Type": "AIVideoTag", "Status": "processing"},
        {"JobId": "j", "Type": "AIMediaDNA", "Status": status},
    ]
    job, same = read_job_page({"AIJobList": {"AIJob": entries}}).jobs
    assert (job.job_id, job.type, job.status) == ("j", None, CloudStatus.UNKNOWN)
    assert (same.type, same.status) == ("AIMediaDNA", CloudStatus.SUCCESS)
