"""Our id goes into the operator's UserData and comes back out of either form."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.correlation import EXTEND_LIMIT_BYTES, correlation_id, tag_user_data

ID = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("user_data", "tagged"),
    [
        (None, f'{{"Extend":{{"vodBatch":"{ID}"}}}}'),
        ("{}", f'{{"Extend":{{"vodBatch":"{ID}"}}}}'),
        (
            '{"MessageCallback": {"CallbackURL": "http://x"}}',
            f'{{"MessageCallback":{{"CallbackURL":"http://x"}},"Extend":{{"vodBatch":"{ID}"}}}}',
        ),
        ('{"Extend": {"k": "中"}}', f'{{"Extend":{{"k":"中","vodBatch":"{ID}"}}}}'),
        (
            '{"Extend": "{\\"k\\": 1}"}',
            f'{{"Extend":"{{\\"k\\":1,\\"vodBatch\\":\\"{ID}\\"}}"}}',
        ),
        ('{"Extend": {"vodBatch": "old"}}', f'{{"Extend":{{"vodBatch":"{ID}"}}}}'),
    ],
)
def test_the_tag_keeps_the_operators_form(user_data: str | None, tagged: str) -> None:
    assert tag_user_data(user_data, ID) == tagged


@pytest.mark.parametrize(
    "user_data",
    [
        "",
        "not json",
        "[]",
        '"text"',
        '{"Extend": null}',
        '{"Extend": 5}',
        '{"Extend": "plain text"}',
        '{"Extend": "[1]"}',
        '{"Extend": {"k": "\\ud800"}}',
        '{"Extend": {"k": 1e999}}',
        '{"k": NaN}',
        "[" * 100_000,
        '{"Extend": ' + "[" * 100_000,
    ],
)
def test_another_shape_goes_out_unchanged(user_data: str) -> None:
    assert tag_user_data(user_data, ID) == user_data


@pytest.mark.parametrize("as_text", [False, True])
def test_the_limit_counts_bytes_of_extend(as_text: bool) -> None:
    room = EXTEND_LIMIT_BYTES - len(f'{{"k":"","vodBatch":"{ID}"}}')

    def user_data(filler: str) -> str:
        extend = {"k": filler}
        return json.dumps({"Extend": json.dumps(extend) if as_text else extend})

    fits, over = user_data("é" * (room // 2)), user_data("é" * (room // 2 + 1))
    assert correlation_id(tag_user_data(fits, ID)) == ID
    assert tag_user_data(over, ID) == over


@pytest.mark.parametrize(
    "value",
    [
        {"Extend": {"vodBatch": ID}},
        {"Extend": f'{{"vodBatch": "{ID}"}}'},
        {"vodBatch": ID},
        f'{{"vodBatch": "{ID}"}}',
        f'{{"Extend": {{"vodBatch": "{ID}"}}}}',
    ],
)
def test_read_back_from_every_form(value: object) -> None:
    assert correlation_id(value) == ID


@pytest.mark.parametrize(
    "value",
    [None, 5, "", "x", [], {}, {"Extend": None}, {"vodBatch": 5}, {"vodBatch": ""},
     {"vodBatch": "x" * 65}, {"vodBatch": "é"}, "[" * 100_000],
)  # fmt: skip
def test_what_is_not_ours_reads_as_none(value: object) -> None:
    assert correlation_id(value) is None


@given(st.text() | st.dictionaries(st.text(), st.text()).map(lambda d: json.dumps({"Extend": d})))
def test_any_user_data_is_tagged_or_unchanged(user_data: str) -> None:
    tagged = tag_user_data(user_data, ID)

    assert tagged == user_data or correlation_id(tagged) == ID
