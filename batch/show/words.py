"""Words of the cloud that no document of ours knows, in lines of text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def word_lines(words: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Show each word with where it stood, how often, and where it was seen last."""
    for word in words:
        yield (
            f"unknown word of the cloud: {word['action']} {word['field']} {word['word']!r}, "
            f"{word['times']:,} times, last for {word['example']}"
        )
