"""An answer that another request was given already."""

import json
from uuid import uuid4

import pytest

from batch.vod.repeats import AnswersSeen


def _body(request_id: str, **rest: object) -> bytes:
    return json.dumps({"RequestId": request_id, **rest}).encode()


def test_the_same_answer_twice_is_a_repeat() -> None:
    """However often, and whatever came in between."""
    seen = AnswersSeen()
    refusal = _body(str(uuid4()).upper(), Code="Throttling.User")
    assert not seen.is_repeat(refusal)
    assert not seen.is_repeat(_body(str(uuid4()), Code="Throttling.User"))
    assert seen.is_repeat(refusal)
    assert seen.is_repeat(refusal)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"Code": "X"}', _body("R"), _body("1234")])
def test_without_an_id_of_its_own_nothing_is_known(body: bytes) -> None:
    """A stand-in may name no request, or every one alike."""
    seen = AnswersSeen()
    assert not seen.is_repeat(body)
    assert not seen.is_repeat(body)


def test_a_server_that_names_all_answers_alike_repeats_nothing() -> None:
    """Its ids stand over different answers, so they name none."""
    seen = AnswersSeen()
    name = str(uuid4())
    assert not seen.is_repeat(_body(name, JobId="1"))
    assert not seen.is_repeat(_body(name, JobId="2"))
    assert not seen.is_repeat(_body(name, JobId="2"))


def test_one_id_of_many_answers_makes_no_other_answer_new() -> None:
    """What guards the gateway answers under an id of zeros; the gateway's own ids name still."""
    seen = AnswersSeen()
    zeros = "0" * 8 + "-0000" * 3 + "-" + "0" * 12
    refusal = _body(str(uuid4()), Code="Throttling.User")
    assert not seen.is_repeat(refusal)
    assert not seen.is_repeat(_body(zeros, Code="Blocked", Message="one"))
    assert not seen.is_repeat(_body(zeros, Code="Blocked", Message="two"))
    assert not seen.is_repeat(_body(zeros, Code="Blocked", Message="two"))
    assert seen.is_repeat(refusal)


def test_what_is_kept_is_bounded() -> None:
    """A night of a million requests keeps the last ten thousand."""
    seen = AnswersSeen()
    first = _body(str(uuid4()))
    assert not seen.is_repeat(first)
    for _ in range(10_000):
        seen.is_repeat(_body(str(uuid4())))
    assert not seen.is_repeat(first)
