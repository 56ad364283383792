"""Where the files under test are."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def deploy() -> Path:
    """The folder ``deploy/``."""
    return Path(__file__).resolve().parents[3] / "deploy"
