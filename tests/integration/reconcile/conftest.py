"""The morning after: reconcile on this test's ledger and emulator."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.cloud import Emulator
from tests.support.night import Night
from tests.support.settling import WORLDS, Morning, taken_for

MorningUnder = Callable[[str], Morning]


@pytest.fixture
def world() -> str:
    """The emulator is taken for a stand-in; a module of doubts has it play the cloud as well."""
    return WORLDS[0]


@pytest.fixture
async def morning(night: Night, world: str) -> Morning:
    """Reconcile, against the shared emulator as new."""
    return Morning(await taken_for(world, night))


@pytest.fixture
async def morning_under(
    night: Night, world: str, start_emulator: Callable[[str], Emulator]
) -> MorningUnder:
    """Reconcile against an emulator of this test's own, with settings in TOML."""
    taken = await taken_for(world, night)
    return lambda toml: Morning(replace(taken, emulator=start_emulator(toml)))
