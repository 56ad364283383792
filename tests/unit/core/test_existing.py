"""Which job that is there already spares a submission."""

from datetime import UTC, datetime, timedelta

import pytest

from batch.core.existing import FoundJob, choose, is_same_config
from batch.core.models import JobType

DNA, TAG = JobType.MEDIA_DNA, JobType.VIDEO_TAG
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _job(name: str, *, age: int = 0, job_type: JobType = DNA, is_open: bool = False) -> FoundJob:
    return FoundJob(name, "m", job_type, is_open, None, NOW - timedelta(hours=age))


def _chosen(*jobs: FoundJob) -> str | None:
    job = choose(DNA, None, jobs)
    return job.job_id if job else None


def test_a_success_goes_before_what_runs_and_the_newest_before_the_others() -> None:
    assert _chosen(_job("old", age=9), _job("new", age=2), _job("running", is_open=True)) == "new"
    assert _chosen(_job("early", age=5, is_open=True), _job("late", age=1, is_open=True)) == "late"
    assert _chosen(_job("tags", job_type=TAG)) is None
    assert _chosen() is None


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (None, None, True),
        (None, "", True),
        (None, " ", True),
        (None, "{}", True),
        ("{}", None, True),
        (None, '{"a":1}', False),
        ('{"a":1}', None, False),
        ('{"a":1,"b":2}', '{ "b": 2, "a": 1 }', True),
        ('{"a":1}', '{"a":true}', False),
        (None, "a word", False),
        ("a word", "a word", False),
        (None, "[]", False),
        (None, "[" * 100_000, False),
        ('{"a":1}', '{"a":1', False),
    ],
)
def test_what_cannot_be_read_is_never_the_same(ours: str | None, theirs: str, same: bool) -> None:
    assert is_same_config(JobType.VIDEO_TAG, ours, theirs) is same
