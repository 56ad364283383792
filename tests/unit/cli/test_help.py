"""What every command says of itself: ``-h``, ``--version``, examples that can be typed."""

import re
import shlex
from importlib.metadata import version
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from batch.cli.examples import EXAMPLES
from batch.cli.main import COMMANDS, app


def _told(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), prog_name="vod-batch")
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_version_is_that_of_the_package() -> None:
    """Without a command."""
    assert _told("--version") == f"vod-batch {version('vod-batch')}\n"


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS), ["journal", "check"]])
def test_help_has_a_short_name(words: list[str]) -> None:
    """On every level it says the same."""
    assert _told(*words, "-h") == _told(*words, "--help")


@pytest.mark.parametrize("words", [*([name] for name in COMMANDS), ["journal", "check"]])
def test_the_help_ends_with_examples(words: list[str]) -> None:
    """A line each, as they are typed."""
    told = _told(*words, "--help").partition("Examples:\n")[2]
    assert [line.strip() for line in told.splitlines() if line.strip()] == [
        f"vod-batch {example}" for example in EXAMPLES[words[0]]
    ]


@pytest.mark.parametrize("example", [one for name in COMMANDS for one in EXAMPLES[name]])
def test_an_example_can_be_typed(example: str) -> None:
    """The command line takes its words."""
    name, *words = shlex.split(re.sub(r" > \S+$", "", example))
    command: Any = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    if hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    assert command.make_context(name, words).params


@pytest.mark.parametrize("word", ["dna", "tag", "AIMediaDNA", "aivideotag"])
@pytest.mark.parametrize("name", ["retry", "cancel", "pause", "resume", "resolve", "doctor"])
def test_a_type_is_selected_by_either_of_its_names(name: str, word: str) -> None:
    """Where one type is meant."""
    command: Any = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    params = command.make_context(name, ["--type", word]).params
    wanted = "AIVideoTag" if "tag" in word else "AIMediaDNA"
    assert params["job_type"] == wanted
