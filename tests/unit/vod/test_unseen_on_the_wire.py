"""Which words of the free calls are told as unknown, and which are not."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import pytest

from batch.vod.lookup import read_job_detail, read_job_infos
from batch.vod.media import read_media_page
from batch.vod.wire import read_job_page


class _Read(Protocol):
    def unseen(self) -> Iterator[tuple[str, str]]: ...


def _listed(**fields: str) -> _Read:
    entry = {"JobId": "j", "Type": "AIMediaDNA", "Status": "success"} | fields
    return read_job_page({"AIJobList": {"AIJob": [entry]}}).jobs[0]


def _info(**fields: str) -> _Read:
    return read_job_infos({"JobInfoList": [{"JobId": "j", "Status": "success"} | fields]}, "m")[0]


def _detail(**fields: str) -> _Read:
    entry = {"JobId": "j", "JobType": "AIVideoCensor", "Trigger": "Auto", "Status": "init"}
    return read_job_detail({"AIJobDetail": entry | fields}, "j")


def _media(**fields: str) -> _Read:
    return read_media_page({"VideoList": [{"VideoId": "m", "Status": "Normal"} | fields]}).media[0]


KNOWN: list[tuple[_Read, Mapping[str, str]]] = [
    (_listed(Status="FAIL", Type="AIMediaAudit"), {}),
    (_listed(Status="canceled"), {"Status": "canceled"}),
    (_listed(Type="AIMediaDNA,AIVideoTag"), {"Type": "AIMediaDNA,AIVideoTag"}),
    (_listed(Status=""), {"Status": "(none)"}),
    (_info(Status="Analysing"), {}),
    (_info(Status="Finished"), {"Status": "Finished"}),
    (_detail(Trigger="Manual", JobType="AIVideoTag"), {}),
    (_detail(Trigger="API", JobType="AIVideoFPShot"),
     {"Trigger": "API", "JobType": "AIVideoFPShot"}),
    (_detail(Trigger=""), {"Trigger": "(none)"}),
    (_media(Status="uploadsucces", StorageClass="Standard", RestoreStatus="Success"), {}),
    (_media(Status="Gone", StorageClass="Glacier", RestoreStatus="Thawing"),
     {"Status": "Gone", "StorageClass": "Glacier", "RestoreStatus": "Thawing"}),
    (_media(Status=""), {"Status": "(none)"}),
]  # fmt: skip


@pytest.mark.parametrize(("read", "words"), KNOWN)
def test_unknown_words_are_reported_with_their_field(read: _Read, words: Mapping[str, str]) -> None:
    assert dict(read.unseen()) == words
