"""The key of a configuration: what of it is a type's own, however it is written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.configuration import config_key
from tests.support.ledger import DNA, TAG

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def _key(config: object, job_type: object = TAG) -> str:
    assert job_type in (DNA, TAG)
    return config_key(json.dumps(config), job_type)


@pytest.mark.parametrize("config", [{}, {"AIVideoTag": {}}, {"AIVideoTag": None}])
@pytest.mark.parametrize("job_type", [DNA, TAG])
def test_nothing_is_no_configuration(config: object, job_type: object) -> None:
    """Braces around nothing say as much as no Config at all."""
    assert _key(config, job_type) == "" == config_key(None, TAG)


@pytest.mark.parametrize("name", ["AIVideoTag", "AIVideoTagConfig"])
def test_a_part_is_its_types_own(name: str) -> None:
    """Smart tags' part, in its older spelling too, says nothing about a fingerprint."""
    assert _key({name: {"AnalyseTypes": "ASR"}}, DNA) == ""
    assert _key({name: {"AnalyseTypes": "ASR"}}, TAG)
    assert _key({"AIMediaDNA": {"DNADBId": "d"}}, TAG) == ""
    assert _key({"AIMediaDNA": {"DNADBId": "d"}}, DNA)


def test_the_older_spelling_is_not_taken_for_the_newer() -> None:
    """Whether the cloud reads both alike is not documented."""
    part = {"AnalyseTypes": "ASR"}
    assert _key({"AIVideoTag": part}) != _key({"AIVideoTagConfig": part})


@pytest.mark.parametrize("config", [{"DNADBId": "d"}, {"aivideotag": {}}, {"New": {}}, {"New": 0}])
def test_what_nobody_knows_counts_for_every_type(config: object) -> None:
    """An unknown key, a top-level one, another case: it may be meant for any type."""
    assert _key(config, DNA)
    assert _key(config, DNA) == _key(config, TAG)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"AIVideoTag":{"N":1}}', '{"AIVideoTag":{"N":1.0}}'),
        ('{"AIVideoTag":{"N":100}}', '{"AIVideoTag":{"N":1e2}}'),
        ('{"AIVideoTag":{"N":[{"M":2.0}]}}', '{"AIVideoTag":{"N":[{"M":2}]}}'),
        ('{"AIVideoTag":{"N":0}}', '{"AIVideoTag":{"N":-0.0}}'),
        ('{"AIVideoTag":{"AnalyseTypes":"ASR,OCR"}}', '{"AIVideoTag":{"AnalyseTypes":"OCR,ASR"}}'),
        ('{"AIVideoTag":{"AnalyseTypes":"ASR"}}', '{"AIVideoTag":{"AnalyseTypes":" ASR ,ASR,"}}'),
        ('{"A":1,"AIVideoTag":{"B":1,"C":2}}', '{"AIVideoTag": {"C":2, "B":1}, "A":1}'),
    ],
)
def test_another_way_of_writing_is_the_same(one: str, other: str) -> None:
    """Numbers by their value, AnalyseTypes as a set, keys in any order."""
    assert config_key(one, TAG) == config_key(other, TAG) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"N": 1}, {"N": True}),
        ({"N": 1}, {"N": "1"}),
        ({"N": [1, 2]}, {"N": [2, 1]}),
        ({"AnalyseTypes": "ASR"}, {"AnalyseTypes": "asr"}),
        ({"AnalyseTypes": "ASR"}, {"AnalyseTypes": "ASR,OCR"}),
        ({"AnalyseTypes": "ASR"}, {"AnalyseTypes": "ASR", "OrigASRData": True}),
    ],
)
def test_what_may_differ_is_kept_apart(one: object, other: object) -> None:
    """The cloud may tell these apart, so we do: what is not known to be the same is not."""
    assert _key({"AIVideoTag": one}) != _key({"AIVideoTag": other})


@given(part=st.dictionaries(st.text(min_size=1, max_size=5), _VALUES, max_size=4))
def test_order_and_spacing_never_count(part: dict[str, object]) -> None:
    """Any part, its keys turned round and its text spaced otherwise, has one key."""
    turned = dict(reversed(part.items()))
    spaced = json.dumps({"Z": 1, "AIVideoTag": turned}, indent=2)
    assert config_key(spaced, TAG) == _key({"AIVideoTag": part, "Z": 1})
