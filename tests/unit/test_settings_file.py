"""Where the settings file is looked for, and which one is in force."""

import os
from pathlib import Path

import pytest

from batch.errors import ConfigurationError
from batch.settings import load_settings, sources_in_force


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every place is this test's own, and there is nothing in any of them."""
    for name in list(os.environ):
        if name.startswith("VOD_BATCH_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_first_that_exists_is_read_and_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The named one, then working folder, home, and the user's folder for configuration."""
    me = tmp_path / "me"
    assert load_settings().concurrency == 32
    places = [
        me / ".config" / "vod-batch" / "vod-batch.toml",
        me / ".vod-batch" / "vod-batch.toml",
        tmp_path / "here" / "vod-batch.toml",
    ]
    for number, place in enumerate(places, start=1):
        _write(
            place, f"concurrency = {number}\nqps = {number}" if number == 1 else f"qps = {number}"
        )
        settings = load_settings()
        assert settings.qps == number
        assert settings.concurrency == (1 if number == 1 else 32)
        found = sources_in_force()
        assert (found.file, found.unread) == (place, tuple(reversed(places[: number - 1])))
    monkeypatch.setenv("VOD_BATCH_SETTINGS", str(_write(tmp_path / "named.toml", "qps = 9")))
    assert load_settings().qps == 9
    assert sources_in_force().file == tmp_path / "named.toml"


def test_both_folders_may_lie_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By VOD_BATCH_HOME and XDG_CONFIG_HOME; a relative one of the latter counts for nothing."""
    _write(tmp_path / "etc" / "vod-batch" / "vod-batch.toml", "qps = 1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "etc"))
    assert load_settings().qps == 1
    _write(tmp_path / "h" / "vod-batch.toml", "qps = 2")
    monkeypatch.setenv("VOD_BATCH_HOME", str(tmp_path / "h"))
    assert load_settings().qps == 2
    monkeypatch.setenv("VOD_BATCH_HOME", "")
    _write(tmp_path / "here" / "etc" / "vod-batch" / "vod-batch.toml", "qps = 3")
    monkeypatch.setenv("XDG_CONFIG_HOME", "etc")
    assert load_settings().qps == 30


def test_a_message_names_the_file_that_it_is_about(tmp_path: Path) -> None:
    """Whichever place it was found in."""
    place = _write(tmp_path / "me" / ".vod-batch" / "vod-batch.toml", "max_attempts = 0")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"max_attempts in {place}: ")
    _write(place, "max_attempt = 3")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    told = f"{place}: unknown setting 'max_attempt'; did you mean max_attempts?"
    assert str(caught.value) == told


def test_a_link_to_nothing_is_an_error(tmp_path: Path) -> None:
    """A file that was meant to be there must not be a silent default."""
    (tmp_path / "here" / "vod-batch.toml").symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigurationError, match="cannot read the settings file"):
        load_settings()


def test_without_a_home_there_is_no_place_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some crons and containers know none, and the rest is as ever."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # as for a user id that nobody has
    assert load_settings().qps == 30
    assert sources_in_force().file is None
    Path("vod-batch.toml").write_text("qps = 4", encoding="utf-8")
    assert load_settings().qps == 4


def test_who_brings_a_world_of_its_own_reads_no_file(tmp_path: Path) -> None:
    """The demo and the selftest take no order from the machine's file."""
    _write(tmp_path / "me" / ".vod-batch" / "vod-batch.toml", "qps = 2")
    assert load_settings(reads_file=False).qps == 30
