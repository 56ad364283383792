"""The official SDK asks: jobs of a media, one job, results, media (``vod-api.md`` 2.2-2.4, 2.8).

As in ``test_official_sdk.py``, tests that take ``service`` hold for the real service, too.
"""

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
from alibabacloud_tea_openapi.exceptions import ClientException

from tests.contract.caller import Caller

if TYPE_CHECKING:
    from tests.contract.conftest import Service, StartEmulator

Admin = Callable[..., Awaitable[Any]]

UTC_SECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
STAGES = {"reserved", "init", "processing", "analysing", "success", "fail"}
NO_JOB = "0" * 32


async def test_what_queries_say_of_a_media(sdk: Caller, service: "Service") -> None:
    listed = (await sdk.list_info(service, service.media_id)).body

    assert (listed.media_id, listed.job_type) == (service.media_id, "ai")
    for info in listed.job_info_list:
        assert info.status in STAGES
        assert isinstance(info.user_id, int)
        assert re.fullmatch(UTC_SECONDS, info.create_time)
    for info in listed.job_info_list[:1]:
        detail = (await sdk.detail(service, info.job_id)).body.aijob_detail
        assert (detail.job_id, detail.media_id) == (info.job_id, service.media_id)
        assert (detail.user_id, detail.create_time) == (info.user_id, info.create_time)
        assert detail.trigger in {"Auto", "Manual"}
        assert detail.status in STAGES


async def test_video_infos(sdk: Caller, service: "Service") -> None:
    body = (await sdk.videos(service, service.media_id, "no/such/media")).body
    (video,) = body.video_list

    assert body.non_exist_video_ids == ["no/such/media"]
    assert video.video_id == service.media_id
    assert video.status == "Normal"
    assert isinstance(video.duration, float)
    assert isinstance(video.size, int)
    assert re.fullmatch(UTC_SECONDS, video.creation_time)
    assert video.title


async def test_a_page_of_a_search(sdk: Caller, service: "Service") -> None:
    body = (await sdk.search(service, page_size=5, fields="Title,Duration,Status")).body

    assert isinstance(body.total, int)
    assert len(body.media_list) <= min(5, body.total)
    for found in body.media_list:
        assert (found.media_type, found.video.video_id) == ("video", found.media_id)
        assert re.fullmatch(UTC_SECONDS, found.creation_time)
        assert found.video.title
    if body.media_list:
        assert body.scroll_token


async def test_a_job_that_does_not_exist(sdk: Caller, service: "Service") -> None:
    with pytest.raises(ClientException) as caught:
        await sdk.detail(service, NO_JOB)

    assert 400 <= caught.value.status_code < 500


# From here on the service has to be told how to behave.


async def test_submitted_jobs_are_found_by_media(
    sdk: Caller, start_emulator: "StartEmulator", admin: Admin
) -> None:
    service = start_emulator("user_ids.default = 1234567890123456")
    await admin(service, "auto_jobs", {"media_ids": [service.media_id], "age_seconds": 3600})
    submitted = await sdk.submit(service, "AIVideoTag", config='{"AIVideoTag":{}}')
    (job,) = submitted.body.aijob_list.aijob

    newest, oldest = (await sdk.list_info(service, service.media_id)).body.job_info_list
    own = (await sdk.detail(service, newest.job_id)).body
    automatic = (await sdk.detail(service, oldest.job_id)).body.aijob_detail

    assert newest.job_id == job.job_id
    assert newest.user_id == oldest.user_id == 1234567890123456
    assert newest.complete_time is not None
    assert (own.job_type, own.aijob_detail.job_type) == ("ai", "AIVideoTag")
    assert own.aijob_detail.template_config == '{"AIVideoTag":{}}'
    assert (own.aijob_detail.trigger, automatic.trigger) == ("Manual", "Auto")
    assert (automatic.job_type, automatic.status) == ("AIMediaDNA", "success")


async def test_jobs_that_cannot_be_found_yet(sdk: Caller, start_emulator: "StartEmulator") -> None:
    service = start_emulator("lookup.visible_after_seconds = 3600")
    submitted = await sdk.submit(service, "AIMediaDNA")
    (job,) = submitted.body.aijob_list.aijob

    listed = await sdk.list_info(service, service.media_id)
    with pytest.raises(ClientException) as caught:
        await sdk.detail(service, job.job_id)

    assert listed.body.job_info_list == []
    assert (caught.value.status_code, caught.value.code) == (404, "NoSuchResource")


async def test_results(sdk: Caller, shared_emulator: "StartEmulator") -> None:
    service = shared_emulator('media.copies = {925ead60239d71ee80ca6732b68f0102 = "original"}')
    await sdk.submit(service)

    (match,) = (await sdk.dna(service, service.media_id)).body.dnaresult.video_dna
    tags = (await sdk.tags(service, service.media_id)).body.video_tag_result
    without = (await sdk.dna(service, "another")).body.dnaresult.video_dna

    assert (match.primary_key, match.similarity) == ("original", "1")
    assert (match.detail[0].input.start, match.detail[0].duplication.duration) == ("0", "10")
    assert [(entry.tag, entry.times) for entry in tags.keyword] == [("sea", ["1000", "2000"])]
    assert [entry.tag for entry in tags.category] == ["Documentary"]
    assert (tags.person, tags.location, tags.time) == ([], [], [])
    assert without == []


async def test_video_infos_by_settings(sdk: Caller, shared_emulator: "StartEmulator") -> None:
    service = shared_emulator(
        """
        [media]
        missing = ["gone"]
        durations = {m1 = 12.5}
        statuses = {Uploading = ["m1"]}
        """
    )
    body = (await sdk.videos(service, "m1", "gone", "m2")).body
    with pytest.raises(ClientException) as caught:
        await sdk.videos(service, *(f"m{number}" for number in range(21)))

    assert [(video.video_id, video.status, video.duration) for video in body.video_list] == [
        ("m1", "Uploading", 12.5),
        ("m2", "Normal", 60.0),
    ]
    assert body.non_exist_video_ids == ["gone"]
    assert body.non_exist_reference_ids == []
    assert caught.value.code == "InvalidParameter"


async def test_a_walk_over_a_library(sdk: Caller, shared_emulator: "StartEmulator") -> None:
    service = shared_emulator("media.listed = 260\nsearch.without_token = 100")
    found: list[str] = []
    token = None
    for page_no in (1, 2, 3):
        page = {"page_no": page_no, "page_size": 100, "scroll_token": token}
        body = (await sdk.search(service, **page)).body
        found += [entry.media_id for entry in body.media_list]
        token = body.scroll_token
    with pytest.raises(ClientException) as caught:
        await sdk.search(service, page_no=2, page_size=100)

    assert (len(found), len(set(found)), body.total) == (260, 260, 260)
    assert body.media_list[0].video is None
    assert caught.value.code == "InvalidParameter"


async def test_a_search_with_a_match(sdk: Caller, shared_emulator: "StartEmulator") -> None:
    service = shared_emulator(
        """
        [media]
        listed = 20
        library = ["own"]
        statuses = {Blocked = ["own"]}
        storage_classes = {IA = ["own"]}
        """
    )
    asked = {"match": "Status in ('Blocked','ProduceFail')", "fields": "Status,StorageClass"}
    (found,) = (await sdk.search(service, **asked)).body.media_list

    assert (found.media_id, found.video.status, found.video.storage_class) == (
        "own", "Blocked", "IA",
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "made"), [("accept_one_type", 1), ("answer_one_type", 2)])
async def test_one_type_of_two(
    sdk: Caller, start_emulator: "StartEmulator", admin: Admin, kind: str, made: int
) -> None:
    service = start_emulator(f'[[faults]]\nkind = "{kind}"\ntype = "AIMediaDNA"')

    (job,) = (await sdk.submit(service)).body.aijob_list.aijob
    listed = (await sdk.list_info(service, service.media_id)).body.job_info_list

    assert job.type == "AIMediaDNA"
    assert len(listed) == made == (await admin(service, "meter"))["jobs"]
