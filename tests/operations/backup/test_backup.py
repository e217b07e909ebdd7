"""The contents of a backup, what it excludes, and its report of both."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection

from studio.media.storage import disposal
from studio.models import Disposal, Heartbeat, TaskState
from tests.fakes.cloudinary import FakeCloudinary
from tests.operations.backup.archives import contents, pack
from tests.studio.media.cloudinary_files import env_options


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
def test_excluded_database_is_named(data_dir: Path, tmp_path: Path) -> None:
    default_storage.save("videos/1.mp4", ContentFile(b"video"))

    facts, advice = backup(tmp_path / "b.tar.gz")

    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        assert archive.getnames() == ["secrets/secret_key", "media/videos/1.mp4", "manifest.json"]
    assert (facts["without"], facts["files"], facts["bytes"]) == (
        ["db.sqlite3"],
        2,
        (tmp_path / "b.tar.gz").stat().st_size,
    )
    assert ("pg_dump" if connection.vendor == "postgresql" else "outside DATA_DIR") in advice
    assert "manage.py restore --settle" in advice
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    assert not TaskState.objects.exists()
    assert not Heartbeat.objects.exists()


@pytest.mark.django_db
def test_excluded_files_are_named(data_dir: Path, tmp_path: Path, settings: Any) -> None:
    with FakeCloudinary() as fake:
        options = env_options(fake.cloudinary_url) | {"folder": "ai-studio"}
        backend = {"BACKEND": "studio.media.storage.cloudinary.CloudinaryStorage", "OPTIONS": options}
        settings.STORAGES = settings.STORAGES | {"default": backend}

        facts, advice = backup(tmp_path / "b.tar.gz")

        assert (fake.account.calls, facts["without"], "Cloudinary offers them" in advice) == (
            [],
            ["db.sqlite3", "media"],
            True,
        )


@pytest.mark.django_db
def test_part_that_the_archive_should_not_have_is_not_restored(data_dir: Path, tmp_path: Path) -> None:
    path = pack(tmp_path / "b", {"db.sqlite3": b"x"})

    with pytest.raises(CommandError) as raised:
        call_command("restore", str(path))

    assert "The backup has db.sqlite3, but this configuration keeps it in another place. " in str(raised.value)
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

    with pytest.raises(CommandError, match="exists already; a backup never overwrites a file"):
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
    TaskState.objects.update(due_at="2026-01-01T00:00Z")  # of a backup that was killed

    assert (held, disposal.sweep()) == (0, 1)


@pytest.mark.django_db
def test_secrets_are_restored_for_their_owner_alone(data_dir: Path, tmp_path: Path) -> None:
    path = pack(tmp_path / "b", {"secrets/secret_key": b"new"}, without=["db.sqlite3"])

    call_command("restore", str(path), stdout=io.StringIO())

    secrets = data_dir / "secrets"
    modes = [part.stat().st_mode & 0o777 for part in (secrets, secrets / "secret_key")]
    assert (contents(data_dir), modes) == ({"secrets/secret_key": "new"}, [0o700, 0o600])


@pytest.mark.django_db
def test_archive_of_the_former_format_is_restored(data_dir: Path, tmp_path: Path) -> None:
    files = {"media/x": {"bytes": 1, "sha256": "2d71"}}
    path = pack(tmp_path / "b", {"media/x": b"x"}, format=1, without=["db.sqlite3"], migrations=[], files=files)

    call_command("restore", str(path), stdout=io.StringIO())

    assert contents(data_dir) == {"secrets/secret_key": "s" * 50, "media/x": "x"}
