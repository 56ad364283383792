"""The official SDK behind one door, whichever way it is called."""

import asyncio
from typing import TYPE_CHECKING, Any

from alibabacloud_vod20170321 import models
from darabonba.runtime import ExtendsParameters, RuntimeOptions

if TYPE_CHECKING:
    from tests.contract.conftest import Service


class Caller:
    """The SDK behind one door: sync or async, V3 or old signature."""

    def __init__(self, way: str, signature: str) -> None:
        self._way = way
        self._old_signature = signature == "old"

    async def submit(
        self,
        service: "Service",
        types: str = "AIMediaDNA,AIVideoTag",
        *,
        secret: str | None = None,
        **fields: str,
    ) -> Any:
        """Call SubmitAIJob for the service's media."""
        request = models.SubmitAIJobRequest(
            **{"media_id": service.media_id, "types": types, **fields}
        )
        client = service.client(old_signature=self._old_signature, secret=secret)
        return await self._call(client, "submit_aijob", request, RuntimeOptions())

    async def list_jobs(self, service: "Service", *job_ids: str, nonce: str | None = None) -> Any:
        """Call ListAIJob, on request with a nonce of the test's own."""
        request = models.ListAIJobRequest(job_ids=",".join(job_ids))
        options = RuntimeOptions()
        if nonce is not None:
            headers = {"x-acs-signature-nonce": nonce}
            options.extends_parameters = ExtendsParameters(headers=headers)
        client = service.client(old_signature=self._old_signature)
        return await self._call(client, "list_aijob", request, options)

    async def list_info(self, service: "Service", media_id: str, job_type: str = "ai") -> Any:
        """Call ListJobInfo."""
        request = models.ListJobInfoRequest(media_id=media_id, job_type=job_type)
        return await self._ask(service, "list_job_info", request)

    async def detail(self, service: "Service", job_id: str, job_type: str = "ai") -> Any:
        """Call GetJobDetail."""
        request = models.GetJobDetailRequest(job_id=job_id, job_type=job_type)
        return await self._ask(service, "get_job_detail", request)

    async def dna(self, service: "Service", media_id: str) -> Any:
        """Call GetMediaDNAResult."""
        request = models.GetMediaDNAResultRequest(media_id=media_id)
        return await self._ask(service, "get_media_dnaresult", request)

    async def tags(self, service: "Service", media_id: str) -> Any:
        """Call GetAIVideoTagResult."""
        request = models.GetAIVideoTagResultRequest(media_id=media_id)
        return await self._ask(service, "get_aivideo_tag_result", request)

    async def videos(self, service: "Service", *video_ids: str) -> Any:
        """Call GetVideoInfos."""
        request = models.GetVideoInfosRequest(video_ids=",".join(video_ids))
        return await self._ask(service, "get_video_infos", request)

    async def search(self, service: "Service", **fields: Any) -> Any:
        """Call SearchMedia."""
        return await self._ask(service, "search_media", models.SearchMediaRequest(**fields))

    async def _ask(self, service: "Service", method: str, request: Any) -> Any:
        client = service.client(old_signature=self._old_signature)
        return await self._call(client, method, request, RuntimeOptions())

    async def _call(self, client: Any, method: str, request: Any, options: RuntimeOptions) -> Any:
        if self._way == "async":
            return await getattr(client, f"{method}_with_options_async")(request, options)
        return await asyncio.to_thread(getattr(client, f"{method}_with_options"), request, options)
