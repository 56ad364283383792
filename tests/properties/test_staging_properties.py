"""What COPY is given says what the rows say."""

from hypothesis import given
from hypothesis import strategies as st

from batch.intake.manifest import BareLines, ManifestRow
from batch.ledger.staging import COLUMNS, copy_bare, copy_rows

MEDIA_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(
    first=st.builds(
        ManifestRow,
        line=st.integers(1, 10**9),
        media_id=MEDIA_IDS,
        types=st.sampled_from(["AIMediaDNA", "AIVideoTag", "AIMediaDNA,AIVideoTag"]),
        config=st.none() | st.sampled_from(["{}", '{"a":"\\\\ \\t"}']),
        user_data=st.none(),
        priority=st.integers(-9, 9),
    ),
    ids=st.lists(MEDIA_IDS),
)
def test_bare_lines_are_copied_as_their_rows_are(first: ManifestRow, ids: list[str]) -> None:
    """COPY reads the same from bare lines at once as from the rows they stand for."""
    assert copy_bare(first, ids) == copy_rows(BareLines(first, ids).rows())


@given(user_data=st.text())
def test_no_text_breaks_out_of_its_cell(user_data: str) -> None:
    """Whatever a cell holds, a row is one line of as many cells as there are columns."""
    text = copy_rows([(1, "m1", "AIMediaDNA", None, user_data, 0)]).decode()
    assert text.count("\n") == 1
    assert text.count("\t") == len(COLUMNS) - 1
    assert "\r" not in text
