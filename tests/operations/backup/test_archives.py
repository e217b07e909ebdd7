"""An archive that is damaged, or not ours, is refused before any data is touched."""

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from operations.backup.restore import restore
from studio.errors import InvalidInput
from tests.operations.backup.archives import contents, pack, pack_raw

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Any) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    (tmp_path / "data" / "secrets").mkdir(parents=True)
    (tmp_path / "data" / "secrets" / "secret_key").write_text("s" * 50)
    return tmp_path / "data"


def refusal(path: Path) -> str:
    with pytest.raises(InvalidInput) as raised:
        restore(path=path, replace=True)
    assert contents(path.parent / "data") == {"secrets/secret_key": "s" * 50}
    return str(raised.value).replace(str(path), "FILE")


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
def test_name_outside_the_parts_is_refused(tmp_path: Path, name: str) -> None:
    assert (
        refusal(pack(tmp_path / "b.tar.gz", {name: b"x"})) == f"FILE is not a backup of this system: it has {name!r}."
    )


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_anything_but_a_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("media/x")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)

    assert refusal(tmp_path / "b.tar.gz") == "FILE is not a backup of this system: it has 'media/x'."


def test_damage_is_found(tmp_path: Path) -> None:
    whole = pack(tmp_path / "whole", {"media/a": os.urandom(100_000), "media/b": b"b"}).read_bytes()
    flipped = bytearray(whole)
    flipped[50_000] ^= 1

    def with_bytes(data: bytes) -> str:
        (tmp_path / "other").write_bytes(data)
        return refusal(tmp_path / "other")

    for damaged in (whole[:60_000], whole[:-4], flipped, b"", b"PK\3\4 no tar"):
        assert with_bytes(damaged).startswith("FILE is damaged, or no backup: ")
    assert "No such file or directory" in refusal(tmp_path / "missing")


def test_manifest_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    unknown = "FILE is a backup of an unknown format; use the version that made it."

    assert refusal(pack(tmp_path / "b", {}, format=3)) == unknown
    assert refusal(pack(tmp_path / "b", {}, without="x")) == unknown
    assert refusal(pack_raw(tmp_path / "b", [("manifest.json", b"{")])) == (
        "FILE is damaged: its manifest cannot be read."
    )
    assert refusal(pack_raw(tmp_path / "b", [])) == "FILE is damaged: its manifest cannot be read."


def test_file_that_comes_twice_is_refused(tmp_path: Path) -> None:
    twice = pack_raw(tmp_path / "b", [("media/x", b"1"), ("media/x", b"2")])

    assert "File exists" in refusal(twice)
