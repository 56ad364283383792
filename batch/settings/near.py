"""Whether a name is a slip of the pen for another: a letter or two away, no more."""

from collections.abc import Iterable

_LETTERS_A_SLIP = 5
"""In a name of fewer one letter may be wrong, in a longer one two: any three letters are near."""


def near_miss(name: str, known: Iterable[str]) -> str | None:
    """Return the nearest of ``known`` that ``name`` was most likely meant to be, if one is."""
    most = 1 if len(name) <= _LETTERS_A_SLIP else 2
    near = [(slips(name, one), one) for one in known if abs(len(name) - len(one)) <= most]
    found = min(near, default=None)
    return found[1] if found and found[0] <= most else None


def slips(one: str, other: str) -> int:
    """Return how many letters were left out, put in, mistaken, or swapped with their neighbour."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, wanted in enumerate(other, start=1):
            fewest = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                fewest = min(fewest, before[j - 2] + 1)
            row.append(fewest)
        before, last = last, row
    return last[-1]
