"""Backups: what is in them, what is refused before anything is touched, and how the data of a folder is exchanged."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection

from operations.backup.data_folder import FolderInUse, alone_in, exchange
from operations.backup.restore import examine
from studio import __version__
from studio.errors import InvalidInput
from studio.media.storage import disposal
from studio.models import Disposal, Heartbeat
from tests.fakes.cloudinary import FakeCloudinary
from tests.studio.media.cloudinary_files import env_options

once = pytest.mark.once

Files = dict[str, bytes]


def pack(path: Path, files: Files, /, **changes: Any) -> Path:
    """An archive with these files, and a manifest that fits them but for the changes."""
    manifest = {
        "format": 1,
        "version": __version__,
        "created_at": "2026-11-24T00:00:00+00:00",
        "without": [],
        "migrations": ["videos.0001_initial"],
        "counts": {},
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
        },
    } | changes
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {**files, "manifest.json": json.dumps(manifest).encode()}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InvalidInput) as raised:
        examine(path=path)
    return str(raised.value).replace(str(path), "FILE")


@once
@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "media/../../evil",
        "/etc/passwd",
        "media//evil",
        "media/./evil",
        "evil",
        "media",
        "secrets/..",
        "db.sqlite3/x",
    ],
)
def test_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(pack(tmp_path / "b.tar.gz", {name: b"x"})) == f"FILE is not a backup of ours: it has {name!r}."


@once
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_anything_but_a_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("media/x")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)

    assert refusal(tmp_path / "b.tar.gz") == "FILE is not a backup of ours: it has 'media/x'."


@once
def test_damage_is_found(tmp_path: Path) -> None:
    files = {"media/a": os.urandom(100_000), "media/b": b"b"}
    whole = pack(tmp_path / "whole", files).read_bytes()
    told = "FILE is damaged: its files are not those of its manifest."

    def with_bytes(data: bytes) -> str:
        (tmp_path / "other").write_bytes(data)
        return refusal(tmp_path / "other")

    assert examine(path=tmp_path / "whole")["files"].keys() == files.keys()
    assert with_bytes(whole[:60_000]).startswith("FILE is damaged, or no backup: ")
    assert with_bytes(b"").startswith("FILE is damaged, or no backup: ")
    assert with_bytes(b"PK\3\4 no tar").startswith("FILE is damaged, or no backup: ")
    assert refusal(pack(tmp_path / "other", files, files={})) == told
    assert refusal(pack(tmp_path / "other", {}, files={"media/a": {"bytes": 1, "sha256": "0"}})) == told
    assert refusal(pack(tmp_path / "other", {"media/a": b"x"}, files={"media/a": {"bytes": 1, "sha256": "0"}})) == told
    assert refusal(tmp_path / "missing").startswith("FILE cannot be read: ")


@once
def test_manifest_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    another = "FILE is a backup of another format than 1; use the version that has made it."

    assert refusal(pack(tmp_path / "b", {}, format=2)) == another
    assert refusal(pack(tmp_path / "b", {}, migrations="x")) == another
    assert refusal(pack(tmp_path / "b", {}, migrations=["videos.0001_initial", "videos.0999_better"])) == (
        "The backup is of a newer version: videos.0999_better is not known here. Install that one first."
    )
    with tarfile.open(tmp_path / "b", "w:gz") as archive:
        info = tarfile.TarInfo("manifest.json")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"{"))
    assert refusal(tmp_path / "b") == "FILE is damaged: its manifest cannot be read."


@once
def test_file_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b", "w:gz") as archive:
        for data in (b"1", b"2"):
            info = tarfile.TarInfo("media/x")
            info.size = 1
            archive.addfile(info, io.BytesIO(data))

    assert refusal(tmp_path / "b") == "FILE is not a backup of ours: it has media/x twice."


# -- Exchanging the parts of a folder


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


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "up.lock"
    }


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


# -- What is kept elsewhere


@pytest.fixture
def data_dir(tmp_path: Path, settings: Any) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.MEDIA_ROOT = settings.DATA_DIR / "media"
    (tmp_path / "data" / "secrets").mkdir(parents=True)
    (tmp_path / "data" / "secrets" / "secret_key").write_text("s" * 50)
    return tmp_path / "data"


def backup(path: Path) -> tuple[dict[str, Any], str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("backup", str(path), json=True, stdout=out, stderr=err)
    return json.loads(out.getvalue()), err.getvalue()


@pytest.mark.django_db
def test_database_elsewhere_is_told(data_dir: Path, tmp_path: Path) -> None:
    default_storage.save("videos/1.mp4", ContentFile(b"video"))

    facts, told = backup(tmp_path / "b.tar.gz")

    manifest = examine(path=tmp_path / "b.tar.gz")
    assert sorted(manifest["files"]) == ["media/videos/1.mp4", "secrets/secret_key"]
    assert (facts["without"], facts["files"], facts["bytes"]) == (
        ["db.sqlite3"],
        2,
        (tmp_path / "b.tar.gz").stat().st_size,
    )
    assert ("pg_dump" if connection.vendor == "postgresql" else "outside DATA_DIR") in told
    assert "manage.py restore --settle" in told
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    assert not Heartbeat.objects.exists()


@pytest.mark.django_db
def test_files_at_cloudinary_are_told(data_dir: Path, tmp_path: Path, settings: Any) -> None:
    with FakeCloudinary() as fake:
        options = env_options(fake.cloudinary_url) | {"folder": "ai-studio"}
        backend = {"BACKEND": "studio.media.storage.cloudinary.CloudinaryStorage", "OPTIONS": options}
        settings.STORAGES = settings.STORAGES | {"default": backend}

        facts, told = backup(tmp_path / "b.tar.gz")

        assert (fake.account.calls, facts["without"], "Cloudinary has them" in told) == (
            [],
            ["db.sqlite3", "media"],
            True,
        )


@pytest.mark.django_db
def test_part_that_is_kept_elsewhere_is_not_restored(data_dir: Path, tmp_path: Path) -> None:
    path = pack(tmp_path / "b", {"db.sqlite3": b"x"})

    with pytest.raises(CommandError) as raised:
        call_command("restore", str(path))

    assert "The backup has db.sqlite3, which this configuration keeps elsewhere. " in str(raised.value)
    assert contents(data_dir) == {"secrets/secret_key": "s" * 50}


@pytest.mark.django_db
def test_files_alone_are_restored(data_dir: Path, tmp_path: Path) -> None:
    path = pack(tmp_path / "b", {"media/videos/1.mp4": b"new"}, without=["db.sqlite3"])
    default_storage.save("videos/2.mp4", ContentFile(b"old"))

    with pytest.raises(CommandError, match="--replace puts the backup in its place"):
        call_command("restore", str(path))
    call_command("restore", str(path), replace=True, stdout=io.StringIO())

    (aside,) = data_dir.glob("before-restore-*")
    assert contents(data_dir) == {
        "secrets/secret_key": "s" * 50,
        "media/videos/1.mp4": "new",
        f"{aside.name}/media/videos/2.mp4": "old",
    }


@pytest.mark.django_db
def test_place_that_cannot_be_written_is_one_sentence(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")

    with pytest.raises(CommandError, match="is there already; a backup is never written over another file"):
        backup(tmp_path / "there")
    with pytest.raises(CommandError, match="The backup cannot be written: "):
        backup(tmp_path / "no" / "where")

    assert (tmp_path / "there").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "there"]


@pytest.fixture
def waiting_file() -> Iterator[str]:
    name = default_storage.save("videos/old.mp4", ContentFile(b"x"))
    disposal.dispose([name])
    Disposal.objects.update(due_at="2026-01-01T00:00Z")
    yield name
    default_storage.delete(name)


@pytest.mark.django_db
def test_no_file_is_removed_while_one_is_copied(waiting_file: str) -> None:
    disposal.hold_removals()
    held = disposal.sweep()
    Heartbeat.objects.update(beat_at="2026-01-01T00:00Z")  # of a backup that was killed

    assert (held, disposal.sweep()) == (0, 1)
