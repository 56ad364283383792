"""A night shift of this test's own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cloud import Emulator
from tests.support.console import KEY, Console
from tests.support.shift import Shift

MakeShift = Callable[..., Shift]


@pytest.fixture
def make_shift(
    tmp_path: Path, database_url: str, start_emulator: Callable[[str], Emulator]
) -> MakeShift:
    """Make a night shift against an emulator with settings in TOML; more settings by keyword."""

    def make(toml: str = "", **settings: object) -> Shift:
        home = tmp_path / "home"
        inbox = tmp_path / "inbox"
        home.mkdir()
        inbox.mkdir()
        emulator = start_emulator(toml)
        emulator.lookup_quota(0)
        base = {
            "VOD_BATCH_DATABASE_URL": database_url,
            "VOD_BATCH_ENDPOINT": emulator.url,
            "VOD_BATCH_QPS": "1000",
            "VOD_BATCH_POLL_QPS": "1000",
            "VOD_BATCH_PREFLIGHT_QPS": "1000",
        }
        return Shift(Console(home, base | KEY).having(**settings), emulator, inbox)

    return make
