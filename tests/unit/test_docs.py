"""What the documents say: held to the settings, the commands, the exit codes and the emulator."""

import json
import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest
import typer.main
from aiohttp import web

from batch.cli.main import app
from batch.core.states import State
from batch.emulator.actions import ACTIONS
from batch.emulator.admin import PAGES as EMULATOR_PAGES
from batch.emulator.faults import FaultRule, Kind
from batch.emulator.models import checked
from batch.emulator.settings import Switches, parse_settings
from batch.emulator.words import Table
from batch.errors import URGENCY, ExitCode
from batch.intake.names import ID_NAMES, MEANINGS
from batch.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
PROMISE = (
    "At most one paid job per media, type and configuration without an operator's word; "
    "nothing lost silently."
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
EMULATOR = (ROOT / "docs/emulator.md").read_text(encoding="utf-8")
STATES = (ROOT / "docs/states.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md"))]


def rows(text: str, first_header: str) -> list[list[str]]:
    """Return the cells of the table whose first header is ``first_header``."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {first_header} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
        found.append([cell.strip() for cell in cells])
    return found


def bare(cell: str) -> str:
    """Return what stands in a cell without its backquotes."""
    return cell.strip("`")


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Return every command as it is typed."""
    group = typer.main.get_command(app)
    found = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", {})
        found += [f"{name} {one}" for one in inner] or [name]
    return found


def flags() -> set[str]:
    """Return every flag of every command that stands for a setting."""
    group = typer.main.get_command(app)
    found: set[str] = set()
    for command in group.commands.values():  # type: ignore[attr-defined]
        for option in command.params:
            found |= set(option.opts)
    return found


DEFAULTS = Settings.model_validate({})
LISTS = ("type", "ping_success_codes")
SETTINGS = {bare(row[0]): [bare(cell) for cell in row[1:]] for row in rows(OPERATING, "setting")}


def test_every_setting_is_documented_and_no_other() -> None:
    """The table of settings names the fields of Settings, in their order."""
    assert sorted(SETTINGS) == sorted(Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_settings_line_is_true(name: str) -> None:
    """Flag, twin and default are the program's; it means what the field says, and may say more."""
    flag, twin, default, meaning = SETTINGS[name]
    spelled = f"--{name.replace('_', '-')}"
    assert flag == (spelled if spelled in flags() else "-")
    assert twin == f"{PREFIX}{name.upper()}"
    given = {} if default == "unset" else {name: default.split(",") if name in LISTS else default}
    assert getattr(Settings.model_validate(given), name) == getattr(DEFAULTS, name)
    assert (default == "unset") == (getattr(DEFAULTS, name) in (None, (), {}))
    description = Settings.model_fields[name].description
    assert description
    assert meaning.replace("`", "").startswith(description)


@pytest.mark.parametrize("name", commands())
def test_every_command_is_in_the_readme(name: str) -> None:
    """The README's table of commands has a line for each."""
    assert any(bare(row[0]).startswith(f"vod-batch {name}") for row in rows(README, "command"))


def test_the_readme_names_no_other_command() -> None:
    """What the README types is what there is."""
    typed = {line.split()[1] for line in README.splitlines() if line.startswith("vod-batch ")}
    typed |= {bare(row[0]).split()[1] for row in rows(README, "command")}
    assert typed - {"demo:", "COMMAND"} <= {name.split()[0] for name in commands()}


@pytest.mark.parametrize("text", [README, OPERATING], ids=["README", "operating"])
def test_exit_codes_are_documented(text: str) -> None:
    """Both tables hold every code, and the order of urgency stands below them."""
    assert {int(row[0]) for row in rows(text, "code")} == {code.value for code in ExitCode}
    order = [int(code) for code in re.findall(r"wins: ([\d, ]+)\.", text)[0].split(",")]
    assert order == [code.value for code in URGENCY if code is not ExitCode.USAGE]


def test_the_readme_begins_with_the_promise_and_two_commands() -> None:
    """Name, one sentence, the promise, a picture, then the quick start."""
    assert README.startswith("# vod-batch\n")
    places = [README.index(PROMISE), README.index("```mermaid"), README.index("## Quick start")]
    assert places == sorted(places)
    assert blocks(README, "sh")[0].splitlines()[:2] == ["make demo", "make test"]


def test_every_state_has_its_meaning() -> None:
    """docs/states.md says what each state means."""
    assert {bare(row[0]) for row in rows(STATES, "state")} == set(State)


def test_accepted_headers_are_documented() -> None:
    """docs/operating.md names each column that a list may have."""
    told = " ".join(row[1] for row in rows(OPERATING, "column"))
    names = [*ID_NAMES, *chain.from_iterable(MEANINGS.values())]
    assert all(f"`{name}`" in told for name in names)


def test_the_settings_example_of_the_readme_is_accepted() -> None:
    """The file shown can be used as it is."""
    for block in blocks(README, "toml"):
        assert Settings.model_validate(tomllib.loads(block)) != DEFAULTS


def test_every_fault_kind_is_documented() -> None:
    """docs/emulator.md has a line for each kind, and no other."""
    assert {bare(row[0]) for row in rows(EMULATOR, "kind")} == set(get_args(Kind))


def test_the_emulators_pages_and_actions_are_documented() -> None:
    """docs/emulator.md names each route with its methods, and each action."""
    application = web.Application()
    application.add_routes(EMULATOR_PAGES)
    told = {row[0] for row in rows(EMULATOR, "page")}
    by_page: dict[str, set[str]] = {}
    for cell in told:
        page = re.findall(r"/_emulator/\w+", cell)[0]
        by_page[page] = set(re.findall(r"GET|POST|DELETE", cell))
    real: dict[str, set[str]] = {}
    for route in application.router.routes():
        assert route.resource
        if route.method != "HEAD":
            real.setdefault(route.resource.canonical, set()).add(route.method)
    assert by_page == real
    assert all(f"`{action}`" in EMULATOR for action in ACTIONS)


def test_the_emulators_examples_work() -> None:
    """Its settings file and its faults are taken as they stand."""
    (example,) = blocks(EMULATOR, "toml")
    assert parse_settings(example).faults
    bodies = [json.loads(text) for text in re.findall(r"faults -d '(.*)'", EMULATOR)]
    assert bodies
    for body in bodies:
        for rule in body if isinstance(body, list) else [body]:
            assert checked(FaultRule, rule).kind


def test_the_emulators_words_can_be_said() -> None:
    """The example of words, and those of switches, are taken as they stand."""
    (example,) = blocks(EMULATOR, "json words")
    checked(Table, json.loads(example))
    turned = [json.loads(text) for text in re.findall(r"switches -d '(.*)'", EMULATOR)]
    assert turned
    for switches in turned:
        assert checked(Switches, switches) != Switches()


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    """Every link inside the repository meets a file, and its heading."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
            assert anchor in slugs, target


def test_every_test_that_the_promise_names_exists() -> None:
    """docs/delivery.md names a test beside each line; each is there."""
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", Path("docs/delivery.md").read_text()))
    sources = "\n".join(path.read_text() for path in Path("tests").rglob("test_*.py"))
    assert named
    assert {name for name in named if f"def {name}(" not in sources} == set()
