"""Words of the cloud that no document of ours knows: counted, never guessed at.

What we have not seen before proves nothing. An unknown code, status, type or shape is kept with an
example and reported once a night; it is never read as absence, as an end, as a certain refusal or
as success.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_WORD_LIMIT = 64
_EXAMPLE_LIMIT = 128
_MOST_WORDS = 200
"""A server that answers nonsense must not fill the memory; what comes later is counted together."""

_AND_MORE = "(more words)"


@dataclass(frozen=True, slots=True)
class UnseenWord:
    """A word in ``field`` of an answer to ``action``; ``example`` is where it was seen last."""

    action: str
    field: str
    word: str
    example: str
    times: int


class UnseenWords:
    """Counts unknown words until somebody takes them to keep."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], tuple[str, int]] = {}

    def see(self, action: str, field: str, word: object, example: object) -> None:
        """Count ``word``, whatever it is; ``example`` names a media, job or request."""
        key = (action, field, _printable(word, _WORD_LIMIT))
        if key not in self._found and len(self._found) >= _MOST_WORDS:
            key = (action, field, _AND_MORE)
        _, times = self._found.get(key, ("", 0))
        self._found[key] = (_printable(example, _EXAMPLE_LIMIT), times + 1)

    def take(self) -> list[UnseenWord]:
        """Return what was counted since the last call."""
        found, self._found = self._found, {}
        return [UnseenWord(*key, *seen) for key, seen in found.items()]

    def give_back(self, words: Iterable[UnseenWord]) -> None:
        """Count words again that were taken and could not be kept."""
        for word in words:
            key = (word.action, word.field, word.word)
            example, times = self._found.get(key, (word.example, 0))
            self._found[key] = (example, times + word.times)

    def __iter__(self) -> Iterator[UnseenWord]:
        """Yield what was counted and not taken yet."""
        return (UnseenWord(*key, *seen) for key, seen in self._found.items())


def _printable(value: object, limit: int) -> str:
    text = (value if isinstance(value, str) else repr(value))[:limit]
    return "".join(sign if sign.isprintable() else " " for sign in text) or "(empty)"
