"""The API actions the emulator plays: one module each, listed here."""

from collections.abc import Callable
from typing import Any

from batch.emulator.accounts import AccessKey
from batch.emulator.actions.list_ai_job import list_ai_job
from batch.emulator.actions.submit_ai_job import submit_ai_job
from batch.emulator.calls import Call
from batch.emulator.state import State

Handler = Callable[[State, Call, AccessKey], dict[str, Any]]
"""Checks the parameters of an admitted call, carries it out, returns the answer's content.

It raises :class:`~batch.emulator.answers.Refused` before it has changed anything, or not at all.
"""

HANDLERS: dict[str, Handler] = {
    "ListAIJob": list_ai_job,
    "SubmitAIJob": submit_ai_job,
}
