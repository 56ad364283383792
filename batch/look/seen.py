"""Which ids were seen already, of millions, in a few bytes each."""

from array import array
from hashlib import blake2b

_FEWEST_SLOTS = 1024


class SeenIds:
    """A set that only grows: 8 bytes a slot, at most two thirds of the slots in use.

    Kept are 64 bits of a hash. Of two million ids two are taken for one with a chance of one in
    nine million, which is seen: fewer media than the cloud counts.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _FEWEST_SLOTS))
        self._used = 0

    def __len__(self) -> int:
        return self._used

    @property
    def size_bytes(self) -> int:
        """What it holds in memory."""
        return len(self._slots) * self._slots.itemsize

    def add(self, one: str) -> bool:
        """Add an id; return whether it is new."""
        mark = int.from_bytes(blake2b(one.encode(errors="replace"), digest_size=8).digest()) or 1
        slot = self._find(mark)
        if self._slots[slot]:
            return False
        self._slots[slot] = mark
        self._used += 1
        if 3 * self._used > 2 * len(self._slots):
            self._grow()
        return True

    def _find(self, mark: int) -> int:
        """Return the slot that holds ``mark``, or that is free for it."""
        slots = self._slots
        slot = mark % len(slots)
        while slots[slot] not in (0, mark):
            slot = (slot + 1) % len(slots)
        return slot

    def _grow(self) -> None:
        marks = self._slots
        self._slots = array("Q", bytes(2 * 8 * len(marks)))
        for mark in marks:
            if mark:
                self._slots[self._find(mark)] = mark
