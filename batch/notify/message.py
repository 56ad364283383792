"""The report sent at the end of a run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """The end of one run: ``text`` is the report for people, ``facts`` the same as JSON.

    Without ``is_success`` it is no success, whatever its exit code.
    """

    title: str
    text: str
    facts: dict[str, object]
    exit_code: int
    run_id: str
    is_success: bool = True


CUT = "\n… cut here; the whole report: vod-batch report"


def cut(text: str, limit: int) -> str:
    """Return ``text`` in at most ``limit`` bytes of UTF-8, saying so when some of it is gone."""
    whole = text.encode("utf-8", "replace")
    if len(whole) <= limit:
        return whole.decode()
    room = limit - len(CUT.encode())
    if room <= 0:
        return whole[:limit].decode("utf-8", "ignore")
    return whole[:room].decode("utf-8", "ignore") + CUT
