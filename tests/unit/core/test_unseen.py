"""Unknown words are counted, whatever they are."""

import pytest

from batch.core.unseen import UnseenWord, UnseenWords


def test_a_word_is_counted_with_its_last_example() -> None:
    """Two sightings of one word are one entry."""
    words = UnseenWords()
    words.see("ListAIJob", "Status", "canceled", "job-1")
    words.see("ListAIJob", "Status", "canceled", "job-2")
    words.see("ListAIJob", "Type", "canceled", "job-3")
    assert words.take() == [
        UnseenWord("ListAIJob", "Status", "canceled", "job-2", 2),
        UnseenWord("ListAIJob", "Type", "canceled", "job-3", 1),
    ]
    assert words.take() == []


@pytest.mark.parametrize("word", [None, 7, "", ["x"], "a\0b\x1b[31m", "x" * 10_000, "\ud800"])
def test_any_value_can_be_kept(word: object) -> None:
    """What a terminal or a database could not hold is replaced, and length is bounded."""
    words = UnseenWords()
    words.see("SubmitAIJob", "Code", word, word)
    [seen] = words.take()
    assert seen.word.isprintable()
    assert 0 < len(seen.word) <= 64
    seen.word.encode()
    seen.example.encode()


def test_nonsense_without_end_takes_no_memory_without_end() -> None:
    """Past a bound, words are counted together."""
    words = UnseenWords()
    for number in range(10_000):
        words.see("ListAIJob", "Status", f"word {number}", "job")
    found = list(words)
    assert len(found) <= 202
    assert sum(word.times for word in found) == 10_000
