"""The API actions the emulator plays, one a module."""

from collections.abc import Callable
from typing import Any

from batch.emulator.actions.get_ai_video_tag_result import get_ai_video_tag_result
from batch.emulator.actions.get_job_detail import get_job_detail
from batch.emulator.actions.get_media_dna_result import get_media_dna_result
from batch.emulator.actions.get_video_infos import get_video_infos
from batch.emulator.actions.list_ai_job import list_ai_job
from batch.emulator.actions.list_job_info import list_job_info
from batch.emulator.actions.search_media import search_media
from batch.emulator.actions.submit_ai_job import submit_ai_job
from batch.emulator.call import Call
from batch.emulator.world import World

Action = Callable[[World, Call], dict[str, Any]]
"""Checks the parameters of an admitted call, carries it out, returns the answer's content.

It raises :class:`~batch.emulator.refusals.Refused` before it has changed anything, or not at all.
"""

ACTIONS: dict[str, Action] = {
    "GetAIVideoTagResult": get_ai_video_tag_result,
    "GetJobDetail": get_job_detail,
    "GetMediaDNAResult": get_media_dna_result,
    "GetVideoInfos": get_video_infos,
    "ListAIJob": list_ai_job,
    "ListJobInfo": list_job_info,
    "SearchMedia": search_media,
    "SubmitAIJob": submit_ai_job,
}
