"""Settings under which all is well, and what stands for the rest."""

from pathlib import Path

import pytest

from batch.settings import Settings
from tests.support.cloud import Emulator
from tests.support.ledger import Ledger

UNTOLD = ("SubmitAIJob", "not checked", 0)
"""What no free call tells, on the best of accounts."""


@pytest.fixture
def settings(ledger: Ledger, emulator: Emulator, tmp_path: Path) -> Settings:
    """This test's database, the emulator, a home on disk."""
    return ledger.settings.model_copy(update={"home": tmp_path, "endpoint": emulator.url})
