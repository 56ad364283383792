"""One cell: what it may hold, and what a person is told when it holds something else."""

import json

import pytest

from batch.core.models import JobType
from batch.intake.cells import parse_config, parse_priority, parse_types, parse_user_data
from batch.intake.errors import CellError, echo
from batch.intake.media_ids import parse_media_id

BOTH = frozenset(JobType)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a", "a"),
        ("a" * 64, "a" * 64),
        (" \tA-_9 \u3000", "A-_9"),
        ("'0a1b", "0a1b"),
        ('="0a1b"', "0a1b"),
        ("“0a1b”", "0a1b"),
        ("[ '0a1b' ]", "0a1b"),
        ("「0a1b」", "0a1b"),
        ("（0a1b）", "0a1b"),
        ("０ａ１ｂ", "0a1b"),
        ("\u200b0a\u2060\u00ad1b\u202c\ufeff", "0a1b"),
        ("\u00a00a1b\u00a0", "0a1b"),
    ],
)
def test_a_media_id_is_found_within_what_stands_around_it(cell: str, expected: str) -> None:
    assert parse_media_id(cell) == expected


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("a b", "bad media id: 'a b' (allowed: A-Z a-z 0-9 _ -, at most 64)"),
        ("é", "bad media id: 'é' (allowed: A-Z a-z 0-9 _ -, at most 64)"),
        ("a\nb", "bad media id: 'a\\nb' (allowed: A-Z a-z 0-9 _ -, at most 64)"),
        ("  ", "no media id"),
        ("\u200b", "no media id"),
        ('""', "no media id"),
        ("NULL", "no media id: 'NULL' is a word for nothing"),
        ("nan", "no media id: 'nan' is a word for nothing"),
        ("None", "no media id: 'None' is a word for nothing"),
        ("TRUE", "no media id: 'TRUE' is a word for nothing"),
        ("--", "no media id: '--' is a placeholder"),
        ("2026-11-27", "no media id: '2026-11-27' is a date"),
        ("27-11-2026", "no media id: '27-11-2026' is a date"),
        ("20261127", "no media id: '20261127' is a date"),
        ("Media_Id", "no media id: 'Media_Id' is a header once more"),
        ("id", "no media id: 'id' is a header once more"),
    ],
)
def test_bad_media_id_is_reported(cell: str, reason: str) -> None:
    with pytest.raises(CellError) as caught:
        parse_media_id(cell)
    assert str(caught.value) == reason


def test_media_id_of_65_characters_is_refused() -> None:
    with pytest.raises(CellError, match="bad media id"):
        parse_media_id("a" * 65)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("AIMediaDNA", "AIMediaDNA"),
        ("aivideotag", "AIVideoTag"),
        ("tag,dna", "AIMediaDNA,AIVideoTag"),
        ("DNA|Tag", "AIMediaDNA,AIVideoTag"),
        ("dna;dna", "AIMediaDNA"),
        (" tag + AIMediaDNA ", "AIMediaDNA,AIVideoTag"),
        ("AIVideoTag,", "AIVideoTag"),
    ],
)
def test_types_come_in_canonical_order(cell: str, expected: str) -> None:
    assert parse_types(cell, BOTH, "cn-shanghai") == expected


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("AIFoo", "unknown type: 'AIFoo' (known: AIMediaDNA, AIVideoTag, dna, tag)"),
        ("dna,x\x00", "unknown type: 'x\\x00' (known: AIMediaDNA, AIVideoTag, dna, tag)"),
        (",;", "unknown type: ',;' (known: AIMediaDNA, AIVideoTag, dna, tag)"),
        ("AIV\u0130deoTag", "unknown type: 'AIVİdeoTag' (known: AIMediaDNA, AIVideoTag, dna, tag)"),
        ("tag", "AIVideoTag is not offered in region ap-southeast-1"),
    ],
)
def test_unusable_types_are_reported(cell: str, reason: str) -> None:
    with pytest.raises(CellError) as caught:
        parse_types(cell, frozenset({JobType.MEDIA_DNA}), "ap-southeast-1")
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("cell", "expected"), [("0", 0), ("+7", 7), ("-32767", -32767), (" 32767 ", 32767)]
)
def test_priority_is_a_small_whole_number(cell: str, expected: int) -> None:
    assert parse_priority(cell) == expected


@pytest.mark.parametrize("cell", ["32768", "-32768", "1.0", "1_0", "x", "٣", "1e3", "--1"])
def test_other_priorities_are_refused(cell: str) -> None:
    with pytest.raises(CellError) as caught:
        parse_priority(cell)
    assert str(caught.value) == (
        f"bad priority: '{cell}' (allowed: a whole number from -32767 to 32767)"
    )


def test_config_is_canonical() -> None:
    assert parse_config(' { "b": [1, 2.5], "a": "\\u00e9" } ') == '{"a":"é","b":[1,2.5]}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "at character 2"),
        ("nope", "Expecting value at character 1: 'nope'"),
        ("[]", "it is not in braces: '[]'"),
        ('"x"', "it is not in braces"),
        ('{"a":1,"a":2}', "a key stands twice in one object"),
        ('{"a":{"b":1,"b":1}}', "a key stands twice in one object"),
        ('{"a":NaN}', "NaN is not JSON"),
        ('{"a":-Infinity}', "-Infinity is not JSON"),
        ('{"a":1e999}', "a number is out of range"),
        ('{"a":' + "9" * 5000 + "}", "a number is out of range"),
        ('{"a":"\\ud800"}', "it holds half of a surrogate pair"),
        ('{"a":"\\u0000"}', "it holds a NUL character"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "it is nested too deep"),
    ],
)
def test_what_is_no_json_object_is_reported(text: str, told: str) -> None:
    with pytest.raises(CellError) as caught:
        parse_config(text)
    reason = str(caught.value)
    assert reason.startswith("config is not a JSON object: ")
    assert told in reason
    assert len(reason) < 220


def test_backslash_before_u0000_is_text_and_not_a_nul() -> None:
    assert json.loads(parse_config('{"a":"\\\\u0000"}')) == {"a": "\\u0000"}


@pytest.mark.parametrize("form", ["object", "string"])
@pytest.mark.parametrize("character", ["x", "é", "視"])
def test_extend_may_have_512_bytes(form: str, character: str) -> None:
    def user_data(size: int) -> str:
        wide = len(character.encode())
        room = size - len('{"k":""}')
        text = character * (room // wide) + "x" * (room % wide)
        extend = json.dumps({"k": text}, separators=(",", ":"), ensure_ascii=False)
        assert len(extend.encode()) == size
        return json.dumps({"Extend": extend if form == "string" else json.loads(extend)})

    assert "Extend" in json.loads(parse_user_data(user_data(512)))
    with pytest.raises(CellError) as caught:
        parse_user_data(user_data(513))
    assert str(caught.value) == "user_data.Extend has 513 bytes (allowed: 512)"


@pytest.mark.parametrize(
    ("extend", "reason"),
    [
        (5, "user_data.Extend is neither a JSON object nor a string that holds one"),
        (None, "user_data.Extend is neither a JSON object nor a string that holds one"),
        ([], "user_data.Extend is neither a JSON object nor a string that holds one"),
        ("x", "user_data.Extend is not a JSON object: Expecting value at character 1: 'x'"),
    ],
)
def test_extend_of_another_kind_is_refused(extend: object, reason: str) -> None:
    with pytest.raises(CellError) as caught:
        parse_user_data(json.dumps({"Extend": extend}))
    assert str(caught.value) == reason


def test_echo_escapes_and_cuts() -> None:
    assert echo("a\tb\ud800\u202e") == "'a\\tb\\ud800\\u202e'"
    assert echo("x" * 81) == f"'{'x' * 80}…'"
    assert len(echo("\0" * 1000)) <= 83
