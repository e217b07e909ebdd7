"""On a full disk the move ends at the first file with a sentence, and can be started again."""

import errno
from typing import Any

import pytest
from django.core.files import File
from django.core.management import CommandError

from operations.file_moves import mover
from studio.media.storage.local import LocalStorage
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob, Use
from tests.operations.file_moves.moved_files import CONTENTS, contents, fill, move, names

pytestmark = pytest.mark.django_db


class SmallDisk(LocalStorage):
    """Has room for this many files."""

    room = 2
    tries = 0

    def _save(self, name: str, content: "File[Any]") -> str:
        type(self).tries += 1
        if self.tries > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super()._save(name, content)


def test_full_disk_ends_the_run_at_once(
    use: Use, make_user: MakeUser, make_job: MakeJob, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use("cloudinary")
    fill(make_user(), make_job)
    use("local")
    default = settings.STORAGES["default"] | {"BACKEND": "tests.operations.file_moves.test_full_disk.SmallDisk"}
    settings.STORAGES = settings.STORAGES | {"default": default}
    monkeypatch.setattr(SmallDisk, "tries", 0)
    monkeypatch.setattr(mover, "PAUSES", (3600.0,))  # any pause would be noticed

    with pytest.raises(CommandError, match="The storage is full: after 2 moved files there was no room for") as raised:
        move("--to", "local")
    tries, moved = SmallDisk.tries, [name.startswith("http") for name in names()].count(False)
    monkeypatch.setattr(SmallDisk, "room", 100)

    assert (tries, moved, raised.value.returncode) == (3, 2, 1)
    assert move("--to", "local")[1].startswith("4 files moved")
    assert contents() == CONTENTS
