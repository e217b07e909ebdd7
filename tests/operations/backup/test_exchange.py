"""The parts of DATA_DIR are exchanged all at once, or not at all."""

import json
from pathlib import Path

import pytest

from operations.backup.data_folder import FolderInUse, alone_in, exchange
from tests.operations.backup.archives import contents

once = pytest.mark.once


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With old parts in it, and new ones in `fresh`."""
    for name, text in {"db": "old", "media": "old", "fresh/db": "new", "fresh/secrets": "new"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "aside").mkdir()
    return tmp_path


NAMES = ["db", "media", "secrets"]
OLD = {"db": "old", "media": "old", "fresh/db": "new", "fresh/secrets": "new"}


@once
def test_parts_are_exchanged(folder: Path) -> None:
    with alone_in(folder):
        exchange(folder=folder, fresh=folder / "fresh", aside=folder / "aside", names=NAMES)

    assert contents(folder) == {"db": "new", "secrets": "new", "aside/db": "old", "aside/media": "old"}


@once
@pytest.mark.parametrize("done", range(5))
def test_exchange_that_was_killed_is_undone_by_the_next_start(folder: Path, done: int) -> None:
    moves = [("db", "aside/db"), ("media", "aside/media"), ("fresh/db", "db"), ("fresh/secrets", "secrets")]
    (folder / "exchange.json").write_text(json.dumps([[str(folder / a), str(folder / b)] for a, b in moves]))
    for source, target in moves[:done]:  # as far as it got
        (folder / source).rename(folder / target)

    with alone_in(folder):
        found = contents(folder)

    assert found == OLD


@once
def test_exchange_that_fails_is_undone_at_once(folder: Path) -> None:
    (folder / "aside" / "media" / "in the way").mkdir(parents=True)

    with alone_in(folder), pytest.raises(OSError, match="media"):
        exchange(folder=folder, fresh=folder / "fresh", aside=folder / "aside", names=NAMES)

    assert contents(folder) == OLD


@once
def test_folder_has_one_user(folder: Path) -> None:
    with alone_in(folder), pytest.raises(FolderInUse), alone_in(folder):
        raise AssertionError
