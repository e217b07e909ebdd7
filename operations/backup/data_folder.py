"""DATA_DIR of a single machine: its lock, its permissions, and the exchange of its parts."""

import contextlib
import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

LOCK, JOURNAL = "up.lock", "exchange.json"
PRIVATE = 0o700  # it holds sessions, password hashes and prompts
_OTHERS = 0o077
# Our directories. In a folder that holds others, only ours are closed.
_OURS = re.compile(r"media|secrets|logs|valkey|work|lost\+found|before-restore-.*|restoring-.*")
_OUR_FILES = re.compile(r"db\.sqlite3.*|up\.lock|exchange\.json.*")


class FolderInUse(Exception):
    """`manage.py up` uses this folder, or another command is exchanging its parts."""


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel releases it however this process ends.

    Undoes an interrupted exchange first. Raises FolderInUse, and OSError for a folder that cannot be used.
    """
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise FolderInUse from exc
        _undo(folder)
        yield


def close_to_others(folder: Path) -> bool:
    """Remove the permissions of group and others from the folder and our parts in it; return whether it is closed now.

    A folder that holds other directories (DATA_DIR=/srv), belongs to another account, or is shared (/tmp) stays open,
    with our parts closed. Raises nothing: some file systems have no permissions.
    """
    try:
        parts = list(folder.iterdir())
        for part in parts:
            if (_OURS if part.is_dir() else _OUR_FILES).fullmatch(part.name):
                _close(part)
        is_ours = all(_OURS.fullmatch(part.name) for part in parts if part.is_dir())
        mode = folder.stat().st_mode
        if is_ours and not mode & stat.S_ISVTX and mode & _OTHERS:
            folder.chmod(PRIVATE)
        return not folder.stat().st_mode & _OTHERS
    except OSError:
        return False


def _close(part: Path) -> None:
    """Close a directory after its content, so that an interrupted walk is repeated."""
    mode = part.lstat().st_mode
    if stat.S_ISLNK(mode) or not mode & _OTHERS:
        return
    if stat.S_ISDIR(mode):
        for inside in part.iterdir():
            _close(inside)
    part.chmod(stat.S_IMODE(mode) & ~_OTHERS)


def exchange(*, folder: Path, fresh: Path, aside: Path, names: list[str]) -> None:
    """Move the parts of `folder` to `aside`, and those of `fresh` in their place. The folder must be locked.

    After a kill -9 or a power cut the next `alone_in` finds either all old parts or all new ones. Raises OSError with
    the old parts in place. All three must be on one file system.
    """
    moves = [(folder / name, aside / name) for name in names if os.path.lexists(folder / name)]
    moves += [(fresh / name, folder / name) for name in names if os.path.lexists(fresh / name)]
    os.sync()  # the fresh parts are on the disk
    _write_durably(folder / JOURNAL, json.dumps([[str(source), str(target)] for source, target in moves]))
    try:
        for source, target in moves:
            source.rename(target)
    except OSError:
        _undo(folder)
        raise
    (folder / JOURNAL).unlink()
    _sync(folder)


def _undo(folder: Path) -> None:
    """Move back, last first, what an interrupted exchange has moved."""
    journal = folder / JOURNAL
    if not journal.exists():
        return
    for source, target in reversed(json.loads(journal.read_text())):
        if os.path.lexists(target) and not os.path.lexists(source):
            Path(target).rename(source)
    journal.unlink()
    _sync(folder)


def _write_durably(path: Path, content: str) -> None:
    draft = path.with_name(f"{path.name}.draft")
    with draft.open("w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
