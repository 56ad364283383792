"""The morning after: reconcile on this test's ledger and emulator."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.cloud import Emulator
from tests.support.night import Night
from tests.support.settling import Morning

MorningUnder = Callable[[str], Morning]


@pytest.fixture
def morning(night: Night) -> Morning:
    """Reconcile, against the shared emulator as new."""
    return Morning(night)


@pytest.fixture
def morning_under(night: Night, start_emulator: Callable[[str], Emulator]) -> MorningUnder:
    """Reconcile against an emulator of this test's own, with settings in TOML."""
    return lambda toml: Morning(replace(night, emulator=start_emulator(toml)))
