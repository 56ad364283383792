"""Options of settings: every one reaches the settings, and a flag beats what is set elsewhere."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from batch.cli.main import app
from batch.cli.options import takes
from batch.settings import PREFIX, Settings, parse_duration, sources, written

WORDS = {
    "nightly": ["inbox"], "load": ["list.csv"], "why": ["m" * 32], "resolve": ["--all"],
    "retry": ["--all"], "cancel": ["--all"], "pause": ["--all"], "resume": ["--all"],
}  # fmt: skip
"""What a command wants beside settings."""

OWN = {
    "emulator": {"qps"}, "selftest": {"database_url"},
    "retry": {"campaign"}, "cancel": {"campaign"}, "pause": {"campaign"}, "resume": {"campaign"},
}  # fmt: skip
"""Options that are named like a setting and are none."""

PRICES = {"AIMediaDNA": "0.05"}
"""A budget needs some."""

BOTH = "AIMediaDNA,AIVideoTag"
VALUES: dict[str, tuple[str, str, str]] = {
    "qps": ("11.5", "12", "13"), "concurrency": ("11", "12", "13"), "priority": ("-1", "2", "3"),
    "max_submissions": ("11", "12", "13"), "budget": ("1.5", "2.5", "3.5"),
    "budget_day": ("1.5", "2.5", "3.5"), "budget_month": ("1.5", "2.5", "3.5"),
    "max_bad": ("11", "12", "13"), "strict": ("true", "false", "true"),
    "skip_existing": ("never", "always", "auto"), "preflight": ("true", "false", "true"),
    "until": ("01:00", "02:00", "03:00"), "max_duration": ("90s", "2h", "3h"),
    "timezone": ("Asia/Shanghai", "Europe/Berlin", "Asia/Tokyo"), "grace": ("90s", "2m", "3m"),
    "settle": ("90m", "2h", "3h"), "type": ("AIVideoTag", BOTH, "AIMediaDNA"),
    "expect_list": ("true", "false", "true"),
    "print_page": ("when-needed", "always", "when-needed"),
    "log": ("attempts", "quiet", "auto"),
    "database_url": ("postgresql://a/x", "postgresql://b/x", "postgresql://c/x"),
    "endpoint": ("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"),
}  # fmt: skip
"""Of settings that not any word fits: by flag, in the environment, in the file."""


class ReachedError(Exception):
    """Carries the settings that a command has loaded, and ends it."""


class Telling(Settings):
    """Settings that end a command as soon as they have been checked."""

    def model_post_init(self, _context: Any) -> None:
        """Raise what was loaded."""
        raise ReachedError(self)


def _commands() -> Iterator[tuple[str, Any]]:
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        yield from getattr(command, "commands", {name: command}).items()


COMMANDS = dict(_commands())
TAKEN = [
    (name, option.name)
    for name, command in COMMANDS.items()
    for option in command.params
    if option.name in Settings.model_fields and option.name not in OWN.get(name, set())
]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment nor the folder of whoever runs the tests has a say."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.setenv(f"{PREFIX}PRICES", json.dumps(PRICES))
    monkeypatch.chdir(tmp_path)


def _loaded(monkeypatch: pytest.MonkeyPatch, command: Any, words: list[str]) -> Settings:
    monkeypatch.setattr(sources, "Settings", Telling)
    with pytest.raises(ReachedError) as ended:
        command(words, standalone_mode=False)
    return ended.value.args[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("name", "setting"), TAKEN)
def test_a_flag_beats_the_environment_which_beats_the_file(
    name: str, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every option of a setting that any command has."""
    by_flag, by_variable, in_file = VALUES.get(setting, ("flagged", "variable", "filed"))
    words = WORDS.get(name, [])

    def read(*flags: str) -> object:
        return getattr(_loaded(monkeypatch, COMMANDS[name], [*words, *flags]), setting)

    def meant(text: str) -> object:
        return getattr(Settings.model_validate({setting: text, "prices": PRICES}), setting)

    Path("vod-batch.toml").write_text(f'{setting} = "{in_file}"\n')
    assert read() == meant(in_file)
    monkeypatch.setenv(f"{PREFIX}{setting.upper()}", by_variable)
    assert read() == meant(by_variable)
    flag = f"--{setting.replace('_', '-')}"
    assert read(*([flag] if by_flag == "true" else [flag, by_flag])) == meant(by_flag)


def test_many_commands_take_many_settings() -> None:
    """What is looked at above is not a handful."""
    assert len(TAKEN) > 80
    assert {name for name, _ in TAKEN} == set(COMMANDS) - {"emulator", "selftest"}


def test_a_repeated_flag_is_a_list_and_a_negated_one_is_false(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``--type A --type B``, ``--no-preflight``."""
    words = ["inbox", "--type", "AIVideoTag", "--type", "AIMediaDNA", "--no-preflight"]
    settings = _loaded(monkeypatch, COMMANDS["nightly"], words)
    assert (settings.type, settings.preflight) == (("AIVideoTag", "AIMediaDNA"), False)


def test_options_stand_before_those_that_are_keyword_only() -> None:
    """And say what the field says, with its default."""

    @takes("qps", "max_submissions", "preflight")
    def command(settings: Settings, own: str = "", *, last: bool = False) -> None:
        """Do nothing."""

    single = typer.Typer(add_completion=False)
    single.command()(command)
    options = {option.name: option for option in typer.main.get_command(single).params}
    assert list(options) == ["own", "qps", "max_submissions", "preflight", "last"]
    told = [
        getattr(options[name], "help", None) for name in ("qps", "max_submissions", "preflight")
    ]
    assert told == [
        "The account's quota in calls a second. [30]",
        "Send no more than this many, then stop.",
        "Look at media first, free. [yes]",
    ]
    assert options["preflight"].secondary_opts == ["--no-preflight"]


def test_only_a_setting_can_be_taken() -> None:
    """A misspelt name ends the import."""
    with pytest.raises(KeyError, match="concurency"):
        takes("concurency")(lambda settings: None)


@pytest.mark.parametrize("text", ["1ms", "250ms", "35s", "90s", "10m", "1h", "36h", "3d"])
def test_a_duration_is_written_as_it_is_read(text: str) -> None:
    """In the largest unit that leaves no rest."""
    assert written(parse_duration(text)) == text
