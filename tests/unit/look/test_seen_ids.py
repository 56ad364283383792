"""Ids that were seen, kept in a few bytes each."""

from hypothesis import given
from hypothesis import strategies as st

from batch.look.seen import SeenIds


@given(st.lists(st.text(max_size=3), max_size=60))
def test_each_is_new_once(ids: list[str]) -> None:
    seen, known = SeenIds(), set[str]()
    for one in ids:
        assert seen.add(one) is (one not in known)
        known.add(one)
    assert len(seen) == len(known)


def test_many_stay_small() -> None:
    """Twelve to twenty-four bytes an id, and none is forgotten while it grows."""
    ids = [f"{number:032x}" for number in range(50_000)]
    seen = SeenIds()
    assert all(map(seen.add, ids))
    assert not any(map(seen.add, ids))
    assert len(seen) == 50_000
    assert seen.size_bytes <= 24 * 50_000
