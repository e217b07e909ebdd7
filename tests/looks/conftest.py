"""An empty storage for each test of looks."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _empty_storage(media: Path) -> None:
    """The files of a test are its own."""
