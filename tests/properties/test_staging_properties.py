"""What COPY is given says what the rows say."""

from hypothesis import given
from hypothesis import strategies as st

from batch.intake.model import Said
from batch.ledger.staging import COLUMNS, copy_rows

MEDIA_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
SAID = st.builds(
    Said,
    st.sampled_from(["AIMediaDNA", "AIVideoTag", "AIMediaDNA,AIVideoTag"]),
    st.none() | st.sampled_from(["{}", '{"a":"\\\\ \\t"}']),
    st.none(),
    st.integers(-9, 9),
    st.none() | st.just("2026"),
)


@given(said=SAID, ids=st.lists(MEDIA_IDS, min_size=1))
def test_rows_that_say_the_same_are_copied_as_each_alone(said: Said, ids: list[str]) -> None:
    """COPY reads the same from rows that say the same, at once, as from each of them."""
    each = [copy_rows([line], [media_id], [said]) for line, media_id in enumerate(ids, 7)]
    assert copy_rows(range(7, 7 + len(ids)), ids, [said] * len(ids)) == b"".join(each)


@given(st.lists(st.tuples(MEDIA_IDS, SAID)))
def test_each_row_is_copied_with_what_it_says(rows: list[tuple[str, Said]]) -> None:
    each = [copy_rows([line], [one], [said]) for line, (one, said) in enumerate(rows)]
    ids, said = [one for one, _ in rows], [said for _, said in rows]
    assert copy_rows(range(len(rows)), ids, said) == b"".join(each)


@given(user_data=st.text())
def test_no_text_breaks_out_of_its_cell(user_data: str) -> None:
    """Whatever a cell holds, a row is one line of as many cells as there are columns."""
    text = copy_rows([1], ["m1"], [Said("AIMediaDNA", None, user_data, 0)]).decode()
    assert text.count("\n") == 1
    assert text.count("\t") == len(COLUMNS) - 1
    assert "\r" not in text
