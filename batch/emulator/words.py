"""Other words than ours in answers: what the vendor may really say, put in just before sending.

The emulator shares the guesses of whoever wrote it. So every word, code, status and date that it
answers can be replaced, by operation and field::

    [words.ListAIJob.Status]
    success = "SUCCEED"                     # that word, in another spelling
    [words.GetJobDetail."AIJobDetail.JobType"]
    AIMediaDNA = "AIVideoFPShot"            # a field of that name in that object only
    [words.GetJobDetail.Trigger]
    "*" = false                             # whatever it says: the field is left out
    [words.ListJobInfo.CreateTime]
    "*" = { hours = 8, form = "%Y-%m-%d %H:%M:%S" }
    [words.SubmitAIJob.HttpStatus]
    200 = 201                               # by status
    "Throttling.User" = 429                 # or by the code that would have been answered
    [words."*".Code]
    "Throttling.User" = "Rejected.Throttling"
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator

from batch.emulator.answers import OK, Answer, encode
from batch.emulator.models import Model, checked

ANY = "*"
HTTP_STATUS = "HttpStatus"
_FORM = "%Y-%m-%dT%H:%M:%SZ"
_GONE = object()


class _Change(Model):
    """What is made of a value: a date moved by ``hours`` in another ``form``, or JSON text."""

    hours: float = 0.0
    form: str = _FORM
    json_text: bool = False

    def of(self, value: Any) -> Any:
        """Return the changed value; what is no date stays as it is."""
        if self.json_text:
            return encode(value)
        try:
            moment = datetime.strptime(str(value), _FORM)  # noqa: DTZ007  (moved, never compared)
        except ValueError:
            return value
        return (moment + timedelta(hours=self.hours)).strftime(self.form)


def _can_be_said(instead: Any) -> Any:
    if isinstance(instead, dict):
        checked(_Change, instead)
    elif instead is None or instead is True:
        raise ValueError("give a word, a table, or false to leave it out")
    return instead


def _statuses_are_some(fields: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for status in fields.get(HTTP_STATUS, {}).values():
        if type(status) is not int or not 200 <= status <= 599:
            raise ValueError(f"{HTTP_STATUS} must be a status of 200 to 599, not {status!r}")
    return fields


Instead = Annotated[Any, AfterValidator(_can_be_said)]
Fields = Annotated[dict[str, dict[str, Instead]], AfterValidator(_statuses_are_some)]
Table = dict[str, Fields]
"""Operation, field, word -> what is said instead; ``*`` stands for any operation or word."""


class Words:
    """The words in force; they can be changed while running."""

    def __init__(self, table: Table) -> None:
        self.table: Table = {}
        self.said: Counter[str] = Counter()
        """How often each word was said instead of another one: ``ListAIJob.Status=SUCCEED``."""
        self.add(table)

    def add(self, table: Table) -> None:
        """Lay ``table`` over the words in force."""
        for operation, fields in table.items():
            mine = self.table.setdefault(operation, {})
            for name, words in fields.items():
                mine.setdefault(name, {}).update(words)

    def put_into(self, operation: str, answer: Answer) -> Answer:
        """Return ``answer`` as it is said of ``operation``, itself where nothing is replaced."""
        fields = {**self.table.get(ANY, {}), **self.table.get(operation, {})}
        if not fields:
            return answer
        content = {
            name: value
            for name, item in answer.content.items()
            if (value := self._in(fields, operation, "", name, item)) is not _GONE
        }
        statuses = fields.get(HTTP_STATUS, {})
        status = statuses.get(answer.code, statuses.get(str(answer.status), answer.status))
        code = OK if answer.code == OK else str(content.get("Code", ""))
        return Answer(status, code, content, answer.headers)

    def _in(self, fields: Fields, operation: str, parent: str, name: str, value: Any) -> Any:
        """Return what is said in field ``name`` of object ``parent``, ``_GONE`` for no field."""
        words = fields.get(f"{parent}.{name}", fields.get(name))
        if words is not None and (instead := words.get(str(value), words.get(ANY))) is not None:
            if isinstance(instead, str):
                self.said[f"{operation}.{name}={instead}"] += 1
            return _replaced(value, instead)
        if isinstance(value, Mapping):
            inner = {k: self._in(fields, operation, name, k, item) for k, item in value.items()}
            return {key: item for key, item in inner.items() if item is not _GONE}
        if isinstance(value, list):
            items = [self._in(fields, operation, parent, name, item) for item in value]
            return [item for item in items if item is not _GONE]
        return value


def _replaced(value: Any, instead: Any) -> Any:
    if instead is False:
        return _GONE
    return _Change(**instead).of(value) if isinstance(instead, dict) else instead
