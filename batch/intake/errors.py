"""Why a cell cannot be used, and how a message repeats what a list says."""

_MAX_ECHO = 80


class CellError(ValueError):
    """A cell cannot be used; the text is the reason shown to a person."""


def echo(text: str) -> str:
    """Return ``text`` in quotes for a message: control characters escaped, 80 at most."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text[:_MAX_ECHO]
    )
    return f"'{shown[:_MAX_ECHO]}…'" if len(text) > _MAX_ECHO else f"'{shown}'"
