"""DATA_DIR holds sessions, hashes and prompts in files: no other account of the machine opens any of them."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from operations.backup.data_folder import alone_in, close_to_others
from studio.env import PROJECT

IS_ROOT = os.geteuid() == 0
WITHOUT_RIGHTS = 65_534  # the user id of an account with no rights, on all systems
PARTS = ("db.sqlite3", "db.sqlite3-wal", "logs/web.log", "media/videos/a.mp4", "secrets/SECRET_KEY", "up.lock")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as earlier releases left it, in a parent that all accounts can enter."""
    found = tmp_path / "data"
    for name in PARTS:
        path = found / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("secret")
        path.chmod(0o644)
    for each in (found, *(path for path in found.rglob("*") if path.is_dir())):
        each.chmod(0o755)
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_new_folder_is_private(tmp_path: Path) -> None:
    with alone_in(tmp_path / "new"):
        assert mode(tmp_path / "new") == 0o700


def test_folder_that_any_command_makes_is_private(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", "from django.conf import settings; settings.DEBUG"],
        cwd=PROJECT,
        env={"DJANGO_SETTINGS_MODULE": "studio.settings", "DATA_DIR": str(tmp_path / "new"), "PATH": ""},
        check=True,
        timeout=60,
    )

    assert [mode(tmp_path / "new"), mode(tmp_path / "new" / "secrets")] == [0o700, 0o700]


def test_folder_of_an_earlier_release_is_mended(folder: Path) -> None:
    (folder / "backup.tar.gz").touch()  # not ours, but no reason to leave the folder open

    assert close_to_others(folder)

    assert {str(path.relative_to(folder)): mode(path) for path in folder.rglob("*") if path.is_file()} == {
        **dict.fromkeys(PARTS, 0o600),
        "backup.tar.gz": 0o644,
    }
    assert {mode(path) for path in (folder, *folder.rglob("*")) if path.is_dir()} == {0o700}


def test_mending_that_was_broken_off_is_done_again(folder: Path) -> None:
    (folder / "media/videos").chmod(0o700)  # a directory comes after what is in it
    (folder / "media/videos/a.mp4").chmod(0o600)

    assert close_to_others(folder)

    assert [mode(folder / name) for name in ("media", "logs/web.log")] == [0o700, 0o600]


def test_folder_with_directories_of_others_is_left_open(folder: Path) -> None:
    (folder / "www").mkdir(mode=0o755)
    (folder / "www/index.html").touch()

    assert not close_to_others(folder)

    assert [mode(folder), mode(folder / "www"), mode(folder / "db.sqlite3")] == [0o755, 0o755, 0o600]


def test_folder_of_everybody_is_left_open(folder: Path) -> None:
    folder.chmod(0o1777)

    assert not close_to_others(folder)

    assert [mode(folder), mode(folder / "media")] == [0o1777, 0o700]


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (folder / "media/more").symlink_to(outside)

    assert close_to_others(folder)

    assert mode(outside) == 0o755


@pytest.mark.skipif(not IS_ROOT, reason="only root can act as another account")
def test_another_account_opens_nothing(folder: Path) -> None:
    for above in folder.parents:
        if above.stat().st_uid == os.geteuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o011)

    def readable() -> bytes:
        script = 'for file; do cat "$file" 2>/dev/null; done; exit 0'
        argv = ["/bin/sh", "-c", script, "sh", *(str(folder / name) for name in PARTS)]
        account: dict[str, Any] = {"user": WITHOUT_RIGHTS, "group": WITHOUT_RIGHTS, "extra_groups": []}
        return subprocess.run(argv, **account, cwd="/", capture_output=True, check=True, timeout=60).stdout

    assert readable() == b"secret" * len(PARTS)
    close_to_others(folder)
    assert readable() == b""
