"""A question on the terminal."""

import typer


def agrees(question: str) -> bool:
    """Ask on stderr; anything but a yes, and an end of input, is a no."""
    try:
        return typer.confirm(question, default=False, err=True)
    except typer.Abort:
        return False
