"""A question on the terminal."""

import sys

import typer


def can_ask() -> bool:
    """Return whether somebody sits at standard input."""
    return bool(sys.stdin and sys.stdin.isatty())


def agrees(question: str) -> bool:
    """Ask on stderr; anything but a yes, and an end of input, is a no."""
    try:
        return typer.confirm(question, default=False, err=True)
    except typer.Abort:
        return False
