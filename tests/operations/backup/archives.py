"""Archives made by hand, and what is in a folder after one was restored."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

Files = dict[str, bytes]


def pack(path: Path, files: Files, /, **changes: Any) -> Path:
    """An archive with these files and a manifest, with the changes to it."""
    manifest = {
        "format": 2,
        "version": "1.0.0",
        "created_at": "2026-11-24T00:00:00+00:00",
        "without": [],
        "counts": {},
        "files": len(files),
    } | changes
    return pack_raw(path, [*files.items(), ("manifest.json", json.dumps(manifest).encode())])


def pack_raw(path: Path, members: list[tuple[str, bytes]]) -> Path:
    """The same without a manifest."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def contents(folder: Path) -> dict[str, str]:
    """The text of every file, but for the lock."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "up.lock"
    }
